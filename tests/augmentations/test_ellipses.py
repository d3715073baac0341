"""The box of a turned outline is tight, whole or cut."""

import numpy as np
import pytest

from arogya_bench.augmentations.box_transforms import ImageSize
from arogya_bench.augmentations.ellipses import Outline, box_outline, visible_box
from arogya_bench.types import Box

SIZE = ImageSize(width=100, height=80)


def ellipse(x=50.0, y=40.0, half_width=20.0, half_height=10.0, **changed):
    return Outline(x=x, y=y, half_width=half_width, half_height=half_height, **changed)


def seen(shape, *, crowd=False):
    return visible_box(shape, SIZE, label=0, crowd=crowd)


def test_a_box_holds_an_ellipse_and_a_crowd_fills_its_box():
    cell = Box(left=10, top=20, width=30, height=8, label=0)

    assert box_outline(cell) == ellipse(25, 24, 15, 4)
    assert box_outline(Box(left=10, top=20, width=30, height=8, label=0, crowd=True)).rectangle


def test_the_box_of_an_ellipse_turned_by_45_degrees_by_hand():
    """Half-axes 20 and 10: the half-width is sqrt((400 + 100) / 2)."""
    bounds = ellipse(angle=np.pi / 4).bounds()

    reach = np.sqrt(250)
    assert bounds == pytest.approx([50 - reach, 40 - reach, 50 + reach, 40 + reach])


def test_the_box_of_a_rectangle_turned_by_45_degrees_by_hand():
    bounds = ellipse(angle=np.pi / 4, rectangle=True).bounds()

    reach = 30 / np.sqrt(2)
    assert bounds == pytest.approx([50 - reach, 40 - reach, 50 + reach, 40 + reach])


@pytest.mark.parametrize("rectangle", [False, True])
@pytest.mark.parametrize("angle", np.linspace(-3, 3, 5))
def test_the_formula_agrees_with_the_points(angle, rectangle):
    shape = ellipse(angle=angle, rectangle=rectangle)

    points = shape.points()

    found = [*points.min(axis=0), *points.max(axis=0)]
    assert shape.bounds() == pytest.approx(found, abs=0.01)


@pytest.mark.parametrize("angle", [0.3, -2.0])
def test_a_turn_moves_the_centre_as_it_moves_the_points(angle):
    """Counter-clockwise as one sees it: what is right of the centre goes up."""
    right_of_centre = ellipse(x=70)

    result = right_of_centre.rotate(angle, SIZE)

    assert (result.x, result.y) == pytest.approx((50 + 20 * np.cos(angle), 40 - 20 * np.sin(angle)))
    assert result.angle == angle


def test_an_outline_inside_is_seen_whole():
    assert seen(ellipse()) == Box(left=30, top=30, width=40, height=20, label=0)


def test_a_crowd_stays_one():
    assert seen(ellipse(), crowd=True).crowd


@pytest.mark.parametrize(("x", "crowd"), [(99.9, False), (100.1, True)])
def test_half_of_the_object_must_be_visible(x, crowd):
    box = seen(ellipse(x=x))

    assert box.crowd == crowd
    assert box.left + box.width == pytest.approx(100)


def test_a_cut_ellipse_has_the_tight_box_of_what_is_left():
    """Four fifths of its half-width beyond the edge: the rest is lower than the ellipse."""
    box = seen(ellipse(x=100 + 0.8 * 20))

    assert (box.width, box.height) == pytest.approx((4, 2 * 10 * 0.6), abs=0.02)


def test_a_box_that_touches_the_image_while_its_ellipse_does_not_is_gone():
    assert seen(ellipse(x=-15, y=-7.5)) is None


@pytest.mark.parametrize(("x", "y"), [(-30, 40), (50, -11), (121, 40), (50, 90)])
def test_an_outline_outside_is_gone(x, y):
    assert seen(ellipse(x=x, y=y)) is None


def test_an_outline_larger_than_the_image_shows_all_of_it():
    box = seen(ellipse(half_width=300, half_height=300))

    assert (box.left, box.top, box.width, box.height) == (0, 0, 100, 80)
    assert box.crowd
