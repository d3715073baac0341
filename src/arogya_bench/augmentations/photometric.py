"""Augmentations that change pixel values and leave every structure in place."""

import cv2
import numpy as np

from arogya_bench.augmentations.declaration import augmentation
from arogya_bench.errors import ConfigError
from arogya_bench.types import Floats, Image

_WHITE = 255


@augmentation(version=1)
def clean(image: Image, severity: float, _rng: np.random.Generator) -> Image:
    """Return the image unchanged; ``severity`` must be 0."""
    _check(severity == 0, f"clean has no severity, but {severity:g} is given.", "set severities: [] for clean.")
    return image.copy()


@augmentation(version=1, scale="standard deviation (0 to 1)")
def gaussian_noise(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Add normal noise with standard deviation ``severity``, on the [0, 1] scale.

    Colour channels get independent noise. A grey image gets the same noise in all channels, as
    from its one sensor: otherwise a model that averages the channels would see less noise.
    """
    _check(
        0 < severity <= 1,
        f"Sigma {severity:g} of gaussian_noise is not in (0, 1].",
        "give the standard deviation on the [0, 1] scale, such as 0.1.",
    )
    height, width, channels = image.shape
    planes = 1 if _is_grey(image) else channels
    noise = rng.standard_normal((height, width, planes), dtype=np.float32)
    return _to_image(image + severity * _WHITE * noise)


@augmentation(version=1, scale="side of the blur kernel (px)")
def gaussian_blur(image: Image, severity: float, _rng: np.random.Generator) -> Image:
    """Blur with a Gaussian kernel whose side is ``severity`` pixels.

    The standard deviation follows OpenCV's rule, ``0.3 * ((kernel - 1) / 2 - 1) + 0.8``: 0.8, 1.1
    and 1.4 pixels for kernels of 3, 5 and 7. It is passed explicitly, because OpenCV itself uses
    rounded tables for kernels up to 7.
    """
    _check(
        severity >= 3 and severity % 2 == 1,
        f"Kernel size {severity:g} of gaussian_blur is not an odd whole number of at least 3.",
        "give the side of the kernel in pixels, such as 3, 5 or 7.",
    )
    kernel = int(severity)
    sigma = 0.3 * ((kernel - 1) / 2 - 1) + 0.8
    return np.asarray(cv2.GaussianBlur(image, (kernel, kernel), sigma), dtype=np.uint8)


@augmentation(version=1, scale="relative change of brightness")
def brightness(image: Image, severity: float, rng: np.random.Generator) -> Image:
    """Multiply every pixel by 1 + ``severity`` or 1 - ``severity``, at random."""
    _check(
        0 < severity < 1,
        f"Relative change {severity:g} of brightness is not in (0, 1).",
        "give the change as a share, such as 0.2 for 20 % brighter or darker.",
    )
    return _to_image(image * (1.0 + severity * rng.choice((-1, 1))))


@augmentation(version=1, scale="JPEG quality (lower is worse)")
def jpeg_compression(image: Image, severity: float, _rng: np.random.Generator) -> Image:
    """Encode and decode as JPEG of quality ``severity``, with 4:2:0 chroma subsampling.

    A lower quality is a stronger effect.
    """
    _check(
        1 <= severity <= 100 and severity % 1 == 0,
        f"Quality {severity:g} of jpeg_compression is not a whole number from 1 to 100.",
        "give the JPEG quality, such as 90 (mild) or 50 (strong).",
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


def _check(valid: bool, problem: str, fix: str) -> None:
    if not valid:
        raise ConfigError(problem, fix=fix)


def _is_grey(image: Image) -> bool:
    return bool((image == image[:, :, :1]).all())


def _to_image(values: Floats) -> Image:
    return np.clip(np.rint(values), 0, _WHITE).astype(np.uint8)
