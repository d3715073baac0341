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
from arogya_bench.images.decoding import HEAD_BYTES, Kind, frames_of, kind_of
from arogya_bench.images.files import FORMATS, UNREADABLE
from arogya_bench.images.safe_errors import said

LOOKED_AT = (*FORMATS, "GIF")  # so that an animated one is called so
WIDE_MODES = {"1": 1, "I;16": 16, "I;16L": 16, "I;16B": 16, "I;16N": 16, "I": 32, "F": 32}


class Problem(NamedTuple):
    """Why an image cannot be used.

    Attributes:
        code: One of the codes AB201 to AB210.
        reason: In words.
    """

    code: str
    reason: str


class Header(NamedTuple):
    """What a file says of its image; width and height as stored, in pixels."""

    width: int
    height: int
    mode: str
    bits: int
    frames: int


@contextmanager
def quiet() -> Iterator[None]:
    """Judge damage by what can be decoded: not by what decoders mutter about tags.

    Filters of warnings belong to the whole process, so this is entered once, around all threads.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL|pydicom|nibabel")
        warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
        yield


def header(file: Path) -> Header | Problem:
    """Read the header of a file that is there; nothing is decoded.

    Raises:
        MissingExtra: If it is a DICOM or NIfTI file and its library is not installed.
    """
    try:
        if not file.stat().st_size:
            return Problem("AB203", "0 bytes")
        with np.errstate(invalid="ignore"):  # numbers of a header that are none
            return _HEADERS[_kind(file)](file)
    except FileNotFoundError:
        return Problem("AB210", "no such file")
    except (PIL.Image.DecompressionBombWarning, PIL.Image.DecompressionBombError) as error:
        return Problem("AB204", str(error))
    except _unreadable() as error:
        return Problem("AB201", said(error, file))


def pixel_problem(file: Path) -> Problem | None:
    """Say what is wrong with the stored pixels themselves, whatever a reader makes of them."""
    try:
        with np.errstate(invalid="ignore"):
            values = _stored(file)
    except _unreadable() as error:
        return Problem("AB202", said(error, file))
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        return Problem("AB209", f"{bad} of {values.size} values are NaN or infinite")
    return None


def is_floating(stated: Header) -> bool:
    """Whether pixels may be NaN at all."""
    return stated.mode in ("F", "NIfTI float")


def _unreadable() -> tuple[type[Exception], ...]:
    return *UNREADABLE, *dicom.unreadable(), *nifti.unreadable()


def _kind(file: Path) -> Kind:
    with file.open("rb") as stream:
        return kind_of(stream.read(HEAD_BYTES), file.name)


def _picture(file: Path) -> Header | Problem:
    with PIL.Image.open(file, formats=LOOKED_AT) as image:
        bits = WIDE_MODES.get(image.mode, 16 if _is_wide(image) else 8)
        return Header(*image.size, image.mode, bits, frames_of(image))


def _is_wide(image: PIL.Image.Image) -> bool:
    # Pillow opens 16-bit colour as 8-bit RGB; only the way it means to unpack it tells.
    tiles = getattr(image, "tile", [])
    said = tiles[0][3] if tiles else ""
    return ";16" in str(said if isinstance(said, str) or not said else said[0])


def _dicom(file: Path) -> Header | Problem:
    with needs_extra("dicom"):
        import pydicom
    tags = pydicom.dcmread(file, stop_before_pixels=True, force=True)
    frames, bits = int(tags.get("NumberOfFrames") or 1), int(tags.get("BitsStored", 16))
    made = Header(int(tags.Columns), int(tags.Rows), "DICOM", bits, frames)
    most = PIL.Image.MAX_IMAGE_PIXELS
    return _too_large(made.width * made.height * frames, most, "pixels") or made


def _nifti(file: Path) -> Header | Problem:
    with needs_extra("dicom"):
        import nibabel
    volume = nibabel.load(file)
    shape, kind = [int(length) for length in volume.shape], volume.get_data_dtype()
    if len(shape) < 2:
        return Problem("AB201", f"an array of {len(shape)} dimensions")
    # Several slices are no animation: the reader says which one it takes.
    mode = "NIfTI float" if kind.kind == "f" else "NIfTI"
    stated = Header(shape[0], shape[1], mode, 8 * kind.itemsize, 1)
    return _too_large(prod(shape), nifti.MOST_VOXELS, "voxels") or stated


def _stored(file: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    kind = _kind(file)
    if kind == "dicom":
        import pydicom

        return np.asarray(pydicom.dcmread(file, force=True).pixel_array)
    if kind == "nifti":
        import nibabel

        return np.asanyarray(nibabel.load(file).dataobj)
    with PIL.Image.open(file, formats=LOOKED_AT) as image:
        return np.asarray(image)


def _too_large(number: int, limit: int | None, unit: str) -> Problem | None:
    if limit is None or number <= limit:
        return None
    return Problem("AB204", f"{number} {unit}, more than {limit}")


_HEADERS: Mapping[Kind, Callable[[Path], Header | Problem]] = {
    "dicom": _dicom,
    "nifti": _nifti,
    "picture": _picture,
}
