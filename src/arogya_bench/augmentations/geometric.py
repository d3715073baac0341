"""Augmentations that move structures and leave their values, but for interpolation."""

import cv2
import numpy as np

from arogya_bench.errors import ConfigError
from arogya_bench.types import Image


def rotation(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Turn about the centre by ``severity`` degrees, to the side that ``rng`` draws.

    Corners are filled by reflection: a rotated recording has no black corners, and a model would
    be judged on the edges that they draw.

    Raises:
        ConfigError: If ``severity`` lies outside (0, 180].
    """
    if not 0 < severity <= 180:
        raise ConfigError(
            f"Angle {severity:g} of rotation is not in (0, 180].",
            fix="give degrees, such as 15; the side is drawn at random.",
        )
    height, width = image.shape[:2]
    centre = ((width - 1) / 2, (height - 1) / 2)
    turn = cv2.getRotationMatrix2D(centre, float(severity * rng.choice((-1, 1))), 1.0)
    turned = cv2.warpAffine(
        image, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(turned, dtype=np.uint8)
