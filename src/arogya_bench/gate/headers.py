"""What the header of an image file says, before anything large is decoded."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL.Image

from arogya_bench.errors import needs_extra
from arogya_bench.images import dicom, nifti
from arogya_bench.images.decoding import HEADER_BYTES, FileFormat, detect_format
from arogya_bench.images.files import DECODE_ERRORS, FORMATS, count_frames
from arogya_bench.images.safe_errors import sanitised_message

READABLE_FORMATS = (*FORMATS, "GIF")  # so that an animated one is called so
WIDE_MODE_BITS = {"1": 1, "I;16": 16, "I;16L": 16, "I;16B": 16, "I;16N": 16, "I": 32, "F": 32}


class ImageProblem(NamedTuple):
    """Why an image cannot be used.

    Attributes:
        code: One of the codes AB201 to AB210.
        reason: In words.
    """

    code: str
    reason: str


class ImageHeader(NamedTuple):
    """What a file says of its image; width and height as stored, in pixels."""

    width: int
    height: int
    mode: str
    bits: int
    frames: int


@contextmanager
def suppress_decoder_warnings() -> Iterator[None]:
    """Judge damage by what can be decoded: not by what decoders mutter about tags.

    Filters of warnings belong to the whole process, so this is entered once, around all threads.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL|pydicom|nibabel")
        warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
        yield


def read_header(file: Path) -> ImageHeader | ImageProblem:
    """Read the header of a file that is there; nothing is decoded.

    Raises:
        MissingExtra: If it is a DICOM or NIfTI file and its library is not installed.
    """
    try:
        if not file.stat().st_size:
            return ImageProblem("AB203", "0 bytes")
        with np.errstate(invalid="ignore"):  # numbers of a header that are none
            return _HEADER_READERS[_detect_format(file)](file)
    except FileNotFoundError:
        return ImageProblem("AB210", "no such file")
    except (PIL.Image.DecompressionBombWarning, PIL.Image.DecompressionBombError) as error:
        return ImageProblem("AB204", str(error))
    except _decode_errors() as error:
        return ImageProblem("AB201", sanitised_message(error, file))


def pixel_problem(file: Path) -> ImageProblem | None:
    """Say what is wrong with the stored pixels themselves, whatever a reader makes of them."""
    try:
        with np.errstate(invalid="ignore"):
            values = _read_stored_values(file)
    except _decode_errors() as error:
        return ImageProblem("AB202", sanitised_message(error, file))
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        return ImageProblem("AB209", f"{bad} of {values.size} values are NaN or infinite")
    return None


def is_floating(header: ImageHeader) -> bool:
    """Whether pixels may be NaN at all."""
    return header.mode in ("F", "NIfTI float")


def _decode_errors() -> tuple[type[Exception], ...]:
    return *DECODE_ERRORS, *dicom.decode_errors(), *nifti.decode_errors()


def _detect_format(file: Path) -> FileFormat:
    with file.open("rb") as stream:
        return detect_format(stream.read(HEADER_BYTES), file.name)


def _read_picture_header(file: Path) -> ImageHeader | ImageProblem:
    with PIL.Image.open(file, formats=READABLE_FORMATS) as image:
        bits = WIDE_MODE_BITS.get(image.mode, 16 if _is_sixteen_bit(image) else 8)
        return ImageHeader(*image.size, image.mode, bits, count_frames(image))


def _is_sixteen_bit(image: PIL.Image.Image) -> bool:
    # Pillow opens 16-bit colour as 8-bit RGB; only the way it means to unpack it tells.
    tiles = getattr(image, "tile", [])
    said = tiles[0][3] if tiles else ""
    return ";16" in str(said if isinstance(said, str) or not said else said[0])


def _read_dicom_header(file: Path) -> ImageHeader | ImageProblem:
    with needs_extra("dicom"):
        import pydicom
    tags = pydicom.dcmread(file, stop_before_pixels=True, force=True)
    frames, bits = int(tags.get("NumberOfFrames") or 1), int(tags.get("BitsStored", 16))
    made = ImageHeader(int(tags.Columns), int(tags.Rows), "DICOM", bits, frames)
    most = PIL.Image.MAX_IMAGE_PIXELS
    return _too_large_problem(made.width * made.height * frames, most, "pixels") or made


def _read_nifti_header(file: Path) -> ImageHeader | ImageProblem:
    with needs_extra("dicom"):
        import nibabel
    volume = nibabel.load(file)
    shape, kind = [int(length) for length in volume.shape], volume.get_data_dtype()
    if len(shape) < 2:
        return ImageProblem("AB201", f"an array of {len(shape)} dimensions")
    # Several slices are no animation: the reader says which one it takes.
    mode = "NIfTI float" if kind.kind == "f" else "NIfTI"
    stated = ImageHeader(shape[0], shape[1], mode, 8 * kind.itemsize, 1)
    return _too_large_problem(prod(shape), nifti.MAX_VOXELS, "voxels") or stated


def _read_stored_values(file: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    kind = _detect_format(file)
    if kind == "dicom":
        import pydicom

        return np.asarray(pydicom.dcmread(file, force=True).pixel_array)
    if kind == "nifti":
        import nibabel

        return np.asanyarray(nibabel.load(file).dataobj)
    with PIL.Image.open(file, formats=READABLE_FORMATS) as image:
        return np.asarray(image)


def _too_large_problem(number: int, limit: int | None, unit: str) -> ImageProblem | None:
    if limit is None or number <= limit:
        return None
    return ImageProblem("AB204", f"{number} {unit}, more than {limit}")


_HEADER_READERS: Mapping[FileFormat, Callable[[Path], ImageHeader | ImageProblem]] = {
    "dicom": _read_dicom_header,
    "nifti": _read_nifti_header,
    "picture": _read_picture_header,
}
