"""Augmentations that move structures and leave their values, but for interpolation."""

from math import radians

import cv2
import numpy as np

from arogya_bench.augmentations.declaration import augmentation
from arogya_bench.augmentations.moving import ImageSize, with_box_transform
from arogya_bench.augmentations.outlines import box_outline, visible_box
from arogya_bench.augmentations.reflections import merge_with_reflection, reflected_outlines
from arogya_bench.errors import ConfigError
from arogya_bench.types import Box, Image


def _rotate_boxes(
    boxes: tuple[Box, ...], size: ImageSize, severity: float, rng: np.random.Generator
) -> tuple[Box, ...]:
    """Turn boxes as ``rotation`` turns what is in them.

    A box becomes the tight upright box of its ellipse, turned, as far as the image shows it. That
    is exact for what is round, as cells and lesions are; the box around the four turned corners
    would be up to 1.4 times too wide, and no detector could agree with it [Kalra 2021, Towards
    Rotation Invariance in Object Detection, ICCV; arXiv 2109.13488].

    What cannot be judged becomes a crowd, in which a detection is not counted at all: an object
    of which less than half is in sight; the mirrored copies of objects that fill the corners,
    and that a detector rightly finds; and an object cut by the edge of the original image that has
    grown together with its copy.
    """
    angle = radians(_draw_angle(severity, rng))
    shown = []
    for box in boxes:
        own = merge_with_reflection(box, size, angle)
        crowd = box.crowd or own != box_outline(box)
        shown.append(visible_box(own.rotate(angle, size), size, label=box.label, crowd=crowd))
    for box in boxes:
        for copy in reflected_outlines(box, size, angle):
            turned = copy.rotate(angle, size)
            shown.append(visible_box(turned, size, label=box.label, crowd=True))
    return tuple(box for box in shown if box is not None)


@augmentation(version=1)
@with_box_transform(_rotate_boxes)
def rotation(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Turn about the centre by ``severity`` degrees, to the side that ``rng`` draws.

    Corners are filled by reflection: a rotated recording has no black corners, and a model would
    be judged on the edges that they draw.

    Raises:
        ConfigError: If ``severity`` lies outside (0, 180].
    """
    height, width = image.shape[:2]
    centre = ((width - 1) / 2, (height - 1) / 2)
    turn = cv2.getRotationMatrix2D(centre, _draw_angle(severity, rng), 1.0)
    turned = cv2.warpAffine(
        image, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(turned, dtype=np.uint8)


def _draw_angle(severity: float, rng: np.random.Generator) -> float:
    """The angle in degrees, positive counter-clockwise; the one draw of a rotation."""
    if not 0 < severity <= 180:
        raise ConfigError(
            f"Angle {severity:g} of rotation is not in (0, 180].",
            fix="give degrees, such as 15; the side is drawn at random.",
        )
    return float(severity * rng.choice((-1, 1)))
