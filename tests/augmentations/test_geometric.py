from itertools import product

import numpy as np
import pytest

from arogya_bench.augmentations.box_transforms import ImageSize, box_transform_of
from arogya_bench.augmentations.geometric import rotation
from arogya_bench.errors import ConfigError
from arogya_bench.types import Box

SIZE = ImageSize(width=200, height=160)


def drawn(*boxes, size=SIZE):
    """White ellipses that fill their boxes, on black; smooth at the edge."""
    rows, columns = np.mgrid[0 : size.height, 0 : size.width]
    steps = (0.125, 0.375, 0.625, 0.875)
    light = np.zeros((size.height, size.width))
    for box, down, right in product(boxes, steps, steps):
        x = (columns + right - box.left) / box.width - 0.5
        y = (rows + down - box.top) / box.height - 0.5
        light += x**2 + y**2 <= 0.25
    grey = np.minimum(255 * light / 16, 255).astype(np.uint8)
    return np.repeat(grey[..., np.newaxis], 3, axis=2)


def lit(image):
    """Left, top, right and bottom of what is lighter than half."""
    mask = image[..., 0] > 127
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def edges(box):
    return np.array([box.left, box.top, box.left + box.width, box.top + box.height])


def moved(*boxes, angle, seed=0, size=SIZE):
    return box_transform_of(rotation)(boxes, size, angle, np.random.default_rng(seed))


def turned(image, angle, seed=0):
    return rotation(image, angle, np.random.default_rng(seed))


def about(x, y, width, height, **changed):
    return Box(left=x - width / 2, top=y - height / 2, width=width, height=height, label=1, **changed)


def test_half_a_turn_flips_both_axes():
    image = np.random.default_rng(1).integers(0, 256, (9, 14, 3), dtype=np.uint8)

    result = rotation(image, 180, np.random.default_rng(0))

    assert (result == image[::-1, ::-1]).all()


def test_both_sides_are_drawn_and_mirror_each_other():
    disc = np.zeros((41, 41, 3), dtype=np.uint8)
    disc[5:10, 18:23] = 255

    results = [rotation(disc, 30, np.random.default_rng(seed)) for seed in range(20)]

    centres = {int(np.argmax(result.sum(axis=(0, 2)))) > 20 for result in results}
    assert centres == {True, False}


def test_corners_hold_no_black():
    image = np.full((40, 30, 3), 77, dtype=np.uint8)

    result = rotation(image, 30, np.random.default_rng(0))

    assert (result == 77).all()


@pytest.mark.parametrize("angle", [0, -15, 181, float("nan")])
def test_an_angle_out_of_range_is_refused(angle):
    with pytest.raises(ConfigError, match="Angle"):
        rotation(np.zeros((8, 8, 3), dtype=np.uint8), angle, np.random.default_rng(0))


@pytest.mark.parametrize("seed", [0, 1])  # to either side
@pytest.mark.parametrize("angle", [5, 45, 90, 120])
@pytest.mark.parametrize("shape", [(40, 40), (70, 12), (31, 45)])
def test_a_box_goes_where_its_ellipse_goes(shape, angle, seed):
    box = about(97, 83, *shape)

    (result,) = moved(box, angle=angle, seed=seed)

    found = lit(turned(drawn(box), angle, seed))
    assert not result.crowd
    assert abs(edges(result) - found).max() < 1.5


def test_both_sides_move_boxes():
    lefts = {moved(about(100, 40, 20, 20), angle=30, seed=seed)[0].left for seed in range(20)}

    assert len(lefts) == 2


@pytest.mark.parametrize("angle", [10, 45, 77])
def test_a_round_box_keeps_its_size_at_every_angle(angle):
    """The box of the four turned corners would be up to 1.4 times as wide."""
    (result,) = moved(about(95, 85, 40, 40), angle=angle)

    assert (result.width, result.height) == pytest.approx((40, 40))


def test_a_quarter_of_a_turn_swaps_width_and_height():
    (result,) = moved(about(100, 80, 50, 20), angle=90)

    assert edges(result) == pytest.approx([90, 55, 110, 105])


def test_label_and_order_stay():
    boxes = about(80, 80, 20, 20), Box(left=100, top=70, width=20, height=20, label=0)

    results = moved(*boxes, angle=15)

    assert [box.label for box in results] == [1, 0]


def test_a_crowd_is_turned_with_its_corners():
    (result,) = moved(about(100, 80, 40, 40, crowd=True), angle=45)

    assert result.crowd
    assert result.width == pytest.approx(40 * np.sqrt(2))


