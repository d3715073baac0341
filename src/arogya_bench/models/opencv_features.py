"""Image features from OpenCV: oriented gradients, or a bag of visual words."""

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

HOG_CELL = 16  # pixels; a HOG block is 2 x 2 cells, with a stride of one cell
HOG_BINS = 9
ORB_PATCH = 31  # pixels; the only size for which OpenCV has ORB's learnt comparisons
DESCRIPTOR_WIDTHS = {"orb": 256, "sift": 128}
# Spacing of the grid and size of its keypoints, in pixels. ORB's grid is finer since its
# descriptors cost a tenth of SIFT's, whose window is six times the size of its keypoint.
KEYPOINT_GRIDS = {"orb": (4, ORB_PATCH), "sift": (8, 4)}
MAX_DESCRIPTORS = 40_000  # sample from which a vocabulary is learnt
MAX_DESCRIPTORS_PER_IMAGE = 40  # so that a full sample comes from a thousand images or more


def grey_images(images: Iterable[Image], size: int) -> Iterator[Grey]:
    """Resize images to squares of ``size`` pixels and drop their colour."""
    for image in images:
        yield np.asarray(cv2.cvtColor(resize_square(image, size), cv2.COLOR_RGB2GRAY), np.uint8)


def hog_features(images: Iterable[Grey], size: int) -> Floats:
    """Histograms of oriented gradients (Dalal and Triggs 2005) of images whose size is a multiple of 16 pixels.

    Returns:
        Shape (n, width); every block of 36 numbers has length 1, or 0 where the image is flat.
    """
    hog = cv2.HOGDescriptor(
        (size, size), (2 * HOG_CELL, 2 * HOG_CELL), (HOG_CELL, HOG_CELL), (HOG_CELL, HOG_CELL), HOG_BINS
    )
    rows = [np.asarray(hog.compute(image)).ravel() for image in images]
    return np.array(rows, dtype=np.float64).reshape(-1, int(hog.getDescriptorSize()))


@dataclass(frozen=True, kw_only=True)
class LocalFeatures:
    """Keypoints of a grey image with a descriptor of their neighbourhood.

    ``detected`` uses the keypoints of the detector. Its thresholds are lower than OpenCV's, whose margin of 31 pixels
    leaves ORB no keypoint at 64 pixels, and few at 128; descriptors follow the orientation of their keypoint, so that
    they are invariant to rotation. ``grid`` describes evenly spaced upright patches instead, which usually separates
    classes better (Nowak, Jurie and Triggs 2006) and works on images without structure.

    Attributes:
        kind: ``orb`` (Rublee et al. 2011) or ``sift`` (Lowe 2004).
        keypoints: ``detected`` or ``grid``.
        image_size: Height and width of the images.
    """

    kind: str
    keypoints: str
    image_size: int

    def descriptors(self, images: Iterable[Grey]) -> Iterator[Descriptors]:
        """Describe the keypoints of each image.

        Yields:
            Shape (keypoints, width), possibly without rows. SIFT values are whole numbers from 0 to 255; ORB values are
            its 256 bits, so that the squared Euclidean distance of two rows is the Hamming distance of the descriptors.
        """
        extractor = self._build_extractor()
        grid = _grid_keypoints(self.image_size, *KEYPOINT_GRIDS[self.kind])
        for grey in images:
            if self.keypoints == "grid":
                descriptors = extractor.compute(grey, grid)[1]
            else:
                descriptors = extractor.detectAndCompute(grey, None)[1]
            if descriptors is None:
                yield np.empty((0, DESCRIPTOR_WIDTHS[self.kind]), np.float32)
            elif self.kind == "orb":
                yield np.unpackbits(descriptors, axis=1).astype(np.float32)
            else:
                yield np.asarray(descriptors, np.float32)

    def _build_extractor(self) -> cv2.Feature2D:
        if self.kind == "sift":
            return cv2.SIFT.create(contrastThreshold=0.01)
        # Patches may cross the border, where OpenCV mirrors the image.
        return cv2.ORB.create(patchSize=ORB_PATCH, edgeThreshold=0, fastThreshold=5)


@dataclass(frozen=True, kw_only=True, eq=False)
class Vocabulary:
    """Visual words: cluster centres of shape (words, width).

    ``descriptors`` counts the sample that they were learnt from; ``images`` includes those without keypoints.
    """

    words: Words
    descriptors: int
    images: int


def learn_vocabulary(train: Subset, features: LocalFeatures, *, size: int, seed: int) -> Vocabulary:
    """Cluster a sample of the descriptors of the training images by k-means.

    On the bits of ORB this clusters by Hamming distance: the squared distance to the mean of a cluster is the mean
    Hamming distance to its members, minus half of that between them. Equal seeds give equal words, for any number of
    threads.
    """
    from sklearn.cluster import MiniBatchKMeans

    samples = _sample_descriptors(train, features, np.random.default_rng(seed))
    pool = np.concatenate(samples)
    distinct = len({row.tobytes() for row in pool})
    if distinct < size:
        raise ModelError(
            f"{len(samples)} training images have {distinct} different {features.kind} "
            f"descriptors, too few for {size} visual words.",
            fix="set model.keypoints=grid, lower model.vocabulary, or set model.features=hog.",
        )
    means = MiniBatchKMeans(
        size,
        batch_size=4096,
        max_iter=20,
        n_init=1,
        max_no_improvement=None,  # its criterion depends on the number of threads
        compute_labels=False,
        random_state=seed,
    ).fit(pool)
    return Vocabulary(words=means.cluster_centers_, descriptors=len(pool), images=len(samples))


def visual_word_histograms(images: Iterable[Grey], features: LocalFeatures, words: Words) -> Floats:
    """Count, for each image, the visual words nearest to its keypoints.

    Counts (Csurka et al. 2004) are divided by their sum, then their square roots are taken, so that the Euclidean
    distance of two rows is sqrt(2) times the Hellinger distance of the distributions (Arandjelovic and Zisserman 2012).

    Returns:
        Shape (n, words); rows have length 1, or 0 for an image without keypoints.
    """
    norms = np.square(words).sum(axis=1)
    rows = []
    for descriptors in features.descriptors(images):
        nearest = (norms - 2 * descriptors @ words.T).argmin(axis=1)
        counts = np.bincount(nearest, minlength=len(words))
        rows.append(np.sqrt(np.float32(counts / max(1, len(descriptors)))))
    return np.array(rows, dtype=np.float64).reshape(-1, len(words))


def _sample_descriptors(train: Subset, features: LocalFeatures, rng: np.random.Generator) -> list[Descriptors]:
    order = rng.permutation(len(train))
    images = (train.dataset.read(train.cases[i]) for i in order)
    samples: list[Descriptors] = []
    remaining = MAX_DESCRIPTORS
    for descriptors in features.descriptors(grey_images(images, features.image_size)):
        drawn = rng.permutation(len(descriptors))[: min(MAX_DESCRIPTORS_PER_IMAGE, remaining)]
        samples.append(descriptors[drawn])
        remaining -= len(drawn)
        if not remaining:
            break
    return samples


def _grid_keypoints(size: int, step: int, diameter: int) -> list[cv2.KeyPoint]:
    coordinates = np.arange(step / 2, size, step).tolist()
    return [cv2.KeyPoint(x, y, diameter, 0.0) for y in coordinates for x in coordinates]
