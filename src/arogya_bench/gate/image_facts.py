"""The facts about one image that the checks use: header, hashes and border colour."""

import hashlib
from dataclasses import dataclass
from typing import cast

import imagehash
import numpy as np
import PIL.Image

from arogya_bench.types import Floats, Image

FLAT_RANGE = 2  # grey levels between the darkest and brightest pixel, invisible to the eye
FEW_LEVELS = 8  # grey levels of a mask, one for each class
EXTREME_RANGE, EXTREME_SHARE = 16, 0.98  # of a mask that JPEG blurred: its pixels are almost all black or white
BORDER_SHARE = 0.03  # of the shorter side: covers frames, rulers and dark corners


@dataclass(frozen=True, kw_only=True)
class PixelFacts:
    """Facts about the decoded pixels, as a model sees them.

    Attributes:
        pixel_hash: SHA-256 of shape and pixels; equal for the same image in different files.
        perceptual_hash: 64-bit perceptual hash (DCT); similar images differ in few bits.
        border: Mean red, green and blue of the border pixels, 0 to 255.
        flat: Whether all pixels have the same colour.
        drawn: Whether it has few grey levels, or almost only black and white pixels, as masks and drawings; not flat.
    """

    pixel_hash: str
    perceptual_hash: int
    border: tuple[float, float, float]
    flat: bool
    drawn: bool


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """Facts about the image of one case.

    Attributes:
        problem: Code of the problem that makes it unreadable; None if readable.
        reason: Description of the problem; empty if readable.
        file_bytes: Size of the file; None for images in arrays, likewise ``mode``, ``bits`` and ``frames``.
        width: Width of the displayed image in pixels, likewise ``height``; None if unknown.
        mode: Pillow's mode, ``DICOM``, ``NIfTI`` or ``NIfTI float``.
        bits: Bits per channel, as stored.
        frames: Number of frames in the file.
        pixels: Facts about the pixels; None if unreadable.
    """

    case_id: str
    problem: str | None = None
    reason: str = ""
    file_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    mode: str | None = None
    bits: int | None = None
    frames: int | None = None
    pixels: PixelFacts | None = None


def measure_pixels(image: Image) -> PixelFacts:
    """Compute both hashes, the border colour and whether the image is flat or drawn.

    The perceptual hash is ``imagehash.phash``: whether each of the lowest 8 x 8 cosine coefficients of the image, at
    32 x 32 grey pixels, exceeds their median.
    """
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    picture = PIL.Image.fromarray(image)
    extrema = cast("tuple[tuple[int, int], ...]", picture.getextrema())  # one per channel
    red, green, blue = border_colour(image).tolist()
    flat = max(high - low for low, high in extrema) <= FLAT_RANGE
    return PixelFacts(
        pixel_hash=digest.hexdigest(),
        perceptual_hash=int(str(imagehash.phash(picture)), 16),
        border=(red, green, blue),
        flat=flat,
        drawn=not flat and _is_drawn(picture),
    )


def _is_drawn(picture: PIL.Image.Image) -> bool:
    """Whether an image has the few grey levels of a mask, or is almost only black and white."""
    counts = np.array(picture.convert("L").histogram())
    extreme = counts[: EXTREME_RANGE + 1].sum() + counts[-EXTREME_RANGE - 1 :].sum()
    is_bilevel = counts[: EXTREME_RANGE + 1].any() and counts[-EXTREME_RANGE - 1 :].any()
    few = np.count_nonzero(counts) <= FEW_LEVELS
    return bool(few or (is_bilevel and extreme >= EXTREME_SHARE * counts.sum()))


def border_colour(image: Image) -> Floats:
    """Return the mean colour of the border, shape (3,), 0 to 255."""
    width = max(1, round(BORDER_SHARE * min(image.shape[:2])))
    inside = image[width:-width]
    strips = (image[:width], image[-width:], inside[:, :width], inside[:, -width:])
    colour: Floats = np.concatenate([strip.reshape(-1, 3) for strip in strips]).mean(axis=0)
    return colour
