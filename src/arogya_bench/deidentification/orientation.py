"""The eight orientations of EXIF, applied to pixels, sizes and boxes."""

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
    """Turn an image as a viewer would (EXIF 2.32, tag 0x0112).

    Args:
        pixels: Shape (height, width) or (height, width, channels).
        orientation: 1 to 8.
    """
    turned = pixels.swapaxes(0, 1) if orientation in TRANSPOSED_ORIENTATIONS else pixels
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)


def box_to_upright(box: Box, orientation: int, width: int, height: int) -> Box:
    """Move a box with its image.

    Args:
        box: On the image as it is stored.
        orientation: 1 to 8.
        width: Of the stored image, in pixels.
        height: Of the stored image, in pixels.
    """
    left, top, wide, high = box.left, box.top, box.width, box.height
    if orientation in TRANSPOSED_ORIENTATIONS:
        left, top, wide, high = top, left, high, wide
        width, height = height, width
    if orientation in (3, 4, 7, 8):
        top = height - top - high
    if orientation in (2, 3, 6, 7):
        left = width - left - wide
    return replace(box, left=left, top=top, width=wide, height=high)
