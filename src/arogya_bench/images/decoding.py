"""Decode an image file of any supported format to 8-bit RGB."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

import cv2
import numpy as np
import PIL.Image
import PIL.ImageFile
import PIL.ImageOps

from arogya_bench.errors import DatasetError
from arogya_bench.images import dicom, nifti
from arogya_bench.images.files import (
    DECODE_ERRORS,
    EIGHT_BIT_MODES,
    FORMATS,
    SUFFIXES,
    check_single_frame,
    undecodable_error,
)
from arogya_bench.images.windowing import Values, window_to_rgb
from arogya_bench.images.windowing import Window as Window
from arogya_bench.types import Image

IMAGE_SUFFIXES = (*SUFFIXES, dicom.SUFFIX, *nifti.SUFFIXES)
HEADER_BYTES = 352  # length of the NIfTI header, the longest needed to detect a format
# First bytes of the formats that Pillow reads; a file named .dcm may be a JPEG.
PICTURE_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"RIFF", b"GIF8")
SIXTEEN_BIT_RAW_MODE = re.compile(r";16[BLN]$")  # Pillow's names for the raw modes of 16-bit colours
WHITE_IS_ZERO = 0  # value of the TIFF tag PhotometricInterpretation
PHOTOMETRIC_TAG = 262
WIDE_MODE_BITS = {"1": 1, "I": 32, "F": 32}  # by Pillow mode; 8 for all others
JSON_SCALARS = (str, int, float, bool, type(None))

FileFormat = Literal["dicom", "nifti", "picture"]


def is_image(name: str) -> bool:
    """Whether a file name or path is that of an image; hidden files such as ``._a.jpg`` are not."""
    last = PurePosixPath(name).name.lower()
    return last.endswith(IMAGE_SUFFIXES) and not last.startswith(".")


def decode(file: Path, *, window: Window | None = None) -> Image:
    """Decode a file as a viewer would show it: upright, 8 bits, RGB.

    The format is detected from the content. Alpha is dropped rather than composed, as training pipelines do. ICC
    profiles are not applied, since models are trained on the stored values; curation converts images to sRGB.

    Args:
        file: JPEG, PNG, BMP, TIFF, WEBP or GIF with one frame; DICOM with one frame; NIfTI with one slice.
        window: Values that become black and white. Required for 16-bit and float images. For grey DICOM it replaces the
            window of the file, in units after rescaling such as Hounsfield. Ignored for 8-bit images.
    """
    return _DECODERS[detect_format(_read_head(file), file.name)](file, window)


def detect_format(head: bytes, name: str) -> FileFormat:
    """Detect the format from the first ``HEADER_BYTES`` of a file.

    Content without a signature is identified by the name, as old DICOM files have none.
    """
    if dicom.has_signature(head):
        return "dicom"
    if nifti.has_signature(head):
        return "nifti"
    if not head.startswith(PICTURE_SIGNATURES):
        if name.lower().endswith(dicom.SUFFIX):
            return "dicom"
        if name.lower().endswith(nifti.SUFFIXES):
            return "nifti"
    return "picture"


def reader_identity(read: object) -> object:
    """Describe a reader and its options as JSON, without the location of the files.

    Readers that decode the same files to the same pixels have equal descriptions.
    """
    if isinstance(read, partial):
        arguments = [*read.args, *read.keywords.items()]
        return [reader_identity(value) for value in (read.func, *arguments)]
    if isinstance(read, JSON_SCALARS):
        return read
    if isinstance(read, list | tuple):
        return [reader_identity(value) for value in read]
    if isinstance(read, Path):
        return read.name
    named = read if hasattr(read, "__qualname__") else type(read)
    return f"{named.__module__}.{named.__qualname__}"


def bits_per_channel(image: PIL.ImageFile.ImageFile) -> int:
    """Return the stored bits per channel; Pillow opens 16-bit colours as 8-bit modes."""
    if image.mode.startswith("I;16") or _loses_bits(image):
        return 16
    return WIDE_MODE_BITS.get(image.mode, 8)


def _read_head(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(HEADER_BYTES)
    except OSError as error:
        raise DatasetError(
            f"The image {file.name} cannot be opened: {error.strerror}.",
            fix="unpack the images again and check their permissions",
        ) from error


def _decode_picture(file: Path, window: Window | None) -> Image:
    try:
        # A stream rather than a path: Pillow 13.0 does not rotate a memory-mapped TIFF.
        with file.open("rb") as stream, PIL.Image.open(stream, formats=FORMATS) as image:
            check_single_frame(image, "image", file.name)
            if image.mode in EIGHT_BIT_MODES and not _loses_bits(image):
                PIL.ImageOps.exif_transpose(image, in_place=True)
                return np.array(image.convert("RGB"))
            what = f"The image {file.name}"
            return _invert_if_white_is_zero(image, window_to_rgb(_read_stored_values(image, stream), window, what=what))
    except (*DECODE_ERRORS, cv2.error) as error:
        raise undecodable_error("image", file.name, error, IMAGE_SUFFIXES) from error


def _loses_bits(image: PIL.ImageFile.ImageFile) -> bool:
    """Whether Pillow would reduce 16-bit colours to 8 bits."""
    modes = [tile.args[0] if isinstance(tile.args, tuple) else tile.args for tile in image.tile]
    return any(SIXTEEN_BIT_RAW_MODE.search(str(mode)) for mode in modes)


def _read_stored_values(image: PIL.ImageFile.ImageFile, stream: BinaryIO) -> Values:
    if image.mode not in EIGHT_BIT_MODES:
        PIL.ImageOps.exif_transpose(image, in_place=True)
        return np.asarray(image)
    stream.seek(0)
    content = np.frombuffer(stream.read(), np.uint8)
    stored = cv2.imdecode(content, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)  # upright as well
    if stored is None or image.mode not in ("RGB", "RGBA", "LA"):
        raise ValueError(f"OpenCV does not read its {image.mode} of 16 bits")
    colours: Values = stored[..., ::-1]
    return colours


def _invert_if_white_is_zero(image: PIL.Image.Image, shown: Image) -> Image:
    tags = getattr(image, "tag_v2", {})
    return 255 - shown if tags.get(PHOTOMETRIC_TAG) == WHITE_IS_ZERO else shown


_DECODERS: Mapping[FileFormat, Callable[[Path, Window | None], Image]] = {
    "dicom": dicom.decode,
    "nifti": nifti.decode,
    "picture": _decode_picture,
}
