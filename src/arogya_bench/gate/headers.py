"""Reads the header of an image file, before its pixels are decoded."""

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
from arogya_bench.images.decoding import HEADER_BYTES, FileFormat, bits_per_channel, detect_format
from arogya_bench.images.files import DECODE_ERRORS, FORMATS, count_frames
from arogya_bench.images.safe_errors import sanitised_message
from arogya_bench.images.windowing import Values


class ImageProblem(NamedTuple):
    """The reason why an image cannot be used, with a code from AB201 to AB210."""

    code: str
    reason: str


class ImageHeader(NamedTuple):
    """Header of an image file; width and height in pixels, as stored."""

    width: int
    height: int
    mode: str
    bits: int
    frames: int


@contextmanager
def suppress_decoder_warnings() -> Iterator[None]:
    """Silence the decoders' warnings about tags; damage shows when an image is decoded.

    Warning filters apply to the whole process, so this is entered once around all threads.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL|pydicom|nibabel")
        warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
        yield


def read_header(file: Path) -> ImageHeader | ImageProblem:
    """Read the header of a file, without decoding its pixels."""
    try:
        if not file.stat().st_size:
            return ImageProblem("AB203", "0 bytes")
        with np.errstate(invalid="ignore"):  # invalid numbers in a header
            return _HEADER_READERS[_detect_format(file)](file)
    except FileNotFoundError:
        return ImageProblem("AB210", "no such file")
    except (PIL.Image.DecompressionBombWarning, PIL.Image.DecompressionBombError) as error:
        return ImageProblem("AB204", str(error))
    except _decode_errors() as error:
        return ImageProblem("AB201", sanitised_message(error, file))


def pixel_problem(file: Path) -> ImageProblem | None:
    """Check the stored pixels, independently of how a dataset reads them."""
    try:
        with np.errstate(invalid="ignore"):
            values = _read_stored_values(file)
    except _decode_errors() as error:
        return ImageProblem("AB202", sanitised_message(error, file))
    return non_finite_problem(values)


def non_finite_problem(values: Values) -> ImageProblem | None:
    """Check for NaN and infinite values."""
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return None
    count = int((~np.isfinite(values)).sum())
    return ImageProblem("AB209", f"{count} of {values.size} values are NaN or infinite")


def is_floating(header: ImageHeader) -> bool:
    """Whether pixels are floating-point numbers, which may be NaN."""
    return header.mode in ("F", "NIfTI float")


def _decode_errors() -> tuple[type[Exception], ...]:
    return *DECODE_ERRORS, *dicom.decode_errors(), *nifti.decode_errors()


def _detect_format(file: Path) -> FileFormat:
    with file.open("rb") as stream:
        return detect_format(stream.read(HEADER_BYTES), file.name)


def _read_picture_header(file: Path) -> ImageHeader | ImageProblem:
    with PIL.Image.open(file, formats=FORMATS) as image:
        bits = bits_per_channel(image)
        return ImageHeader(*image.size, image.mode, bits, count_frames(image))


def _read_dicom_header(file: Path) -> ImageHeader | ImageProblem:
    with needs_extra("dicom"):
        import pydicom
    tags = pydicom.dcmread(file, stop_before_pixels=True, force=True)
    frames, bits = int(tags.get("NumberOfFrames") or 1), int(tags.get("BitsStored", 16))
    header = ImageHeader(int(tags.Columns), int(tags.Rows), "DICOM", bits, frames)
    limit = PIL.Image.MAX_IMAGE_PIXELS
    return _too_large_problem(header.width * header.height * frames, limit, "pixels") or header


def _read_nifti_header(file: Path) -> ImageHeader | ImageProblem:
    with needs_extra("dicom"):
        import nibabel
    volume = nibabel.load(file)
    shape, dtype = [int(length) for length in volume.shape], volume.get_data_dtype()
    if len(shape) < 2:
        return ImageProblem("AB201", f"an array of {len(shape)} dimensions")
    mode = "NIfTI float" if dtype.kind == "f" else "NIfTI"
    # Slices do not count as frames: the dataset selects one of them.
    header = ImageHeader(shape[0], shape[1], mode, 8 * dtype.itemsize, 1)
    return _too_large_problem(prod(shape), nifti.MAX_VOXELS, "voxels") or header


def _read_stored_values(file: Path) -> Values:
    file_format = _detect_format(file)
    if file_format == "dicom":
        import pydicom

        return np.asarray(pydicom.dcmread(file, force=True).pixel_array)
    if file_format == "nifti":
        import nibabel

        return np.asanyarray(nibabel.load(file).dataobj)
    with PIL.Image.open(file, formats=FORMATS) as image:
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
