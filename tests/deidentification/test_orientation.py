"""Pixels turn as Pillow turns them, and boxes turn with their pixels."""

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest

from arogya_bench.deidentification.orientation import box_to_upright, to_upright
from arogya_bench.types import Box

TURNS = range(1, 9)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)])
def test_pixels_turn_as_a_viewer_turns_them(turn, shape):
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    image = PIL.Image.fromarray(pixels)
    image.getexif()[0x0112] = turn

    expected = np.asarray(PIL.ImageOps.exif_transpose(image))

    np.testing.assert_array_equal(to_upright(pixels, turn), expected)


@pytest.mark.parametrize("turn", TURNS)
def test_a_box_still_holds_the_pixels_that_it_held(turn):
    pixels = np.zeros((40, 60), dtype=np.uint8)
    pixels[5:12, 20:50] = 255
    box = Box(left=20, top=5, width=30, height=7, label=2, crowd=True)

    moved = box_to_upright(box, turn, 60, 40)

    rows, columns = np.nonzero(to_upright(pixels, turn))
    assert (moved.left, moved.top) == (columns.min(), rows.min())
    assert (moved.width, moved.height) == (np.ptp(columns) + 1, np.ptp(rows) + 1)
    assert (moved.label, moved.crowd) == (2, True)
