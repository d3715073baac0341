"""Reflections of objects are where OpenCV puts them."""

from math import pi, radians

import cv2
import numpy as np
import pytest

from arogya_bench.augmentations.box_transforms import ImageSize
from arogya_bench.augmentations.ellipses import box_outline
from arogya_bench.augmentations.mirrored_copies import merge_with_reflection, reflected_outlines
from arogya_bench.types import Box

SIZE = ImageSize(width=40, height=30)
INSIDE = Box(left=12, top=9, width=6, height=4, label=0)


def spots(image):
    """Centres of the white spots."""
    count, _, _, centres = cv2.connectedComponentsWithStats((image > 0).astype(np.uint8))
    return {(x + 0.5, y + 0.5) for x, y in centres[1:count].tolist()}


def test_copies_lie_where_the_border_of_opencv_shows_them():
    image = np.zeros((30, 40), dtype=np.uint8)
    image[9:13, 12:18] = 255
    border = cv2.copyMakeBorder(image, 30, 30, 40, 40, cv2.BORDER_REFLECT_101)

    found = {(copy.x, copy.y) for copy in reflected_outlines(INSIDE, SIZE, pi / 4)}

    shown = {(x - 40, y - 30) for x, y in spots(border)} - {(15, 11)}
    assert found == shown


def test_a_narrow_image_is_reflected_several_times():
    size = ImageSize(width=10, height=60)
    image = np.zeros((60, 10), dtype=np.uint8)
    image[20:24, 3:6] = 255
    border = cv2.copyMakeBorder(image, 0, 0, 27, 27, cv2.BORDER_REFLECT_101)

    found = {
        (copy.x, copy.y) for copy in reflected_outlines(Box(left=3, top=20, width=3, height=4, label=0), size, pi / 2)
    }

    assert {(x - 27, y) for x, y in spots(border)} - {(4.5, 22)} <= found


def test_half_a_turn_shows_no_copy():
    assert list(reflected_outlines(INSIDE, SIZE, pi)) == []


def test_an_object_inside_does_not_grow():
    assert merge_with_reflection(INSIDE, SIZE, radians(15)) == box_outline(INSIDE)


@pytest.mark.parametrize("angle", [15, -15])
def test_an_object_at_the_edge_grows_where_its_edge_comes_into_sight(angle):
    cut = Box(left=0, top=4, width=5, height=6, label=0)

    shape = merge_with_reflection(cut, SIZE, radians(angle))

    in_sight = angle < 0
    assert (shape == box_outline(cut)) != in_sight
    if in_sight:
        assert (shape.x, shape.half_width) == (0.5, 4.5)


def test_an_object_at_two_edges_grows_over_both():
    cut = Box(left=10, top=5, width=30, height=25, label=0)

    shape = merge_with_reflection(cut, SIZE, radians(45))

    assert (shape.x, shape.y) == (39.5, 29.5)
    assert (shape.half_width, shape.half_height) == (29.5, 24.5)


def test_an_object_and_its_reflection_that_are_one_are_not_two():
    cut = Box(left=0, top=4, width=5, height=6, label=0)

    places = [(copy.x, copy.y) for copy in reflected_outlines(cut, SIZE, radians(-15))]

    assert (0.5, 7) not in places
    assert len(set(places)) == len(places)
