"""Training augmentation, the same for all models."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from arogya_bench.errors import ConfigError
from arogya_bench.frameworks.preprocessing import ImageStack
from arogya_bench.types import Image, Training


def augment_batch(images: ImageStack, training: Training, rng: np.random.Generator) -> ImageStack:
    """Augment a batch of shape (n, size, size, 3) randomly; the input is not modified.

    Rotation, zoom, crop and mirroring are one resampling, so that pixels are interpolated once.
    """
    check_augmentation(training)
    transformed = _apply_geometric(images, training, rng) if _is_geometric(training) else images
    if not (training.brightness or training.contrast or training.noise[1]):
        return transformed
    result = np.empty_like(transformed)
    for row, image in zip(result, transformed, strict=True):
        row[:] = _apply_photometric(image, training, rng)
    return result


def check_augmentation(training: Training) -> None:
    """Check the augmentation fields of a training."""
    low, high = training.noise
    near, far = training.zoom
    checks = (
        ("rotation", 0 <= training.rotation <= 180, "degrees from 0 to 180"),
        ("brightness", 0 <= training.brightness <= 1, "a share from 0 to 1"),
        ("contrast", 0 <= training.contrast <= 1, "a share from 0 to 1"),
        ("noise", 0 <= low <= high <= 1, "two shares of full scale, such as [0.01,0.05]"),
        ("zoom", 0 < near <= far, "two scales above 0, such as [0.8,1.2]"),
        ("crop", 0 < training.crop <= 1, "a share above 0, at most 1"),
    )
    for name, valid, allowed in checks:
        if not valid:
            raise ConfigError(
                f"training.{name} is {getattr(training, name)}.", fix=f"set training.{name} to {allowed}."
            )


def _is_geometric(training: Training) -> bool:
    return training.flip or _needs_resampling(training)


def _apply_geometric(images: ImageStack, training: Training, rng: np.random.Generator) -> ImageStack:
    size = images.shape[1]
    result = np.empty_like(images)
    mirrored = rng.random(len(images)) < (0.5 if training.flip else 0.0)
    only_mirrors = not _needs_resampling(training)
    for row, image, mirror in zip(result, images, mirrored, strict=True):
        if only_mirrors:
            row[:] = image[:, ::-1] if mirror else image
        else:
            row[:] = cv2.warpAffine(
                image,
                _affine_matrix(size, training, rng, mirror=bool(mirror)),
                (size, size),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REFLECT_101,
            )
    return result


def _needs_resampling(training: Training) -> bool:
    return bool(training.rotation or tuple(training.zoom) != (1.0, 1.0) or training.crop < 1)


def _affine_matrix(size: int, training: Training, rng: np.random.Generator, *, mirror: bool) -> NDArray[np.float64]:
    """Affine map from result to image coordinates, shape (2, 3)."""
    angle = math.radians(rng.uniform(-training.rotation, training.rotation))
    crop = rng.uniform(training.crop, 1.0)
    scale = crop / rng.uniform(*training.zoom)
    centre = (size - 1) / 2
    margin = (1 - crop) * size / 2  # a crop may lie anywhere inside the image
    crop_centre = centre + rng.uniform(-margin, margin, 2)
    rotation = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    if mirror:
        rotation[:, 0] *= -1
    return np.column_stack([rotation, crop_centre - rotation @ (centre, centre)])


def _apply_photometric(image: Image, training: Training, rng: np.random.Generator) -> Image:
    """Change contrast about the mean of the image, and brightness, and add Gaussian noise."""
    gain = 1 + rng.uniform(-training.contrast, training.contrast)
    shift = 255 * rng.uniform(-training.brightness, training.brightness)
    mean = float(image.mean())
    result = np.float32(gain) * image + np.float32(mean * (1 - gain) + shift)
    if training.noise[1]:
        deviation = np.float32(255 * rng.uniform(*training.noise))
        result += deviation * rng.standard_normal(image.shape, dtype=np.float32)
    return np.asarray(np.clip(np.rint(result), 0, 255), dtype=np.uint8)
