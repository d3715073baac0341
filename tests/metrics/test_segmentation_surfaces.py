import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.segmentation_surfaces import (
    border_distances,
    check_masks,
    check_spacing,
    contour_lengths,
    extract_surfaces,
    find_border,
    hausdorff,
    surface_areas,
    surface_dice,
)

SPACINGS = [(1.0, 1.0), (2.0, 0.5), (1.0, 1.0, 1.0), (3.0, 0.8, 0.7)]


def point(*place, shape=(7, 9)):
    mask = np.zeros(shape, dtype=bool)
    mask[place] = True
    return mask


def random_pair(seed, dimensions):
    """Two masks with holes, islands and pixels at the edges of the image."""
    rng = np.random.default_rng(seed)
    shape = (9, 11) if dimensions == 2 else (5, 7, 6)
    return rng.random(shape) < 0.5, rng.random(shape) < 0.3


def directed(mask, other, spacing):
    """Distances between border pixels, pair by pair."""
    places = [np.argwhere(find_border(each)) * np.array(spacing) for each in (mask, other)]
    return np.linalg.norm(places[0][:, None] - places[1][None], axis=-1).min(axis=1)


def test_border_is_what_has_a_neighbour_outside():
    mask = np.zeros((5, 5), dtype=bool)
    mask[1:4, 1:4] = True

    assert find_border(mask).sum() == 8
    assert not find_border(mask)[2, 2]


def test_a_corner_that_is_missing_makes_no_border():
    """Neighbours are 4: the middle of a full image keeps its four beside it."""
    mask = np.ones((3, 3), dtype=bool)
    mask[0, 0] = False

    assert not find_border(mask)[1, 1]


def test_beyond_the_image_is_background():
    assert find_border(np.ones((3, 4), dtype=bool)).sum() == 10


def test_distance_of_two_points_by_hand():
    distances = border_distances(point(1, 1), point(4, 5), spacing=(2.0, 0.5))

    assert hausdorff(distances) == pytest.approx(np.hypot(3 * 2.0, 4 * 0.5))


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(3))
def test_distances_agree_with_all_pairs(seed, spacing):
    target, predicted = random_pair(seed, len(spacing))

    found = border_distances(target, predicted, spacing=spacing)

    np.testing.assert_allclose(found.from_target, directed(target, predicted, spacing))
    np.testing.assert_allclose(found.from_predicted, directed(predicted, target, spacing))


def test_percentile_is_the_larger_of_the_directed_ones_not_the_pooled_one():
    target = np.zeros((3, 40), dtype=bool)
    target[1, :20] = True
    predicted = target | point(1, 39, shape=(3, 40))

    found = border_distances(target, predicted, spacing=(1.0, 1.0))

    expected = np.percentile([0.0] * 20 + [20.0], 95)
    assert hausdorff(found, percent=95.0) == pytest.approx(expected)


def test_surface_of_a_voxel_is_an_octahedron():
    """Its eight faces are triangles with sides of √½ mm."""
    voxel = point(1, 1, 1, shape=(3, 3, 3))

    found = extract_surfaces(voxel, voxel, spacing=(1.0, 1.0, 1.0))

    assert found.target.areas.sum() == pytest.approx(np.sqrt(3))


def test_contour_of_a_pixel_is_a_rhombus():
    found = extract_surfaces(point(1, 1), point(1, 1), spacing=(2.0, 0.5))

    assert found.target.areas.sum() == pytest.approx(4 * np.hypot(1.0, 0.25))


def test_contour_of_a_rectangle_lies_on_its_pixels_edges_but_for_the_corners():
    mask = np.zeros((9, 9), dtype=bool)
    mask[2:6, 3:8] = True

    found = extract_surfaces(mask, mask, spacing=(1.0, 1.0))

    assert found.target.areas.sum() == pytest.approx(2 * 3 + 2 * 4 + 4 * np.sqrt(0.5))


@pytest.mark.parametrize(
    ("spacing", "total", "weighted"),
    [((1.0, 1.0, 1.0), 241.3431397055, 5101347.181406), ((3.0, 0.8, 0.7), 441.6106761703, 9238171.241437)],
)
def test_areas_sum_to_those_of_surface_distance(spacing, total, weighted):
    """Sums of version 0.1; the squares of the codes as weights notice a swap."""
    areas = surface_areas(spacing)

    assert areas.sum() == pytest.approx(total)
    assert (np.arange(256) ** 2 * areas).sum() == pytest.approx(weighted)


