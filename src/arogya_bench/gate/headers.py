"""What the header of an image file says, before anything large is decoded."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL.Image

from arogya_bench.datasets import dicom, nifti
from arogya_bench.datasets.decoding import PICTURE_HEADS
from arogya_bench.datasets.image_files import FORMATS, UNREADABLE
from arogya_bench.errors import needs_extra

HEAD_BYTES = 352  # of NIfTI, the longest of those that tell a format
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
        return {"DICOM": _dicom, "NIfTI": _nifti}.get(_format(file), _picture)(file)
    except FileNotFoundError:
        return Problem("AB210", "no such file")
    except (PIL.Image.DecompressionBombWarning, PIL.Image.DecompressionBombError) as error:
        return Problem("AB204", str(error))
    except UNREADABLE as error:
        return Problem("AB201", _said(error, file))


def pixel_problem(file: Path) -> Problem | None:
    """Say what is wrong with the stored pixels themselves, whatever a reader makes of them."""
    try:
        values = _stored(file)
    except (*UNREADABLE, AttributeError, NotImplementedError, RuntimeError) as error:
        return Problem("AB202", _said(error, file))
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        return Problem("AB209", f"{bad} of {values.size} values are NaN or infinite")
    return None


def is_floating(stated: Header) -> bool:
    """Whether pixels may be NaN at all."""
    return stated.mode in ("F", "NIfTI float")


def _format(file: Path) -> str:
    """Its content tells, as it does where images are decoded; a name only without a picture."""
    with file.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    name = file.name.lower()
    is_picture = head.startswith(PICTURE_HEADS)
    if dicom.announced(head) or (name.endswith(dicom.SUFFIX) and not is_picture):
        return "DICOM"
    if nifti.announced(head) or (name.endswith(nifti.SUFFIXES) and not is_picture):
        return "NIfTI"
    return "picture"


def _picture(file: Path) -> Header | Problem:
    with PIL.Image.open(file, formats=LOOKED_AT) as image:
        # An MPO is a photograph with previews behind it; its first frame is the photograph.
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        bits = WIDE_MODES.get(image.mode, 16 if _is_wide(image) else 8)
        return Header(*image.size, image.mode, bits, frames)


def _is_wide(image: PIL.Image.Image) -> bool:
    # Pillow opens 16-bit colour as 8-bit RGB; only the way it means to unpack it tells.
    tiles = getattr(image, "tile", [])
    said = tiles[0][3] if tiles else ""
    return ";16" in str(said if isinstance(said, str) or not said else said[0])


def _dicom(file: Path) -> Header | Problem:
    with needs_extra("dicom"):
        import pydicom
        from pydicom.errors import InvalidDicomError
    try:
        tags = pydicom.dcmread(file, stop_before_pixels=True, force=True)
        frames = int(tags.get("NumberOfFrames") or 1)
        made = Header(
            int(tags.Columns), int(tags.Rows), "DICOM", int(tags.get("BitsStored", 16)), frames
        )
    except (InvalidDicomError, AttributeError, NotImplementedError) as error:
        return Problem("AB201", _said(error, file))
    return _too_large(made.width * made.height * frames) or made


def _nifti(file: Path) -> Header | Problem:
    with needs_extra("dicom"):
        import nibabel
        from nibabel.filebasedimages import ImageFileError
        from nibabel.spatialimages import HeaderDataError
    try:
        volume = nibabel.load(file)
        shape, kind = volume.shape, volume.get_data_dtype()
    except (ImageFileError, HeaderDataError) as error:
        return Problem("AB201", _said(error, file))
    if len(shape) < 2:
        return Problem("AB201", f"an array of {len(shape)} dimensions")
    # Several slices are no animation: the reader says which one it takes.
    mode = "NIfTI float" if kind.kind == "f" else "NIfTI"
    return Header(int(shape[0]), int(shape[1]), mode, 8 * kind.itemsize, 1)


def _stored(file: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    kind = _format(file)
    if kind == "DICOM":
        import pydicom

        return np.asarray(pydicom.dcmread(file, force=True).pixel_array)
    if kind == "NIfTI":
        import nibabel

        return np.asanyarray(nibabel.load(file).dataobj)
    with PIL.Image.open(file, formats=LOOKED_AT) as image:
        return np.asarray(image)


def _too_large(pixels: int) -> Problem | None:
    limit = PIL.Image.MAX_IMAGE_PIXELS
    if limit is None or pixels <= limit:
        return None
    return Problem("AB204", f"{pixels} pixels, more than {limit}")


def _said(error: Exception, file: Path) -> str:
    # Errors of the system name the whole place, which belongs into no report.
    text = str(error).replace(str(file), file.name).replace(str(file.parent), "")
    return text.splitlines()[0] if text else type(error).__name__
