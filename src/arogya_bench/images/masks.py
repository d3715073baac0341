"""Read masks and check that they match their images in size, orientation and values."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageOps

from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images import dicom, nifti
from arogya_bench.images.files import (
    DECODE_ERRORS,
    FORMATS,
    SUFFIXES,
    check_single_frame,
    read_orientation,
    undecodable_error,
)
from arogya_bench.images.files import UPRIGHT as UPRIGHT
from arogya_bench.images.windowing import Values, check_finite
from arogya_bench.types import Mask

MASK_SUFFIXES = (*SUFFIXES, *nifti.SUFFIXES)
VALUE_MODES = ("auto", "index", "binary", "threshold")
WHITE = 255
THRESHOLD = 128
TRANSPOSED_ORIENTATIONS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
MAX_CLASSES = 256  # masks are 8-bit


class ImageGeometry(NamedTuple):
    """Geometry of an image from its header.

    Attributes:
        width: Width of the upright image in pixels.
        height: Height of the upright image in pixels.
        orientation: EXIF orientation; 1 is upright.
        axes: Directions of the axes of a NIfTI file, such as ``LPS``; empty for other formats.
    """

    width: int
    height: int
    slices: int = 1
    orientation: int = UPRIGHT
    axes: str = ""


def check_value_mode(values: str, classes: Sequence[str]) -> None:
    """Check the option for the meaning of mask values."""
    if values not in VALUE_MODES:
        raise ConfigError(f"dataset.values={values!r} is unknown.", fix=f"choose one of {', '.join(VALUE_MODES)}")
    if values in ("binary", "threshold") and len(classes) != 2:
        raise ConfigError(
            f"dataset.values={values} needs two classes, not {len(classes)}: {', '.join(classes)}.",
            fix="set dataset.values=index, or name two classes, the background first",
        )
    if not 2 <= len(classes) <= MAX_CLASSES or len(set(classes)) < len(classes):
        raise ConfigError(
            f"dataset.classes={list(classes)} are not valid classes of a mask.",
            fix=f"name 2 to {MAX_CLASSES} different classes, the background first",
        )


def is_nifti(file: Path) -> bool:
    """Whether a file name is that of a NIfTI file."""
    return file.name.lower().endswith(nifti.SUFFIXES)


def read_geometry(file: Path) -> ImageGeometry:
    """Read the header of an image or a mask."""
    if is_nifti(file):
        width, height, slices, axes = nifti.read_shape(file)
        return ImageGeometry(width, height, slices, axes=axes)
    if file.name.lower().endswith(dicom.SUFFIX):
        return ImageGeometry(*dicom.read_size(file))
    try:
        with PIL.Image.open(file, formats=FORMATS) as image:
            orientation = read_orientation(image)
            # Pillow gives the size of a TIFF after rotation, that of other formats before it.
            swap = orientation in TRANSPOSED_ORIENTATIONS and image.format != "TIFF"
            width, height = image.size[::-1] if swap else image.size
            return ImageGeometry(width, height, orientation=orientation)
    except DECODE_ERRORS as error:
        raise undecodable_error("file", file.name, error, MASK_SUFFIXES) from error


def check_mask_fits(image: Path, mask: Path) -> None:
    """Compare the headers of an image and its mask."""
    check_same_geometry(read_geometry(image), read_geometry(mask), image.name, mask.name)


def check_same_geometry(image_geometry: ImageGeometry, mask_geometry: ImageGeometry, image: str, mask: str) -> None:
    """Check that an image and its mask have the same size, axes and EXIF orientation; file names are for errors."""
    if image_geometry.orientation != mask_geometry.orientation:
        raise DatasetError(
            f"The image {image} has the EXIF orientation {image_geometry.orientation} and its mask "
            f"{mask} has {mask_geometry.orientation} (1 is upright): it is unknown whether the mask "
            "was drawn before or after rotation.",
            fix="save the image upright without the tag, and check that the mask fits",
        )
    if image_geometry[:3] != mask_geometry[:3]:
        raise DatasetError(
            f"The mask {mask} has {_format_size(mask_geometry)}, its image {image} has {_format_size(image_geometry)}.",
            fix="use the images that the masks were drawn on, or draw the masks again",
        )
    if image_geometry.axes and mask_geometry.axes and image_geometry.axes != mask_geometry.axes:
        raise DatasetError(
            f"The axes of the mask {mask} are {mask_geometry.axes}, those of its image {image} "
            f"{image_geometry.axes}: they would not match after reorientation.",
            fix="write the mask with the affine of its image",
        )


def read_mask_values(file: Path, index: int) -> Values:
    """Read the integers of a mask, shape (height, width).

    Args:
        file: Image with one channel, three equal ones or a palette (whose indices are read), or NIfTI.
        index: Index of the slice of a NIfTI file; 0 for images.
    """
    values = nifti.take_slice(nifti.read_volume(file), index) if is_nifti(file) else _read_channel(file)
    check_finite(values, f"The mask {file.name}")
    if (values != np.rint(values)).any():
        raise DatasetError(
            f"The mask {file.name} holds fractions, such as {values[values != np.rint(values)][0]:g}.",
            fix="write masks as integers, one per class",
        )
    return values


def decode_mask(file: Path, index: int, classes: Sequence[str], values: str) -> Mask:
    """Read a mask as indices into the classes, the background first.

    Args:
        file: Mask file; see ``read_mask_values``.
        index: Index of the slice of a NIfTI file; 0 for images.
        classes: Class names.
        values: ``index`` into the classes; ``binary``: 0 and 255; ``threshold``: foreground from 128; ``auto``: binary
            for two classes and a mask with only 0 and 255, else index.
    """
    numbers = read_mask_values(file, index)
    if values == "threshold":
        return np.asarray(numbers >= THRESHOLD, dtype=np.uint8)
    if values == "binary" or (values == "auto" and len(classes) == 2 and is_binary(numbers)):
        _check_allowed_values(file, numbers, np.isin(numbers, (0, WHITE)), "0 and 255 (dataset.values)")
        return np.asarray(numbers == WHITE, dtype=np.uint8)
    known = (numbers >= 0) & (numbers < len(classes))
    _check_allowed_values(file, numbers, known, f"0 to {len(classes) - 1} ({', '.join(classes)})")
    return numbers.astype(np.uint8)


def _read_channel(file: Path) -> Values:
    try:
        # A stream rather than a path: Pillow 13.0 does not rotate a memory-mapped TIFF.
        with file.open("rb") as stream, PIL.Image.open(stream, formats=FORMATS) as image:
            check_single_frame(image, "mask", file.name)
            PIL.ImageOps.exif_transpose(image, in_place=True)
            numbers = np.asarray(image)
    except DECODE_ERRORS as error:
        raise undecodable_error("mask", file.name, error, MASK_SUFFIXES) from error
    if numbers.ndim == 2:
        return numbers.astype(np.uint8) if numbers.dtype == bool else numbers
    colours = numbers[..., :1] if numbers.shape[2] == 2 else numbers[..., :3]  # without alpha
    if (colours != colours[..., :1]).any():
        raise DatasetError(
            f"The mask {file.name} holds colours.", fix="write masks as integers, one per class, in one channel"
        )
    grey: Values = colours[..., 0]
    return grey


def is_binary(numbers: Values) -> bool:
    """Whether a mask holds 255 and otherwise only 0."""
    return bool((numbers == WHITE).any() and np.isin(numbers, (0, WHITE)).all())


def _check_allowed_values(file: Path, numbers: Values, known: Values, allowed: str) -> None:
    if not known.all():
        raise DatasetError(
            f"The mask {file.name} holds the value {numbers[~known][0]:g}; allowed are {allowed}.",
            fix="list every class in dataset.classes, or set dataset.values: threshold for JPEG, which blurs 0 and 255",
        )


def _format_size(size: ImageGeometry) -> str:
    area = f"{size.width} x {size.height}"
    return f"{area} x {size.slices} voxels" if size.slices > 1 else f"{area} pixels"
