"""Applies the eight EXIF orientations to pixels and boxes."""

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from arogya_bench.images.masks import TRANSPOSED_ORIENTATIONS as TRANSPOSED_ORIENTATIONS
from arogya_bench.images.masks import UPRIGHT as UPRIGHT
from arogya_bench.types import Box

ORIENTATIONS = range(1, 9)

Pixel = TypeVar("Pixel", bound=np.generic)


def to_upright(pixels: NDArray[Pixel], orientation: int) -> NDArray[Pixel]:
    """Rotate an image, of any number of channels, as a viewer would (EXIF 2.32, tag 0x0112)."""
    upright = pixels.swapaxes(0, 1) if orientation in TRANSPOSED_ORIENTATIONS else pixels
    if orientation in (3, 4, 7, 8):
        upright = upright[::-1]
    if orientation in (2, 3, 6, 7):
        upright = upright[:, ::-1]
    return np.ascontiguousarray(upright)


def box_to_upright(box: Box, orientation: int, width: int, height: int) -> Box:
    """Rotate a box in a stored image of the given size."""
    left, top, box_width, box_height = box.left, box.top, box.width, box.height
    if orientation in TRANSPOSED_ORIENTATIONS:
        left, top, box_width, box_height = top, left, box_height, box_width
        width, height = height, width
    if orientation in (3, 4, 7, 8):
        top = height - top - box_height
    if orientation in (2, 3, 6, 7):
        left = width - left - box_width
    return replace(box, left=left, top=top, width=box_width, height=box_height)
