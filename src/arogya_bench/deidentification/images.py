"""One image file from outside, written anew: upright, sRGB, and nothing but pixels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import Any, TypeAlias

import cv2
import numpy as np
import PIL.Image
import PIL.ImageCms
from numpy.typing import NDArray

from arogya_bench.deidentification.image_metadata import Container, inspect_container
from arogya_bench.deidentification.orientation import UPRIGHT, to_upright
from arogya_bench.images.files import DECODE_ERRORS, FORMATS

Pixels: TypeAlias = NDArray[Any]  # uint8 or uint16, (height, width) or (height, width, 3) as BGR

CHROMA_444 = 0x111111  # 4:4:4: no colour is averaged over neighbours
PILLOW_ROTATED_FORMAT = "TIFF"
MAX_PIXELS = 178_956_970  # pixels, where Pillow speaks of a decompression bomb
PHOTOMETRIC_TAG, WHITE_IS_ZERO = 262, 0  # a tag of TIFF, and one of its values
SRGB_TOLERANCE = 2  # of 255: profiles of sRGB differ by so much among themselves


class CleaningError(Exception):
    """A file that cannot be made safe; the message says why and quotes nothing from the file."""


@dataclass(frozen=True, kw_only=True)
class CleanedFile:
    """A file that may be given away.

    Attributes:
        content: Its bytes.
        suffix: Such as ``.png``.
        removed: What it does not hold any more, by kind, and how often.
        width: Of the stored original in pixels, before it was turned; so ``height``.
        orientation: 1 to 8: how the original was turned.
        grey: Its pixels as shape (height, width), uint8, for the search for text; None where
            there are none.
        flags: What a person should look at, such as ``overlay``.
    """

    content: bytes
    suffix: str
    removed: Mapping[str, int]
    width: int = 0
    height: int = 0
    orientation: int = UPRIGHT
    grey: NDArray[np.uint8] | None = None
    flags: tuple[str, ...] = field(default=())


def clean(content: bytes, *, quality: int) -> CleanedFile:
    """Decode an image and encode nothing but its pixels, upright and in sRGB.

    JPEG stays JPEG, everything else becomes PNG; 16 bits stay 16 bits.

    Args:
        content: Of the file.
        quality: Of JPEG, 1 to 100.

    Raises:
        Uncleanable: If the file is damaged, animated, or has colours that are not known.
    """
    container = check_container(inspect_container(content))
    removed = dict(container.extras)
    pixels = _decode_pixels(content, container)
    if container.orientation != UPRIGHT:
        if container.format != PILLOW_ROTATED_FORMAT:
            pixels = to_upright(pixels, container.orientation)
        removed["orientation"] = 1
    jpeg = container.format in ("JPEG", "MPO")
    return CleanedFile(
        content=_encode(pixels, quality if jpeg else None),
        suffix=".jpg" if jpeg else ".png",
        removed=removed,
        width=container.width,
        height=container.height,
        orientation=container.orientation,
        grey=_to_grey(pixels),
    )


def check_container(container: Container | None) -> Container:
    """Refuse what is no single image that can be decoded."""
    if container is None:
        raise CleaningError("it is no image that can be read")
    pixels = container.width * container.height
    faults = {
        "it is truncated": not container.complete,
        "it has no pixels": not pixels,
        f"it has more than {MAX_PIXELS} pixels": pixels > MAX_PIXELS,
        "it holds several frames": container.frames > 1 and container.format != "MPO",
        f"it has {container.bits} bits per channel": container.bits not in (1, 2, 4, 8, 16),
    }
    for reason, found in faults.items():
        if found:
            raise CleaningError(reason)
    return container


def _decode_pixels(content: bytes, container: Container) -> Pixels:
    wide = container.bits == 16
    if container.profile and wide and not _is_grey(content):
        raise CleaningError("it has 16 bits per channel and a colour profile that only suits 8")
    direct = wide or (container.plain and container.format in ("JPEG", "PNG"))
    if direct and (wide or not container.profile or _is_srgb(content, container.profile)):
        return _decode_sixteen_bit(content, container) if wide else _decode_with_opencv(content)
    return _to_grey_or_srgb(decode_with_pillow(content), container.profile)


def _decode_with_opencv(content: bytes) -> Pixels:
    # OpenCV lets other threads run while it decodes; Pillow does not.
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise CleaningError("its pixels cannot be decoded")
    return np.asarray(pixels)


def _decode_sixteen_bit(content: bytes, container: Container) -> Pixels:
    """Read 16 bits per channel, of which Pillow would keep 8 in colours."""
    with PIL.Image.open(BytesIO(content), formats=FORMATS) as image:
        if getattr(image, "tag_v2", {}).get(PHOTOMETRIC_TAG) == WHITE_IS_ZERO:
            raise CleaningError("its values of 16 bits grow towards black")
        if image.mode.startswith("I;16"):
            return np.asarray(decode_with_pillow(content)).astype(np.uint16)
    if container.format == "TIFF" and container.orientation != UPRIGHT:
        # OpenCV turns some orientations of TIFF by itself, and some not.
        raise CleaningError("it is a TIFF with colours of 16 bits that is turned")
    pixels = _decode_with_opencv(content)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint16:
        raise CleaningError("its 16 bits are neither grey nor RGB")
    return pixels


def decode_with_pillow(content: bytes) -> PIL.Image.Image:
    """Decode an image with Pillow, or say that it cannot be done."""
    try:
        with PIL.Image.open(BytesIO(content), formats=FORMATS) as image:
            image.load()
            return image
    except DECODE_ERRORS as error:
        raise CleaningError(f"its pixels cannot be decoded ({type(error).__name__})") from error


def _to_grey_or_srgb(image: PIL.Image.Image, profile: bytes | None) -> Pixels:
    """Bring an 8-bit image of any mode to grey or sRGB."""
    if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA"):
        clear = image.convert("RGBA")
        image = PIL.Image.new("RGB", image.size)
        image.paste(clear, mask=clear.getchannel("A"))
    elif image.mode in ("1", "P", "YCbCr"):
        image = image.convert("RGB" if image.mode != "1" else "L")
    if image.mode not in ("L", "RGB", "CMYK"):
        raise CleaningError(f"its pixels are of the type {image.mode}")
    if profile:
        image = _to_srgb(image, profile)
    if image.mode == "CMYK":
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., ::-1])


def _to_srgb(image: PIL.Image.Image, profile: bytes) -> PIL.Image.Image:
    transform = _build_transform(profile, image.mode)
    turned = PIL.ImageCms.applyTransform(image, transform)
    if turned is None:  # only for an image that is changed in place
        raise CleaningError("its colour profile cannot be applied")
    return turned.convert("L") if image.mode == "L" else turned


@lru_cache(maxsize=64)
def _build_transform(profile: bytes, mode: str) -> PIL.ImageCms.ImageCmsTransform:
    try:
        return PIL.ImageCms.buildTransform(
            BytesIO(profile), PIL.ImageCms.createProfile("sRGB"), mode, "RGB"
        )
    except (PIL.ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise CleaningError("its colour profile is broken or does not fit its pixels") from error


def _is_srgb(content: bytes, profile: bytes) -> bool:
    return _is_identity_profile(profile, "L" if _is_grey(content) else "RGB")


@lru_cache(maxsize=64)
def _is_identity_profile(profile: bytes, mode: str) -> bool:
    """Whether a profile is that of sRGB under any name: it leaves a grid of colours as it is."""
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    image = PIL.Image.fromarray(levels[None] if mode == "L" else grid)
    after = np.asarray(_to_srgb(image, profile), dtype=np.int64)
    return bool(np.abs(after - np.asarray(image, dtype=np.int64)).max() <= SRGB_TOLERANCE)


def _is_grey(content: bytes) -> bool:
    with PIL.Image.open(BytesIO(content), formats=FORMATS) as image:
        return image.mode in ("1", "L") or image.mode.startswith("I")


def _encode(pixels: Pixels, quality: int | None) -> bytes:
    if quality is None:
        written, content = cv2.imencode(".png", pixels)
    else:
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, CHROMA_444]
        written, content = cv2.imencode(".jpg", pixels, options)
    if not written:
        raise CleaningError("its pixels cannot be encoded")
    return content.tobytes()


def _to_grey(pixels: Pixels) -> NDArray[np.uint8]:
    grey = pixels if pixels.ndim == 2 else pixels[..., 1]  # green is nearest to brightness
    if grey.dtype != np.uint8:
        low, high = int(grey.min()), max(int(grey.max()), int(grey.min()) + 1)
        grey = (grey.astype(np.float32) - low) * (255 / (high - low))
    return grey.astype(np.uint8, copy=False)
