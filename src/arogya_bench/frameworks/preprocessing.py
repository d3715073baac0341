"""From images of any size to the arrays that a model computes on."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from arogya_bench.types import Image

ImageStack: TypeAlias = NDArray[np.uint8]  # (n, size, size, 3), RGB


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How an image is prepared for a network; part of the model.

    Attributes:
        image_size: Height and width after resizing, in pixels.
        mean: Subtracted per channel, on the [0, 1] scale.
        std: Divided by per channel, on the [0, 1] scale.
    """

    image_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def resize_square(image: Image, size: int) -> Image:
    """Stretch an image to a square; the original is not modified."""
    return resize_image(image, size, size)


def resize_image(image: Image, height: int, width: int) -> Image:
    """Stretch an image; the original is not modified."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = image.shape[0] * image.shape[1] > height * width
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), np.uint8)


def resize_stack(images: Iterable[Image], count: int, size: int) -> ImageStack:
    """Resize ``count`` images into one array, decoding each only once."""
    stack = np.empty((count, size, size, 3), dtype=np.uint8)
    for row, image in zip(stack, images, strict=True):
        row[:] = resize_square(image, size)
    return stack
