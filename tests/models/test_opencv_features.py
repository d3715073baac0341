"""Images described by gradients and by visual words; photographs and digits are scikit-learn's."""

import cv2
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits, load_sample_image
from threadpoolctl import threadpool_limits

from arogya_bench.errors import ModelError
from arogya_bench.models import opencv_features
from arogya_bench.models.opencv_features import (
    DESCRIPTOR_WIDTHS,
    KEYPOINT_GRIDS,
    LocalFeatures,
    grey_images,
    hog_features,
    learn_vocabulary,
    visual_word_histograms,
)

FLAT = np.full((40, 60, 3), 90, dtype=np.uint8)
BOTH = pytest.mark.parametrize("kind", ["orb", "sift"])


def local(kind, *, keypoints="detected", size=64):
    return LocalFeatures(kind=kind, keypoints=keypoints, image_size=size)


def described(features, *images):
    return list(features.descriptors(grey_images(images, features.image_size)))


def histograms(images, features, words):
    return visual_word_histograms(grey_images(images, features.image_size), features, words)


@pytest.fixture(scope="module")
def photo():
    return load_sample_image("china.jpg")


@pytest.fixture(scope="module")
def digits(subset_of):
    """Thirty handwritten digits of 8 x 8 pixels."""
    images, targets = load_digits(return_X_y=True)
    grey = (images[:30].reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)
    return subset_of([np.stack([each] * 3, axis=2) for each in grey], targets[:30], "0123456789")


def test_gradients_of_every_block_have_one_length(photo):
    rows = hog_features(grey_images([photo, FLAT], 64), 64)

    lengths = np.linalg.norm(rows.reshape(2, 9, 36), axis=2)
    np.testing.assert_allclose(lengths[0], 1, atol=0.01)
    np.testing.assert_array_equal(lengths[1], 0)


def test_no_images_have_no_gradients():
    assert hog_features([], 64).shape == (0, 324)


@BOTH
@pytest.mark.parametrize(("size", "least"), [(64, 40), (128, 150)])
def test_photograph_has_keypoints_at_the_sizes_in_use(photo, kind, size, least):
    (found,) = described(local(kind, size=size), photo)

    assert found.shape[0] >= least
    assert found.shape[1] == DESCRIPTOR_WIDTHS[kind]


@pytest.mark.parametrize(("kind", "least"), [("orb", 50), ("sift", 2)])
def test_digits_of_eight_pixels_have_keypoints(digits, kind, least):
    counts = [len(found) for found in described(local(kind), *digits.images())]

    assert min(counts) >= least


@BOTH
def test_smallest_size_is_described(photo, kind):
    (found,) = described(local(kind, size=32), photo)

    assert len(found) >= 10


