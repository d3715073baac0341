import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arogya_bench.metrics.segmentation_lesions import label_components, lesion_coverage, lesion_scores

EMPTY = np.zeros((6, 12), dtype=bool)


def lesions(*boxes, shape=(6, 12)):
    """A mask of rectangles: top, bottom, left, right, ends left out."""
    mask = np.zeros(shape, dtype=bool)
    for top, bottom, left, right in boxes:
        mask[top:bottom, left:right] = True
    return mask


def counted(mask):
    """Number of components by flooding from pixel to pixel, corners included."""
    left, number = {tuple(place) for place in np.argwhere(mask).tolist()}, 0
    while left:
        number, edge = number + 1, [left.pop()]
        while edge:
            place = edge.pop()
            near = {p for p in left if max(abs(a - b) for a, b in zip(p, place, strict=True)) == 1}
            left -= near
            edge.extend(near)
    return number


def test_lesions_by_hand():
    """Two of three are found, one of three predicted ones is false."""
    target = lesions((0, 2, 0, 2), (0, 2, 4, 6), (4, 6, 0, 2))
    predicted = lesions((1, 3, 1, 3), (0, 2, 5, 6), (4, 6, 8, 10))

    found = lesion_scores(target, predicted)

    assert (found.tp, found.fp, found.fn) == (2, 1, 1)
    assert found.sensitivity == pytest.approx(2 / 3)
    assert found.precision == pytest.approx(2 / 3)
    assert found.f1 == pytest.approx(2 / 3)


def test_overlap_asks_for_a_larger_share_than_it_says():
    target, predicted = lesions((0, 1, 0, 4)), lesions((0, 1, 2, 6))

    below, at = (lesion_scores(target, predicted, min_overlap=share) for share in (0.49, 0.5))

    assert (below.tp, below.fp, below.fn) == (1, 0, 0)
    assert (at.tp, at.fp, at.fn) == (0, 1, 1)


def test_lesion_found_in_pieces_counts_once():
    target, predicted = lesions((0, 1, 0, 6)), lesions((0, 1, 0, 2), (0, 1, 4, 6))

    found = lesion_scores(target, predicted)

    assert (found.tp, found.fp, found.predicted_lesions) == (1, 0, 2)
    assert "2 predicted lesions match 1 true" in found.note


def test_one_large_prediction_finds_all_that_it_covers():
    target, predicted = lesions((0, 1, 0, 2), (0, 1, 6, 8)), lesions((0, 1, 0, 8))

    found = lesion_scores(target, predicted)

    assert (found.tp, found.fp, found.fn) == (2, 0, 0)


def test_large_prediction_is_false_if_little_of_it_is_true():
    target, predicted = lesions((0, 1, 0, 2)), lesions((0, 6, 0, 12))

    found = lesion_scores(target, predicted, min_overlap=0.5)

    assert (found.tp, found.fp, found.fn) == (1, 1, 0)


def test_corners_touch():
    assert label_components(np.eye(4, dtype=bool)).max() == 1
    assert label_components(np.eye(3, dtype=bool)[:, :, None] & np.eye(3, dtype=bool)).max() == 1


@pytest.mark.parametrize("seed", range(3))
def test_components_agree_with_flooding(seed):
    mask = np.random.default_rng(seed).random((8, 9)) < 0.3

    assert label_components(mask).max() == counted(mask)


@pytest.mark.parametrize("seed", range(3))
def test_shares_agree_with_a_loop(seed):
    rng = np.random.default_rng(seed)
    mask, other = rng.random((4, 5, 6)) < 0.1, rng.random((4, 5, 6)) < 0.5
    numbered = label_components(mask)

    found = lesion_coverage(mask, other)

    expected = [other[numbered == k].mean() for k in range(1, numbered.max() + 1)]
    np.testing.assert_allclose(found, expected)


def test_without_any_lesion_nothing_is_defined():
    found = lesion_scores(EMPTY, EMPTY)

    assert (found.sensitivity, found.precision, found.f1) == (None, None, None)
    assert set(found.undefined) == {"sensitivity", "precision", "f1"}


def test_lesions_made_up_in_a_healthy_image_score_zero():
    found = lesion_scores(EMPTY, lesions((0, 1, 0, 1)))

    assert (found.sensitivity, found.precision, found.f1, found.fp) == (None, 0.0, 0.0, 1)


def test_nothing_predicted_misses_every_lesion():
    found = lesion_scores(lesions((0, 1, 0, 1)), EMPTY)

    assert (found.sensitivity, found.precision, found.f1, found.fn) == (0.0, None, 0.0, 1)


@given(seed=st.integers(0, 10_000), overlap=st.floats(0.0, 0.9))
def test_counts_add_up_and_more_overlap_finds_no_more(seed, overlap):
    rng = np.random.default_rng(seed)
    target, predicted = rng.random((2, 8, 8)) < 0.2

    loose = lesion_scores(target, predicted)
    strict = lesion_scores(target, predicted, min_overlap=overlap)

    assert strict.tp + strict.fn == strict.target_lesions == label_components(target).max()
    assert strict.tp <= loose.tp
    assert strict.fp >= loose.fp


@pytest.mark.parametrize("overlap", [-0.1, 1.0, np.nan])
def test_overlap_out_of_range_is_refused(overlap):
    with pytest.raises(ValueError, match="overlap"):
        lesion_scores(EMPTY, EMPTY, min_overlap=overlap)


def test_masks_of_two_images_are_refused():
    with pytest.raises(ValueError, match="shape"):
        lesion_scores(EMPTY, EMPTY.T)
