"""What the gate knows of one image: its file, its pixels in two hashes, its border."""

import hashlib
from dataclasses import dataclass
from typing import cast

import imagehash
import numpy as np
import PIL.Image

from arogya_bench.types import Floats, Image

FLAT_RANGE = 2  # grey levels between the darkest and brightest pixel that no eye tells apart
BORDER_SHARE = 0.03  # of the shorter side: a frame, a ruler or a dark corner, and little else


@dataclass(frozen=True, kw_only=True)
class PixelFacts:
    """What follows from the decoded pixels, those that a model is shown.

    Attributes:
        pixel_hash: sha256 of size and pixels: equal for the same picture in two files.
        perceptual_hash: 64-bit perceptual hash (DCT); similar pictures differ in few bits.
        border: Mean red, green and blue of the outermost pixels, 0 to 255.
        flat: Whether all pixels have one colour.
    """

    pixel_hash: str
    perceptual_hash: int
    border: tuple[float, float, float]
    flat: bool


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """What is known of the image of one case.

    Attributes:
        problem: Code of what keeps it from being read, or None.
        reason: Of the problem, in words; empty without one.
        file_bytes: Size of the file; None where the images are arrays.
        width: In pixels as shown, so ``height``; None if unknown.
        mode: As Pillow names it, ``DICOM`` or ``NIfTI``; None for arrays.
        bits: Per channel, as stored; None for arrays.
        frames: In the file; None for arrays.
        pixels: None with a problem.
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
    """Hash an image in both ways and look at its border.

    The perceptual hash is ``imagehash.phash``: signs of the lowest 8 x 8 cosine coefficients of
    the image at 32 x 32 grey pixels, against their median.
    """
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    picture = PIL.Image.fromarray(image)
    bits = np.packbits(imagehash.phash(picture).hash.ravel())
    extrema = cast("tuple[tuple[int, int], ...]", picture.getextrema())  # one per channel
    red, green, blue = border_colour(image).tolist()
    return PixelFacts(
        pixel_hash=digest.hexdigest(),
        perceptual_hash=int.from_bytes(bits.tobytes(), "big"),
        border=(red, green, blue),
        flat=max(high - low for low, high in extrema) <= FLAT_RANGE,
    )


def border_colour(image: Image) -> Floats:
    """Mean colour of the outermost pixels, shape (3,), 0 to 255."""
    wide = max(1, round(BORDER_SHARE * min(image.shape[:2])))
    inside = image[wide:-wide]
    strips = (image[:wide], image[-wide:], inside[:, :wide], inside[:, -wide:])
    colour: Floats = np.concatenate([strip.reshape(-1, 3) for strip in strips]).mean(axis=0)
    return colour
