"""De-identifies one image file: decodes it and encodes only its pixels, upright and in sRGB."""

from functools import lru_cache
from io import BytesIO
from typing import Any, TypeAlias

import cv2
import numpy as np
import PIL.Image
import PIL.ImageCms
from numpy.typing import NDArray

from arogya_bench.deidentification.cleaned_file import CleanedFile, CleaningError
from arogya_bench.deidentification.image_metadata import ImageMetadata, read_metadata
from arogya_bench.deidentification.orientation import UPRIGHT, to_upright
from arogya_bench.images.files import DECODE_ERRORS, FORMATS

Pixels: TypeAlias = NDArray[Any]  # uint8 or uint16, (height, width) or (height, width, 3) as BGR

JPEG_444_SAMPLING = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111)  # OpenCV's constant for no chroma subsampling
PILLOW_ROTATED_FORMAT = "TIFF"
SRGB_TOLERANCE = 2  # of 255: sRGB profiles differ by this much from each other


def clean(content: bytes, *, quality: int) -> CleanedFile:
    """Decode an image and encode only its pixels, upright and in sRGB.

    JPEG stays JPEG, of the given quality from 1 to 100, everything else becomes PNG; 16 bits stay 16 bits.

    Raises:
        CleaningError: If the file is damaged, animated, or its colours cannot be converted.
    """
    metadata = read_metadata(content)
    removed = dict(metadata.removed)
    pixels = _decode_pixels(content, metadata)
    if metadata.orientation != UPRIGHT:
        if metadata.format != PILLOW_ROTATED_FORMAT:
            pixels = to_upright(pixels, metadata.orientation)
        removed["orientation"] = 1
    is_jpeg = metadata.format in ("JPEG", "MPO")
    return CleanedFile(
        content=_encode(pixels, quality if is_jpeg else None),
        suffix=".jpg" if is_jpeg else ".png",
        removed=removed,
        width=metadata.width,
        height=metadata.height,
        orientation=metadata.orientation,
        grey=_to_grey(pixels),
    )


def decode_with_pillow(content: bytes) -> PIL.Image.Image:
    """Decode an image, or raise a ``CleaningError``."""
    try:
        with PIL.Image.open(BytesIO(content), formats=FORMATS) as image:
            image.load()
            return image
    except DECODE_ERRORS as error:
        raise CleaningError(f"its pixels cannot be decoded ({type(error).__name__})") from error


def _decode_pixels(content: bytes, metadata: ImageMetadata) -> Pixels:
    profile = metadata.profile
    if metadata.bits == 16:
        return _decode_sixteen_bit(content, metadata)
    if (
        metadata.format == "JPEG"
        and metadata.mode in ("L", "RGB")
        and (profile is None or _is_srgb_profile(profile, metadata.mode))
    ):
        return _decode_with_opencv(content)  # the same pixels in half the time
    return _to_grey_or_srgb(decode_with_pillow(content), profile)


def _decode_with_opencv(content: bytes) -> Pixels:
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise CleaningError("its pixels cannot be decoded")
    return np.asarray(pixels)


def _decode_sixteen_bit(content: bytes, metadata: ImageMetadata) -> Pixels:
    """Decode 16 bits per channel; Pillow would reduce colours to 8."""
    if metadata.white_is_zero:
        raise CleaningError("its 16-bit values are inverted (white is zero)")
    if metadata.mode.startswith("I;16"):
        return np.asarray(decode_with_pillow(content)).astype(np.uint16)
    if metadata.profile:
        raise CleaningError("it has 16 bits per channel and a colour profile that only suits 8")
    if metadata.format == PILLOW_ROTATED_FORMAT and metadata.orientation != UPRIGHT:
        # OpenCV applies some orientations of TIFF and ignores others.
        raise CleaningError("it is a rotated TIFF with 16-bit colours")
    pixels = _decode_with_opencv(content)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint16:
        raise CleaningError("its 16 bits are neither grey nor RGB")
    return pixels


def _to_grey_or_srgb(image: PIL.Image.Image, profile: bytes | None) -> Pixels:
    """Convert an 8-bit image of any mode to grey or sRGB; transparent pixels become black."""
    if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA"):
        rgba = image.convert("RGBA")
        image = PIL.Image.new("RGB", image.size)
        image.paste(rgba, mask=rgba.getchannel("A"))
    elif image.mode in ("1", "P", "YCbCr"):
        image = image.convert("RGB" if image.mode != "1" else "L")
    if image.mode not in ("L", "RGB", "CMYK"):
        raise CleaningError(f"its pixels are of the type {image.mode}")
    if profile and not (image.mode != "CMYK" and _is_srgb_profile(profile, image.mode)):
        image = _to_srgb(image, profile)
    if image.mode == "CMYK":
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)


def _to_srgb(image: PIL.Image.Image, profile: bytes) -> PIL.Image.Image:
    converted = _build_transform(profile, image.mode).apply(image)
    return converted.convert("L") if image.mode == "L" else converted


@lru_cache(maxsize=64)
def _build_transform(profile: bytes, mode: str) -> PIL.ImageCms.ImageCmsTransform:
    try:
        return PIL.ImageCms.buildTransform(BytesIO(profile), PIL.ImageCms.createProfile("sRGB"), mode, "RGB")
    except (PIL.ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise CleaningError("its colour profile is broken or does not fit its pixels") from error


@lru_cache(maxsize=64)
def _is_srgb_profile(profile: bytes, mode: str) -> bool:
    """Whether the profile leaves a grid of colours unchanged: sRGB under any name."""
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    image = PIL.Image.fromarray(levels[None] if mode == "L" else grid)
    converted = np.asarray(_to_srgb(image, profile), dtype=np.int64)
    return bool(np.abs(converted - np.asarray(image, dtype=np.int64)).max() <= SRGB_TOLERANCE)


def _encode(pixels: Pixels, quality: int | None) -> bytes:
    suffix, options = ".png", []
    if quality is not None:
        suffix, options = ".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality, *JPEG_444_SAMPLING]
    succeeded, content = cv2.imencode(suffix, pixels, options)
    if not succeeded:
        raise CleaningError("its pixels cannot be encoded")
    return content.tobytes()


def _to_grey(pixels: Pixels) -> NDArray[np.uint8]:
    grey = pixels if pixels.ndim == 2 else pixels[..., 1]  # green is closest to luminance
    if grey.dtype != np.uint8:
        low, high = int(grey.min()), max(int(grey.max()), int(grey.min()) + 1)
        grey = (grey.astype(np.float32) - low) * (255 / (high - low))
    return grey.astype(np.uint8, copy=False)
