"""Augmentations that move structures; pixel values change by interpolation only."""

from math import radians

import cv2
import numpy as np

from arogya_bench.augmentations.box_transforms import ImageSize, with_box_transform
from arogya_bench.augmentations.declaration import augmentation
from arogya_bench.augmentations.ellipses import box_outline, visible_box
from arogya_bench.augmentations.mirrored_copies import merge_with_reflection, reflected_outlines
from arogya_bench.errors import ConfigError
from arogya_bench.types import Box, Image


def _rotate_boxes(
    boxes: tuple[Box, ...], size: ImageSize, severity: float, rng: np.random.Generator
) -> tuple[Box, ...]:
    """Rotate boxes as ``rotation`` rotates their contents.

    A box becomes the tight upright box of its rotated ellipse, as far as it is visible. That is
    exact for round objects such as cells and lesions; the box around the four rotated corners
    would be up to 1.4 times too wide, and no detector could match it [Kalra 2021, Towards
    Rotation Invariance in Object Detection, ICCV; arXiv 2109.13488].

    What cannot be evaluated becomes a crowd, in which detections are not counted: an object of
    which less than half is visible; mirrored copies of objects in the corners, which a detector
    rightly finds; and an object at the edge of the original image that touches its own mirrored
    copy.
    """
    angle = radians(_draw_angle(severity, rng))
    rotated = []
    for box in boxes:
        outline = merge_with_reflection(box, size, angle)
        crowd = box.crowd or outline != box_outline(box)
        rotated.append(visible_box(outline.rotate(angle, size), size, label=box.label, crowd=crowd))
    for box in boxes:
        for copy in reflected_outlines(box, size, angle):
            outline = copy.rotate(angle, size)
            rotated.append(visible_box(outline, size, label=box.label, crowd=True))
    return tuple(box for box in rotated if box is not None)


@augmentation(version=1, scale="rotation (degrees)")
@with_box_transform(_rotate_boxes)
def rotation(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Rotate about the centre by ``severity`` degrees, in a random direction.

    Corners are filled by reflection: a photograph taken at an angle has no black corners, and
    models would react to their edges.
    """
    height, width = image.shape[:2]
    centre = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, _draw_angle(severity, rng), 1.0)
    rotated = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(rotated, dtype=np.uint8)


def _draw_angle(severity: float, rng: np.random.Generator) -> float:
    """Angle in degrees, positive counter-clockwise; the only draw of a rotation."""
    if not 0 < severity <= 180:
        raise ConfigError(
            f"Angle {severity:g} of rotation is not in (0, 180].",
            fix="give degrees, such as 15; the direction is random.",
        )
    return float(severity * rng.choice((-1, 1)))
