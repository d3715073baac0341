"""Read images, volumes and label maps from NIfTI files in a fixed orientation."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from arogya_bench.errors import DatasetError, needs_extra
from arogya_bench.images.safe_errors import sanitised_message
from arogya_bench.images.windowing import Values, Window, to_rgb, window_to_rgb
from arogya_bench.types import Floats, Image

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

SUFFIXES = (".nii", ".nii.gz")
GZIP_SIGNATURE = b"\x1f\x8b"
MAX_CACHED_VOLUMES = 2  # volumes in memory: an image and its label map, while their slices are read in turn
MAX_VOXELS = 2**30  # per volume; a small compressed file may state any number
# Errors that nibabel raises for damaged files besides its own, found by flipping bytes.
DECODE_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    struct.error,
    zlib.error,
)


class VolumeShape(NamedTuple):
    """Of a volume whose axes run to the right, to the front and to the top (RAS).

    Attributes:
        width: Voxels from left to right; so ``height`` from back to front and ``slices`` from bottom to top. A file of
            one slice has it as the last axis, whichever way it lies.
        axes: What the axes of the file run to, such as ``LPS``.
    """

    width: int
    height: int
    slices: int
    axes: str


class NiftiHeader(NamedTuple):
    """Of a NIfTI file.

    Attributes:
        image: The file, opened.
        shape: Three, as stored.
        orientation: Shape (3, 2), of nibabel: for each stored axis, the axis that it becomes, and -1 if it is turned
            round.
    """

    image: "Nifti1Image"
    shape: tuple[int, int, int]
    orientation: Floats


def decode_errors() -> tuple[type[Exception], ...]:
    """Errors that nibabel raises for damaged files, imported only when one is raised."""
    with suppress(ModuleNotFoundError):
        from nibabel.filebasedimages import ImageFileError
        from nibabel.spatialimages import HeaderDataError

        return *DECODE_ERRORS, ImageFileError, HeaderDataError
    return DECODE_ERRORS


def has_signature(head: bytes) -> bool:
    """Whether the first 352 bytes of a file are those of NIfTI, compressed or not."""
    if head.startswith(GZIP_SIGNATURE):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 352)
        except zlib.error:
            return False
    return head[344:347] == b"n+1" or head[4:7] == b"n+2"


def decode(file: Path, window: Window | None = None) -> Image:
    """Decode a NIfTI file of one slice."""
    slices = read_shape(file).slices
    if slices != 1:
        raise DatasetError(
            f"The NIfTI file {file.name} holds {slices} slices, not one image.",
            fix="read the slices of volumes with dataset=image_mask_pairs, or write each slice to its own file",
        )
    return decode_slice(file, 0, window)


def decode_slice(file: Path, index: int, window: Window | None = None) -> Image:
    """Decode one slice of a volume: anterior up, the patient's right on the right.

    Args:
        file: A NIfTI file.
        index: Of the slice, from the bottom, from 0.
        window: Values that become black and white; unsigned 8-bit values need none.
    """
    values = take_slice(read_volume(file), index)
    if values.dtype == np.uint8:
        return to_rgb(np.ascontiguousarray(values))
    return window_to_rgb(values, window, what=f"Slice {index} of the NIfTI file {file.name}")


def take_slice(values: Values, index: int) -> Values:
    """Extract one slice of a volume as displayed, shape (height, width)."""
    return np.rot90(values[:, :, index])


def read_volume(file: Path) -> Values:
    """Read a volume, shape (width, height, slices), axes as ``VolumeShape`` has them.

    The last volumes are kept in memory, since a compressed one can only be read as a whole.
    """
    with _translate_errors(file):
        stat = file.stat()
    return _read_volume_cached(file, stat.st_size, stat.st_mtime_ns)


def read_shape(file: Path) -> VolumeShape:
    """Read the shape of a volume from its header."""
    with _translate_errors(file):
        from nibabel.orientations import ornt2axcodes

        header = _read_header(file)
        # A broadcast scalar takes no memory; only the shape after reorientation is needed.
        turned = _reorient(np.broadcast_to(np.uint8(0), header.shape), header.orientation)
        width, height, slices = turned.shape
        return VolumeShape(width, height, slices, axes="".join(ornt2axcodes(header.orientation)))


@lru_cache(maxsize=MAX_CACHED_VOLUMES)
def _read_volume_cached(file: Path, size: int, modified: int) -> Values:  # noqa: ARG001 - they name the version
    with _translate_errors(file):
        header = _read_header(file)
        values = np.asarray(header.image.dataobj).reshape(header.shape)
        return _reorient(values, header.orientation)


def _reorient(values: Values, turns: Floats) -> Values:
    """Reorient as ``nibabel.as_closest_canonical`` does; an axis of length 1 comes last."""
    from nibabel.orientations import apply_orientation

    turned: Values = apply_orientation(values, turns)
    if turned.shape[2] > 1 and 1 in turned.shape:
        turned = np.moveaxis(turned, turned.shape.index(1), 2)
    return turned


def _read_header(file: Path) -> NiftiHeader:
    import nibabel

    stored = nibabel.load(file)
    lengths = [int(length) for length in stored.shape]
    while len(lengths) > 3 and lengths[-1] == 1:
        lengths.pop()
    if not isinstance(stored, nibabel.Nifti1Image) or len(lengths) not in (2, 3):
        raise DatasetError(
            f"The NIfTI file {file.name} has the shape {_format_shape(stored.shape)}, which is neither an "
            "image nor a volume.",
            fix="write each time point or channel to its own file",
        )
    lengths = [*lengths, 1][:3]
    _check_usable(stored, lengths, file.name)
    turns = nibabel.io_orientation(stored.affine)
    return NiftiHeader(stored, (lengths[0], lengths[1], lengths[2]), turns)


def _check_usable(stored: "Nifti1Image", lengths: list[int], name: str) -> None:
    kind = stored.get_data_dtype()
    if kind.fields or kind.kind not in "iuf":
        raise DatasetError(
            f"The NIfTI file {name} holds values of type {kind}, not one number a voxel.",
            fix="write one channel a file, as whole numbers or floats",
        )
    if min(lengths) < 1 or prod(lengths) > MAX_VOXELS:
        raise DatasetError(
            f"The NIfTI file {name} states {_format_shape(lengths)} voxels, and 1 to {MAX_VOXELS} in all can be read.",
            fix="get the file again, or cut the volume into parts",
        )
    if not np.isfinite(stored.affine).all() or np.linalg.matrix_rank(stored.affine[:3, :3]) < 3:
        raise DatasetError(
            f"The NIfTI file {name} does not say which way its axes run: its affine has no inverse.",
            fix="write it again with the affine of the scan",
        )


def _format_shape(lengths: tuple[int, ...] | list[int]) -> str:
    return " x ".join(map(str, lengths))


@contextmanager
def _translate_errors(file: Path) -> Iterator[None]:
    with needs_extra("dicom"):
        import nibabel  # noqa: F401 - is it there?
    try:
        with np.errstate(invalid="ignore"):  # a header with no numbers is refused
            yield
    except decode_errors() as error:
        raise DatasetError(
            f"The NIfTI file {file.name} cannot be read: {sanitised_message(error, file)}", fix="get the file again"
        ) from error