@pytest.mark.parametrize("areas", [contour_lengths((3.0, 5.0)), surface_areas((3.0, 0.8, 0.7))])
def test_inside_and_outside_share_a_surface(areas):
    assert areas[0] == areas[-1] == 0
    assert (areas[1:-1] > 0).all()
    np.testing.assert_array_equal(areas, areas[::-1])


# surface-distance 0.1 calls scipy by names that go with SciPy 2; may go if it is released anew.
@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")
@pytest.mark.parametrize("tolerance", [0.0, 0.8, 1.6, 3.0])
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(3))
def test_surface_dice_agrees_with_surface_distance(seed, spacing, tolerance):
    oracle = pytest.importorskip("surface_distance")
    target, predicted = random_pair(seed, len(spacing))

    found = surface_dice(target, predicted, spacing=spacing, tolerance=tolerance)

    distances = oracle.compute_surface_distances(target, predicted, spacing)
    expected = oracle.compute_surface_dice_at_tolerance(distances, tolerance)
    assert found == pytest.approx(expected, abs=1e-12)


def test_points_two_apart_share_half_their_contours_within_one():
    """The published test of surface-distance."""
    found = surface_dice(point(3, 4), point(3, 6), spacing=(2.0, 1.0), tolerance=1.0)

    assert found == pytest.approx(0.5)


@given(seed=st.integers(0, 10_000), dimensions=st.sampled_from([2, 3]))
def test_swapping_truth_and_prediction_changes_no_distance(seed, dimensions):
    target, predicted = random_pair(seed, dimensions)
    spacing = SPACINGS[2 * dimensions - 3]

    there = border_distances(target, predicted, spacing=spacing)
    back = border_distances(predicted, target, spacing=spacing)

    assert hausdorff(there, percent=95.0) == hausdorff(back, percent=95.0)
    assert surface_dice(target, predicted, spacing=spacing, tolerance=1.0) == pytest.approx(
        surface_dice(predicted, target, spacing=spacing, tolerance=1.0)
    )


@given(factor=st.floats(0.1, 10.0))
def test_distances_grow_with_the_pixels(factor):
    target, predicted = random_pair(1, 2)

    small = border_distances(target, predicted, spacing=(2.0, 0.5))
    large = border_distances(target, predicted, spacing=(2.0 * factor, 0.5 * factor))

    assert hausdorff(large) == pytest.approx(factor * hausdorff(small))


def test_background_around_changes_nothing():
    target, predicted = random_pair(2, 3)
    wide = [np.pad(mask, 4) for mask in (target, predicted)]

    found = surface_dice(*wide, spacing=(3.0, 0.8, 0.7), tolerance=1.0)

    assert found == surface_dice(target, predicted, spacing=(3.0, 0.8, 0.7), tolerance=1.0)


@pytest.mark.parametrize("function", [border_distances, extract_surfaces])
def test_empty_mask_has_no_surface(function):
    with pytest.raises(UndefinedMetric, match="predicted without a pixel"):
        function(point(1, 1), np.zeros((7, 9), dtype=bool), spacing=(1.0, 1.0))


def test_zeros_and_ones_are_a_mask():
    found = check_masks([[0, 1]], [[1.0, 0.0]])

    assert found.target.tolist() == [[False, True]]
    assert found.predicted.dtype == np.bool_


@pytest.mark.parametrize(
    ("target", "predicted", "message"),
    [
        ([[0, 2]], [[0, 1]], "not 2"),
        ([[0, 1]], [[0.5, 1]], "not 0.5"),
        ([[0, 1]], [[np.nan, 1]], "not nan"),
        ([0, 1], [0, 1], "not of shape"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "not of shape"),
        ([[0, 1]], [[0], [1]], "predicted"),
    ],
)
def test_other_arrays_are_no_masks(target, predicted, message):
    with pytest.raises(ValueError, match=message):
        check_masks(target, predicted)


@pytest.mark.parametrize("spacing", [(1.0,), (1.0, 0.0), (1.0, -1.0), (1.0, np.nan), (1, 1, 1)])
def test_spacing_is_one_positive_number_per_axis(spacing):
    with pytest.raises(ValueError, match="spacing"):
        check_spacing(spacing, 2)


@pytest.mark.parametrize("tolerance", [-1.0, np.nan, np.inf])
def test_tolerance_is_a_distance(tolerance):
    with pytest.raises(ValueError, match="tolerance"):
        surface_dice(point(1, 1), point(1, 1), spacing=(1.0, 1.0), tolerance=tolerance)