def test_no_boxes_stay_no_boxes():
    assert moved(angle=30) == ()


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("x", "counted"), [(165, True), (178, True), (182, False), (188, False)])
def test_an_object_of_which_less_than_half_is_visible_is_not_evaluated(x, counted, seed):
    """Turned by 90 degrees, it lies about the upper or the lower edge, at 180 and at 20."""
    box = about(x, 80, 26, 40)

    own = moved(box, angle=90, seed=seed)[0]

    assert own.crowd != counted


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("angle", [20, 90])
@pytest.mark.parametrize("shape", [(30, 30), (18, 50)])
@pytest.mark.parametrize(("x", "y"), [(30, 30), (170, 130), (172, 80)])
def test_the_visible_part_of_a_cut_object_has_a_tight_box(x, y, shape, angle, seed):
    # In a larger frame nothing is mirrored; the image is its middle.
    frame = ImageSize(width=400, height=360)
    whole = turned(drawn(about(x + 100, y + 100, *shape), size=frame), angle, seed)

    own = [box for box in moved(about(x, y, *shape), angle=angle, seed=seed) if not box.crowd]

    for box in own:
        assert abs(edges(box) - lit(whole[100:260, 100:300])).max() < 1.5


def test_an_object_that_leaves_the_image_is_gone():
    results = moved(about(190, 80, 14, 14), angle=90)

    assert not any(box for box in results if not box.crowd)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("angle", [15, 60, 90])
def test_everything_that_is_seen_is_in_a_box(angle, seed):
    """Mirrored copies in the corners are crowds: finding them is no mistake."""
    boxes = [about(x, y, 22, 22) for x in (30, 80, 130, 175) for y in (25, 70, 120)]

    results = moved(*boxes, angle=angle, seed=seed)

    uncovered = turned(drawn(*boxes), angle, seed)[..., 0] > 127
    for left, top, right, bottom in (edges(box) for box in results):
        uncovered[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = False
    assert not uncovered.any()
    assert any(box.crowd for box in results)


@pytest.mark.parametrize("angle", [15, 60, 90])
def test_a_mirrored_copy_is_never_an_object_of_its_own(angle):
    copies = 0

    for x, y in product((20, 60, 140, 180), (20, 60, 100, 140)):
        _, *others = moved(about(x, y, 22, 22), angle=angle) or [None]
        copies += len(others)
        assert all(box.crowd for box in others)

    assert copies > 0


@pytest.mark.parametrize("angle", [15, 60, 90])
def test_every_crowd_of_a_copy_holds_something(angle):
    boxes = [about(x, y, 22, 22) for x in (30, 80, 130, 175) for y in (25, 70, 120)]

    results = moved(*boxes, angle=angle)

    image = turned(drawn(*boxes), angle)[..., 0] > 127
    for box in results:
        left, top, right, bottom = edges(box).round().astype(int)
        if box.crowd and right - left > 2 and bottom - top > 2:
            assert image[top:bottom, left:right].mean() > 0.3


@pytest.mark.parametrize(("left", "seed"), [(30, 0), (140, 1)])
def test_an_object_that_has_grown_together_with_its_reflection_is_not_evaluated(left, seed):
    cut = Box(left=left, top=0, width=30, height=15, label=0)
    whole = Box(left=left, top=-14, width=30, height=29, label=0)

    (result,) = moved(cut, angle=15, seed=seed)

    assert result.crowd
    assert abs(edges(result) - lit(turned(drawn(whole), 15, seed))).max() < 1.5


def test_a_cut_object_is_evaluated_where_its_edge_is_not_visible():
    cut = Box(left=90, top=0, width=30, height=15, label=0)

    results = moved(cut, angle=180)

    assert [box.crowd for box in results] == [False]


@pytest.mark.parametrize("seed", range(10))
def test_boxes_never_leave_the_image_and_always_have_an_area(seed):
    rng = np.random.default_rng(seed)
    size = ImageSize(*rng.integers(20, 300, 2).tolist())
    boxes = []
    for _ in range(8):
        left, right = sorted(rng.uniform(0, size.width, 2))
        top, bottom = sorted(rng.uniform(0, size.height, 2))
        boxes.append(Box(left=left, top=top, width=right - left, height=bottom - top, label=0))

    for box in moved(*boxes, angle=rng.uniform(1, 180), seed=seed, size=size):
        assert box.left >= 0 <= box.top
        assert box.left + box.width <= size.width + 1e-9
        assert box.top + box.height <= size.height + 1e-9
        assert box.width > 0 < box.height


@pytest.mark.parametrize("seed", range(5))
def test_what_lies_well_inside_is_always_evaluated(seed):
    rng = np.random.default_rng(seed)
    box = about(*rng.uniform(90, 110, 2) - [0, 20], *rng.uniform(5, 40, 2))

    (result,) = moved(box, angle=rng.uniform(1, 180), seed=seed)

    assert not result.crowd
