"""Read images, volumes and label maps from NIfTI files in a fixed orientation."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from arogya_bench.errors import DatasetError, needs_extra
from arogya_bench.images.safe_errors import PARSER_ERRORS, sanitised_message
from arogya_bench.images.windowing import Values, Window, to_rgb, window_to_rgb
from arogya_bench.types import Floats, Image

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

SUFFIXES = (".nii", ".nii.gz")
GZIP_SIGNATURE = b"\x1f\x8b"
MAX_CACHED_VOLUMES = 2  # volumes in memory: an image and its label map, while their slices are read in turn
MAX_VOXELS = 2**30  # per volume; a small compressed file may state any number


class VolumeShape(NamedTuple):
    """Shape of a volume in RAS orientation: its axes run from left to right, back to front and bottom to top.

    Attributes:
        width: Number of voxels from left to right.
        height: Number of voxels from back to front.
        slices: Number of voxels from bottom to top. In a file with one slice that axis is always the last.
        axes: Directions of the axes of the file, such as ``LPS``.
    """

    width: int
    height: int
    slices: int
    axes: str


class NiftiHeader(NamedTuple):
    """Header of a NIfTI file.

    Attributes:
        image: The opened file.
        shape: Stored shape, with three axes.
        orientation: Orientation as in nibabel, shape (3, 2): for each stored axis, the RAS axis and 1, or -1 if it is
            flipped.
    """

    image: "Nifti1Image"
    shape: tuple[int, int, int]
    orientation: Floats


def decode_errors() -> tuple[type[Exception], ...]:
    """Errors that nibabel raises for damaged files, imported only when one is raised."""
    with suppress(ModuleNotFoundError):
        from nibabel.filebasedimages import ImageFileError
        from nibabel.spatialimages import HeaderDataError

        return *PARSER_ERRORS, ImageFileError, HeaderDataError
    return PARSER_ERRORS


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
    """Decode one slice of a volume, counted from the bottom: anterior up, the patient's right on the right.

    The window is not needed for unsigned 8-bit values.
    """
    values = take_slice(read_volume(file), index)
    if values.dtype == np.uint8:
        return to_rgb(np.ascontiguousarray(values))
    return window_to_rgb(values, window, what=f"Slice {index} of the NIfTI file {file.name}")


def take_slice(values: Values, index: int) -> Values:
    """Extract one slice of a volume as displayed, shape (height, width)."""
    return np.rot90(values[:, :, index])


def read_volume(file: Path) -> Values:
    """Read a volume, shape (width, height, slices), in the orientation of ``VolumeShape``.

    The latest volumes are cached, since a compressed one can only be read as a whole.
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
        width, height, slices = _reorient(np.broadcast_to(np.uint8(0), header.shape), header.orientation).shape
        return VolumeShape(width, height, slices, axes="".join(ornt2axcodes(header.orientation)))


@lru_cache(maxsize=MAX_CACHED_VOLUMES)
def _read_volume_cached(file: Path, size: int, modified: int) -> Values:  # noqa: ARG001 - they identify the version
    with _translate_errors(file):
        header = _read_header(file)
        values = np.asarray(header.image.dataobj).reshape(header.shape)
        return _reorient(values, header.orientation)


def _reorient(values: Values, orientation: Floats) -> Values:
    """Reorient as ``nibabel.as_closest_canonical`` does; an axis of length 1 comes last."""
    from nibabel.orientations import apply_orientation

    reoriented: Values = apply_orientation(values, orientation)
    if reoriented.shape[2] > 1 and 1 in reoriented.shape:
        reoriented = np.moveaxis(reoriented, reoriented.shape.index(1), 2)
    return reoriented


def _read_header(file: Path) -> NiftiHeader:
    import nibabel

    image = nibabel.load(file)
    lengths = [int(length) for length in image.shape]
    while len(lengths) > 3 and lengths[-1] == 1:
        lengths.pop()
    if not isinstance(image, nibabel.Nifti1Image) or len(lengths) not in (2, 3):
        raise DatasetError(
            f"The NIfTI file {file.name} has the shape {_format_shape(image.shape)}, which is neither an "
            "image nor a volume.",
            fix="write each time point or channel to its own file",
        )
    width, height, slices = [*lengths, 1][:3]
    _check_usable(image, (width, height, slices), file.name)
    return NiftiHeader(image, (width, height, slices), nibabel.io_orientation(image.affine))


def _check_usable(image: "Nifti1Image", lengths: tuple[int, ...], name: str) -> None:
    dtype = image.get_data_dtype()
    if dtype.fields or dtype.kind not in "iuf":
        raise DatasetError(
            f"The NIfTI file {name} holds values of type {dtype}, not one number per voxel.",
            fix="write one channel per file, as integers or floats",
        )
    if min(lengths) < 1 or prod(lengths) > MAX_VOXELS:
        raise DatasetError(
            f"The NIfTI file {name} states {_format_shape(lengths)} voxels, and 1 to {MAX_VOXELS} in all can be read.",
            fix="get the file again, or cut the volume into parts",
        )
    if not np.isfinite(image.affine).all() or np.linalg.matrix_rank(image.affine[:3, :3]) < 3:
        raise DatasetError(
            f"The NIfTI file {name} does not state the directions of its axes: its affine is singular.",
            fix="write it again with the affine of the scan",
        )


def _format_shape(lengths: Sequence[int]) -> str:
    return " x ".join(map(str, lengths))


@contextmanager
def _translate_errors(file: Path) -> Iterator[None]:
    with needs_extra("dicom"):
        import nibabel  # noqa: F401 - check that it is installed
    try:
        with np.errstate(invalid="ignore"):  # rejected in _check_usable
            yield
    except decode_errors() as error:
        raise DatasetError(
            f"The NIfTI file {file.name} cannot be read: {sanitised_message(error, file)}", fix="get the file again"
        ) from error
