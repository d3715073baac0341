"""Augmentations that change pixel values and leave every structure in place."""

import cv2
import numpy as np

from arogya_bench.augmentations.declaration import augmentation
from arogya_bench.errors import ConfigError
from arogya_bench.types import Floats, Image

_WHITE = 255


@augmentation(version=1)
def clean(image: Image, severity: float, _rng: np.random.Generator) -> Image:
    """Return the image unchanged; ``severity`` must be 0.

    Raises:
        ConfigError: If ``severity`` is not 0.
    """
    if severity != 0:
        raise ConfigError(f"clean has no severity, but {severity:g} is given.", fix="set severities: [] for clean.")
    return image.copy()


@augmentation(version=1)
def gaussian_noise(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Add normal noise with standard deviation ``severity``, on the [0, 1] scale.

    Colour channels get independent noise. A grey image gets the same noise in all channels, as
    from its one sensor: otherwise a model that averages the channels would see less noise.

    Raises:
        ConfigError: If ``severity`` lies outside (0, 1].
    """
    if not 0 < severity <= 1:
        raise ConfigError(
            f"Sigma {severity:g} of gaussian_noise is not in (0, 1].",
            fix="give the standard deviation on the [0, 1] scale, such as 0.1.",
        )
    height, width, channels = image.shape
    planes = 1 if _is_grey(image) else channels
    noise = rng.standard_normal((height, width, planes), dtype=np.float32)
    return _to_image(image + severity * _WHITE * noise)


@augmentation(version=1)
def gaussian_blur(image: Image, severity: float, _rng: np.random.Generator) -> Image:
    """Blur with a Gaussian kernel whose side is ``severity`` pixels.

    The standard deviation follows OpenCV's rule, ``0.3 * ((kernel - 1) / 2 - 1) + 0.8``: 0.8, 1.1
    and 1.4 pixels for kernels of 3, 5 and 7. It is passed explicitly, because OpenCV itself uses
    rounded tables for kernels up to 7.

    Raises:
        ConfigError: If ``severity`` is not an odd whole number of at least 3.
    """
    if not (severity >= 3 and severity % 2 == 1):
        raise ConfigError(
            f"Kernel size {severity:g} of gaussian_blur is not an odd whole number of at least 3.",
            fix="give the side of the kernel in pixels, such as 3, 5 or 7.",
        )
    kernel = int(severity)
    sigma = 0.3 * ((kernel - 1) / 2 - 1) + 0.8
    return np.asarray(cv2.GaussianBlur(image, (kernel, kernel), sigma), dtype=np.uint8)


@augmentation(version=1)
def brightness(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Multiply every pixel by 1 + ``severity`` or 1 - ``severity``, at random.

    Raises:
        ConfigError: If ``severity`` lies outside (0, 1).
    """
    if not 0 < severity < 1:
        raise ConfigError(
            f"Relative change {severity:g} of brightness is not in (0, 1).",
            fix="give the change as a share, such as 0.2 for 20 % brighter or darker.",
        )
    return _to_image(image * (1.0 + severity * rng.choice((-1, 1))))


@augmentation(version=1)
def jpeg_compression(image: Image, severity: float, _rng: np.random.Generator) -> Image:
    """Encode and decode as JPEG of quality ``severity``, with 4:2:0 chroma subsampling.

    A lower quality is a stronger effect.

    Raises:
        ConfigError: If ``severity`` is not a whole number from 1 to 100.
    """
    if not (1 <= severity <= 100 and severity % 1 == 0):
        raise ConfigError(
            f"Quality {severity:g} of jpeg_compression is not a whole number from 1 to 100.",
            fix="give the JPEG quality, such as 90 (mild) or 50 (strong).",
        )
    options = (
        cv2.IMWRITE_JPEG_QUALITY,
        int(severity),
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    )
    # OpenCV expects BGR; chroma would otherwise be computed from the wrong channels.
    _, encoded = cv2.imencode(".jpg", image[:, :, ::-1], options)
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.ascontiguousarray(decoded[:, :, ::-1])


def _is_grey(image: Image) -> bool:
    return bool((image == image[:, :, :1]).all())


def _to_image(values: Floats) -> Image:
    return np.clip(np.rint(values), 0, _WHITE).astype(np.uint8)
