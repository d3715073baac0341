"""One file to one 8-bit RGB image, whatever its format: JPEG, PNG, TIFF, DICOM, NIfTI."""

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
from arogya_bench.images.files import DECODE_ERRORS, EIGHT_BIT_MODES, FORMATS, SUFFIXES
from arogya_bench.images.windowing import Values, window_to_rgb
from arogya_bench.images.windowing import Window as Window
from arogya_bench.types import Image

IMAGE_SUFFIXES = (*SUFFIXES, dicom.SUFFIX, *nifti.SUFFIXES)
HEADER_BYTES = 352  # the header of NIfTI, the longest of those that tell a format
# The first bytes of what Pillow reads: a file that is called .dcm may be a JPEG after all.
PICTURE_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"RIFF")
SIXTEEN_BIT_RAW_MODE = re.compile(r";16[BLN]$")  # how Pillow calls such colours in a file
WHITE_IS_ZERO = 0  # of the TIFF tag PhotometricInterpretation
PHOTOMETRIC_TAG = 262
WIDE_MODE_BITS = {"1": 1, "I": 32, "F": 32}  # by Pillow mode; 8 for all others
JSON_SCALARS = (str, int, float, bool, type(None))

FileFormat = Literal["dicom", "nifti", "picture"]


def is_image(name: str) -> bool:
    """Whether a file with this name is taken for an image; hidden ones, such as ``._a.jpg``, not.

    Args:
        name: Of a file, or its path.
    """
    last = PurePosixPath(name).name.lower()
    return last.endswith(IMAGE_SUFFIXES) and not last.startswith(".")


def decode(file: Path, *, window: Window | None = None) -> Image:
    """Decode a file as a viewer would show it: upright, 8 bits, RGB.

    The content says which format it is. Alpha is dropped, not composed: no background is the true
    one, and training pipelines drop it too. An ICC profile is not applied: models are fitted on
    the stored numbers; curation converts to sRGB once and for all.

    Args:
        file: JPEG, PNG, BMP, TIFF or WEBP; DICOM with one frame; NIfTI with one slice.
        window: Stored values that become black and white: of 16-bit and float images, which need
            one; of grey DICOM in units after its rescaling, such as Hounsfield, in place of the
            window in the file. 8-bit images have no use for it.

    Raises:
        DatasetError: If the file is missing or damaged, holds several images, or its values need
            a window.
        MissingExtra: If it is DICOM or NIfTI, and its library is not installed.
    """
    return _DECODERS[detect_format(_read_head(file), file.name)](file, window)


def detect_format(head: bytes, name: str) -> FileFormat:
    """Say what reads a file: its content tells, and its name only where no picture begins.

    Args:
        head: The first ``HEADER_BYTES`` of the file.
        name: Of the file; older DICOM files have nothing but that.
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
    """Say what a reader was told, such as a window; of places only the name, of images nothing.

    Returns:
        The same, as JSON can hold it, for readers that make the same pixels of the same files.
    """
    if isinstance(read, partial):
        given = [*read.args, *read.keywords.items()]
        return [reader_identity(read.func), *(reader_identity(each) for each in given)]
    if isinstance(read, JSON_SCALARS):
        return read
    if isinstance(read, list | tuple):
        return [reader_identity(each) for each in read]
    if isinstance(read, Path):
        return read.name
    named = read if hasattr(read, "__qualname__") else type(read)
    return f"{named.__module__}.{named.__qualname__}"


def count_frames(image: PIL.Image.Image) -> int:
    """Count the images in a file that are meant to be seen."""
    # An MPO is a photograph with previews behind it; its first frame is the photograph.
    return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


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
            fix="unpack the images again, and look whether you may read them",
        ) from error


def _decode_picture(file: Path, window: Window | None) -> Image:
    try:
        # Given a stream and not a path: Pillow 13.0 forgets to turn a TIFF that it maps to memory.
        with file.open("rb") as stream, PIL.Image.open(stream, formats=FORMATS) as image:
            _check_single_frame(image, file.name)
            if image.mode in EIGHT_BIT_MODES and not _loses_bits(image):
                PIL.ImageOps.exif_transpose(image, in_place=True)
                return np.array(image.convert("RGB"))
            what = f"The image {file.name}"
            return _invert_if_white_is_zero(
                image, window_to_rgb(_read_stored_values(image, stream), window, what=what)
            )
    except (*DECODE_ERRORS, cv2.error) as error:
        unknown = isinstance(error, PIL.UnidentifiedImageError)  # which names the whole path
        said = "its content is of no known format." if unknown else error
        raise DatasetError(
            f"The image {file.name} cannot be decoded: {said}",
            fix=f"get the file again; readable are {', '.join(IMAGE_SUFFIXES)}",
        ) from error


def _check_single_frame(image: PIL.Image.Image, name: str) -> None:
    frames = count_frames(image)
    if frames > 1:
        raise DatasetError(
            f"The image {name} holds {frames} frames.", fix="write each frame to its own file"
        )


def _loses_bits(image: PIL.ImageFile.ImageFile) -> bool:
    """Whether Pillow would keep only the upper 8 bits of 16, as it does for colours."""
    raws = [tile.args[0] if isinstance(tile.args, tuple) else tile.args for tile in image.tile]
    return any(SIXTEEN_BIT_RAW_MODE.search(str(raw)) for raw in raws)


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
