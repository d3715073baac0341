"""Images described by OpenCV: oriented gradients, or a bag of visual words."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.preprocessing import resize_square
from arogya_bench.types import Floats, Image, Subset

Descriptors: TypeAlias = NDArray[np.float32]  # (keypoints, width): 256 bits or 128 gradients
Words: TypeAlias = NDArray[np.float32]  # (words, width)
Grey: TypeAlias = NDArray[np.uint8]  # (size, size)

HOG_CELL = 16  # pixels; a HOG block is 2 x 2 cells and moves by one
HOG_BINS = 9
ORB_PATCH = 31  # pixels; OpenCV has the learnt comparisons of ORB for this patch only
DESCRIPTOR_WIDTHS = {"orb": 256, "sift": 128}
# Pixels between the points of a grid, and the size of each. ORB's grid is finer since one of its
# descriptors costs a tenth of one of SIFT's, whose window is six times the size of its point.
KEYPOINT_GRIDS = {"orb": (4, ORB_PATCH), "sift": (8, 4)}
MAX_DESCRIPTORS = 40_000  # descriptors that a vocabulary is learnt from, at most
MAX_DESCRIPTORS_PER_IMAGE = 40  # so that a full sample comes from a thousand images or more


def hog_features(images: Iterable[Image], size: int) -> Floats:
    """Histograms of oriented gradients (Dalal and Triggs 2005) of grey images.

    Args:
        images: Of any size.
        size: Pixels after resizing; a multiple of 16.

    Returns:
        Shape (n, width); every block of 36 numbers has length 1, or 0 where the image is flat.
    """
    hog = cv2.HOGDescriptor(
        (size, size),
        (2 * HOG_CELL, 2 * HOG_CELL),
        (HOG_CELL, HOG_CELL),
        (HOG_CELL, HOG_CELL),
        HOG_BINS,
    )
    rows = [np.asarray(hog.compute(_to_grey(image, size))).ravel() for image in images]
    return np.array(rows, dtype=np.float64).reshape(-1, int(hog.getDescriptorSize()))


@dataclass(frozen=True, kw_only=True)
class LocalFeatures:
    """Keypoints of a grey image, each with a descriptor of what surrounds it.

    ``detected`` keeps what the detector finds. Its thresholds are lower than OpenCV's, whose
    margin of 31 pixels leaves ORB no keypoint at 64 pixels, and next to none at 128; descriptors
    are turned with their keypoint, so that a rotated image is described alike. ``grid`` describes
    evenly spaced upright patches instead, which tells classes apart better as a rule (Nowak, Jurie
    and Triggs 2006) and finds something in the smoothest image.

    Attributes:
        kind: ``orb`` (Rublee et al. 2011) or ``sift`` (Lowe 2004).
        keypoints: ``detected`` or ``grid``.
        image_size: Pixels after resizing.
    """

    kind: str
    keypoints: str
    image_size: int

    def descriptors(self, images: Iterable[Image]) -> Iterator[Descriptors]:
        """Describe the keypoints of each image in turn.

        Yields:
            Shape (keypoints, width), without rows if there are no keypoints. Values of SIFT are
            whole numbers from 0 to 255; those of ORB are its 256 bits, so that the squared
            Euclidean distance of two rows is the Hamming distance of the descriptors.
        """
        extractor = self._build_extractor()
        grid = _grid_keypoints(self.image_size, *KEYPOINT_GRIDS[self.kind])
        for image in images:
            grey = _to_grey(image, self.image_size)
            if self.keypoints == "grid":
                found = extractor.compute(grey, grid)[1]
            else:
                found = extractor.detectAndCompute(grey, None)[1]
            if found is None:
                yield np.empty((0, DESCRIPTOR_WIDTHS[self.kind]), np.float32)
            elif self.kind == "orb":
                yield np.unpackbits(found, axis=1).astype(np.float32)
            else:
                yield np.asarray(found, np.float32)

    def _build_extractor(self) -> cv2.Feature2D:
        if self.kind == "sift":
            return cv2.SIFT.create(contrastThreshold=0.01)
        # Patches may reach over the border: OpenCV mirrors the image there.
        return cv2.ORB.create(patchSize=ORB_PATCH, edgeThreshold=0, fastThreshold=5)


@dataclass(frozen=True, kw_only=True, eq=False)
class Vocabulary:
    """Visual words, and what they were learnt from.

    Attributes:
        words: Shape (words, width); each the centre of a cluster of descriptors.
        descriptors: How many descriptors it was learnt from.
        images: How many training images they came from, those without keypoints included.
    """

    words: Words
    descriptors: int
    images: int


def learn_vocabulary(train: Subset, features: LocalFeatures, *, size: int, seed: int) -> Vocabulary:
    """Cluster a sample of the descriptors of the training images by k-means.

    On the bits of ORB this is clustering by the Hamming distance: the squared distance to the
    mean of a cluster is the mean Hamming distance to its members, less half of that between them.

    Args:
        train: Images are read in random order until the sample is full.
        features: What describes them.
        size: Number of words, at least 2.
        seed: Draws the sample and the first centres; equal seeds give equal words, whatever the
            number of threads.

    Raises:
        ModelError: If the images have fewer different descriptors than ``size``.
    """
    from sklearn.cluster import MiniBatchKMeans

    parts = _sample_descriptors(train, features, np.random.default_rng(seed))
    pool = np.concatenate(parts)
    distinct = len({row.tobytes() for row in pool})
    if distinct < size:
        raise ModelError(
            f"{len(parts)} training images have {distinct} different {features.kind} descriptors, "
            f"too few for {size} visual words.",
            fix="set model.keypoints=grid, lower model.vocabulary, or set model.features=hog.",
        )
    means = MiniBatchKMeans(
        size,
        batch_size=4096,
        max_iter=20,
        n_init=1,
        max_no_improvement=None,  # it compares sums whose last digits depend on the threads
        compute_labels=False,
        random_state=seed,
    ).fit(pool)
    return Vocabulary(words=means.cluster_centers_, descriptors=len(pool), images=len(parts))


def visual_word_histograms(
    images: Iterable[Image], features: LocalFeatures, words: Words
) -> Floats:
    """Count, for every image, which visual words its keypoints are nearest to.

    The counts (Csurka et al. 2004) are divided by their sum, and their square roots taken: the
    Euclidean distance of two rows is then sqrt(2) times the Hellinger distance of the two
    distributions (Arandjelovic and Zisserman 2012).

    Returns:
        Shape (n, words); rows have length 1, and 0 for an image without keypoints.
    """
    norms = np.square(words).sum(axis=1)
    rows = []
    for found in features.descriptors(images):
        nearest = (norms - 2 * found @ words.T).argmin(axis=1)
        counts = np.bincount(nearest, minlength=len(words))
        rows.append(np.sqrt(np.float32(counts / max(1, len(found)))))
    return np.array(rows, dtype=np.float64).reshape(-1, len(words))


def _sample_descriptors(
    train: Subset, features: LocalFeatures, rng: np.random.Generator
) -> list[Descriptors]:
    order = rng.permutation(len(train))
    images = (train.dataset.read(train.cases[i]) for i in order)
    parts: list[Descriptors] = []
    space = MAX_DESCRIPTORS
    for found in features.descriptors(images):
        drawn = rng.permutation(len(found))[: min(MAX_DESCRIPTORS_PER_IMAGE, space)]
        parts.append(found[drawn])
        space -= len(drawn)
        if not space:
            break
    return parts


def _grid_keypoints(size: int, step: int, diameter: int) -> list[cv2.KeyPoint]:
    places = np.arange(step / 2, size, step).tolist()
    return [cv2.KeyPoint(x, y, diameter, 0.0) for y in places for x in places]


def _to_grey(image: Image, size: int) -> Grey:
    return np.asarray(cv2.cvtColor(resize_square(image, size), cv2.COLOR_RGB2GRAY), np.uint8)