@BOTH
def test_flat_image_has_no_keypoints_but_those_of_a_grid(kind):
    (detected,) = described(local(kind), FLAT)
    (spaced,) = described(local(kind, keypoints="grid"), FLAT)

    assert detected.shape == (0, DESCRIPTOR_WIDTHS[kind])
    assert len(spaced) == (64 // KEYPOINT_GRIDS[kind][0]) ** 2
    assert len(np.unique(spaced, axis=0)) == 1


def test_squared_distance_of_orb_rows_is_the_hamming_distance(photo):
    _, packed = (
        local("orb")
        ._build_extractor()
        .detectAndCompute(
            cv2.cvtColor(cv2.resize(photo, (64, 64), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY), None
        )
    )

    (rows,) = described(local("orb"), photo)

    for i, j in np.random.default_rng(0).integers(len(rows), size=(50, 2)):
        hamming = cv2.norm(packed[i], packed[j], cv2.NORM_HAMMING)
        assert np.square(rows[i] - rows[j]).sum() == hamming


@BOTH
def test_descriptors_do_not_depend_on_the_threads_of_opencv(photo, kind):
    before = cv2.getNumThreads()
    found = []
    for count in (1, 3):
        cv2.setNumThreads(count)
        found += described(local(kind, size=128), photo)
    cv2.setNumThreads(before)

    np.testing.assert_array_equal(*found)


def test_detected_keypoints_turn_with_the_image_and_a_grid_does_not(photo):
    """By the nearest descriptor of the same image, turned by a quarter."""
    square = cv2.resize(photo, (128, 128), interpolation=cv2.INTER_AREA)
    medians = {}

    for keypoints in ("detected", "grid"):
        features = local("orb", keypoints=keypoints, size=128)
        upright, turned = described(features, square, np.rot90(square).copy())
        distances = cdist(upright, turned, "hamming")
        medians[keypoints] = np.median(distances.min(axis=1))

    assert medians["detected"] < 0.75 * medians["grid"]


@BOTH
def test_words_are_the_same_for_the_same_seed_whatever_the_threads(digits, kind):
    learnt = []
    for seed, count in ((1, 1), (1, 2), (2, 1)):
        with threadpool_limits(count):
            learnt.append(learn_vocabulary(digits, local(kind), size=12, seed=seed).words)

    np.testing.assert_array_equal(learnt[0], learnt[1])
    assert not np.array_equal(learnt[0], learnt[2])


def test_words_of_orb_are_what_the_hamming_distance_makes_of_them(digits):
    """Most descriptors are nearest to the same word by the Hamming distance to its majority."""
    features = local("orb")
    words = learn_vocabulary(digits, features, size=12, seed=0).words
    rows = np.concatenate(described(features, *digits.images()))

    nearest = np.square(rows[:, None] - words[None]).sum(axis=2).argmin(axis=1)
    majority = (words > 0.5).astype(np.float32)
    hamming = np.abs(rows[:, None] - majority[None]).sum(axis=2).argmin(axis=1)

    assert ((words >= 0) & (words <= 1)).all()
    assert (nearest == hamming).mean() > 0.8


@BOTH
def test_sample_of_a_vocabulary_is_capped_and_spread_over_images(digits, kind, monkeypatch):
    monkeypatch.setattr(opencv_features, "MAX_DESCRIPTORS", 50)
    monkeypatch.setattr(opencv_features, "MAX_DESCRIPTORS_PER_IMAGE", 4)

    learnt = learn_vocabulary(digits, local(kind), size=12, seed=0)

    assert learnt.words.shape == (12, DESCRIPTOR_WIDTHS[kind])
    assert learnt.descriptors == 50
    assert 13 <= learnt.images < 30


def test_few_images_give_all_that_they_have(digits):
    counts = [len(found) for found in described(local("sift"), *digits.images())]

    learnt = learn_vocabulary(digits, local("sift"), size=12, seed=0)

    assert max(counts) < opencv_features.MAX_DESCRIPTORS_PER_IMAGE
    assert learnt.descriptors == sum(counts)
    assert learnt.images == 30


@BOTH
@pytest.mark.parametrize("keypoints", ["detected", "grid"])
def test_images_with_too_little_in_them_have_no_vocabulary(subset_of, kind, keypoints):
    train = subset_of([FLAT] * 4, [0, 1, 0, 1], ("a", "b"))

    with pytest.raises(ModelError, match=f"different {kind} descriptors, too few for 5") as refused:
        learn_vocabulary(train, local(kind, keypoints=keypoints), size=5, seed=0)

    assert "model.features=hog" in refused.value.fix


@BOTH
def test_histogram_counts_nearest_words_as_the_matcher_of_opencv_does(photo, kind):
    features = local(kind, size=128)
    (found,) = described(features, photo)
    words = found[::7]

    (row,) = histograms([photo], features, words)

    nearest = [match.trainIdx for match in cv2.BFMatcher(cv2.NORM_L2).match(found, words)]
    shares = np.bincount(nearest, minlength=len(words)) / len(found)
    np.testing.assert_allclose(row, np.sqrt(shares), atol=1e-6)
    assert np.linalg.norm(row) == pytest.approx(1)


@BOTH
def test_image_without_keypoints_is_a_row_of_zeros_and_changes_no_other(photo, digits, kind):
    features = local(kind)
    words = learn_vocabulary(digits, features, size=12, seed=0).words

    rows = histograms([FLAT, photo, FLAT], features, words)

    np.testing.assert_array_equal(rows[[0, 2]], 0)
    np.testing.assert_array_equal(rows[1:2], histograms([photo], features, words))


def test_no_images_have_no_histograms():
    words = np.zeros((5, 256), dtype=np.float32)

    assert visual_word_histograms([], local("orb"), words).shape == (0, 5)
