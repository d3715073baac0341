"""Reads masks, and checks that one belongs to its image: size, orientation, values."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageOps

from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images import dicom, nifti
from arogya_bench.images.decoding import count_frames
from arogya_bench.images.files import DECODE_ERRORS, FORMATS, ORIENTATION_TAG, SUFFIXES
from arogya_bench.images.windowing import Values, check_finite
from arogya_bench.types import Mask

MASK_SUFFIXES = (*SUFFIXES, *nifti.SUFFIXES)
VALUE_MODES = ("auto", "index", "binary", "threshold")
WHITE = 255
THRESHOLD = 128
UPRIGHT = 1
TRANSPOSED_ORIENTATIONS = (5, 6, 7, 8)  # the EXIF orientations that swap width and height
MAX_CLASSES = 256  # of a Mask


class ImageGeometry(NamedTuple):
    """What the header of an image says.

    Attributes:
        width: In pixels, upright; so ``height``.
        slices: 1, but for volumes.
        orientation: The EXIF tag; 1 is upright.
        axes: What the axes of a NIfTI file run to, such as ``LPS``; empty for others.
    """

    width: int
    height: int
    slices: int = 1
    orientation: int = UPRIGHT
    axes: str = ""


def check_value_mode(values: str, classes: Sequence[str]) -> None:
    """Check the option that says what the numbers in masks mean.

    Raises:
        ConfigError: If it is unknown, or does not fit the number of classes.
    """
    if values not in VALUE_MODES:
        raise ConfigError(
            f"dataset.values={values!r} is unknown.", fix=f"choose one of {', '.join(VALUE_MODES)}"
        )
    if values in ("binary", "threshold") and len(classes) != 2:
        raise ConfigError(
            f"dataset.values={values} needs two classes, and there are {len(classes)}: "
            f"{', '.join(classes)}.",
            fix="set dataset.values=index, or name the background and one more class",
        )
    if not 2 <= len(classes) <= MAX_CLASSES or len(set(classes)) < len(classes):
        raise ConfigError(
            f"dataset.classes={list(classes)} are not valid classes of a mask.",
            fix=f"name 2 to {MAX_CLASSES} different classes, the background first",
        )


def is_nifti(file: Path) -> bool:
    """Whether the name of a file is that of NIfTI."""
    return file.name.lower().endswith(nifti.SUFFIXES)


def read_geometry(file: Path) -> ImageGeometry:
    """Read the header of an image or a mask.

    Raises:
        DatasetError: If it is missing or damaged.
        MissingExtra: If it is DICOM or NIfTI, and its library is not installed.
    """
    if is_nifti(file):
        width, height, slices, axes = nifti.read_shape(file)
        return ImageGeometry(width, height, slices, axes=axes)
    if file.name.lower().endswith(dicom.SUFFIX):
        return ImageGeometry(*dicom.read_size(file))
    try:
        with PIL.Image.open(file, formats=FORMATS) as image:
            orientation = _read_orientation(image)
            # Pillow states the size of a TIFF as it is after turning, of others before.
            swap = orientation in TRANSPOSED_ORIENTATIONS and image.format != "TIFF"
            width, height = image.size[::-1] if swap else image.size
            return ImageGeometry(width, height, orientation=orientation)
    except DECODE_ERRORS as error:
        raise _damaged_error("file", file, error) from error


def check_mask_fits(image: Path, mask: Path) -> None:
    """Refuse a mask that was drawn on another image than its own, going by the headers.

    Raises:
        DatasetError: If one is damaged, or they do not fit; see ``check_same_geometry``.
    """
    check_same_geometry(read_geometry(image), read_geometry(mask), image.name, mask.name)


def check_same_geometry(
    image_geometry: ImageGeometry, mask_geometry: ImageGeometry, image: str, mask: str
) -> None:
    """Compare what the headers of an image and of its mask say.

    Args:
        image_geometry: Of the image.
        mask_geometry: Of the mask.
        image: The name of its file, for errors.
        mask: So.

    Raises:
        DatasetError: If sizes or axes differ, or one carries a tag of EXIF that turns it and the
            other does not: whether the mask was drawn on the turned image, nobody knows.
    """
    if image_geometry.orientation != mask_geometry.orientation:
        raise DatasetError(
            f"The image {image} has the EXIF orientation {image_geometry.orientation} and its mask {mask} has "
            f"{mask_geometry.orientation} (1 is upright): it is not known whether the mask was drawn on "
            "the image as it is stored or as viewers turn it.",
            fix="write the image upright without the tag, and look whether the mask fits",
        )
    if image_geometry[:3] != mask_geometry[:3]:
        raise DatasetError(
            f"The mask {mask} has {_format_size(mask_geometry)}, and its image {image} {_format_size(image_geometry)}.",
            fix="use the images that the masks were drawn on, or draw the masks again",
        )
    if image_geometry.axes and mask_geometry.axes and image_geometry.axes != mask_geometry.axes:
        raise DatasetError(
            f"The axes of the mask {mask} run to {mask_geometry.axes}, those of its image {image} to "
            f"{image_geometry.axes}: what lies at one place in the files would not after turning.",
            fix="write the mask with the affine of its image",
        )


def read_mask_values(file: Path, index: int) -> Values:
    """Read the numbers in a mask, shape (height, width).

    Args:
        file: An image of one channel or of three equal ones, a palette image (its indices count),
            or NIfTI.
        index: Of the slice of a NIfTI file; 0 for images.

    Raises:
        DatasetError: If it is missing or damaged, or has colours or fractions.
        MissingExtra: If it is NIfTI and nibabel is not installed.
    """
    values = (
        nifti.take_slice(nifti.read_volume(file), index) if is_nifti(file) else _read_channel(file)
    )
    check_finite(values, f"The mask {file.name}")
    if (values != np.rint(values)).any():
        raise DatasetError(
            f"The mask {file.name} holds fractions, such as "
            f"{values[values != np.rint(values)][0]:g}.",
            fix="write masks as whole numbers, one for each class",
        )
    return values


def decode_mask(file: Path, index: int, classes: Sequence[str], values: str) -> Mask:
    """Read a mask as indices into the classes.

    Args:
        file: See ``read_mask_values``.
        index: Of the slice of a NIfTI file; 0 for images.
        classes: The background first.
        values: ``index``: numbers are indices; ``binary``: 0 and 255; ``threshold``: 128 and more
            is the foreground; ``auto``: index, or binary where there are two classes and the mask
            holds no other numbers than 0 and 255.

    Raises:
        DatasetError: If the mask is damaged, or holds a number that stands for no class.
    """
    numbers = read_mask_values(file, index)
    if values == "threshold":
        return np.asarray(numbers >= THRESHOLD, dtype=np.uint8)
    if values == "binary" or (values == "auto" and len(classes) == 2 and is_binary(numbers)):
        _check_allowed_values(
            file, numbers, np.isin(numbers, (0, WHITE)), "0 and 255 (dataset.values)"
        )
        return np.asarray(numbers == WHITE, dtype=np.uint8)
    known = (numbers >= 0) & (numbers < len(classes))
    _check_allowed_values(file, numbers, known, f"0 to {len(classes) - 1} ({', '.join(classes)})")
    return numbers.astype(np.uint8)


def _read_channel(file: Path) -> Values:
    try:
        # Given a stream and not a path: Pillow 13.0 forgets to turn a TIFF that it maps to memory.
        with file.open("rb") as stream, PIL.Image.open(stream, formats=FORMATS) as image:
            frames = count_frames(image)
            if frames > 1:
                raise DatasetError(
                    f"The mask {file.name} holds {frames} frames.",
                    fix="write each frame to its own file",
                )
            PIL.ImageOps.exif_transpose(image, in_place=True)
            numbers = np.asarray(image)
    except DECODE_ERRORS as error:
        raise _damaged_error("mask", file, error) from error
    if numbers.ndim == 2:
        return numbers.astype(np.uint8) if numbers.dtype == bool else numbers
    colours = numbers[..., :1] if numbers.shape[2] == 2 else numbers[..., :3]  # without alpha
    if (colours != colours[..., :1]).any():
        raise DatasetError(
            f"The mask {file.name} holds colours.",
            fix="write masks as whole numbers, one for each class, in one channel",
        )
    grey: Values = colours[..., 0]
    return grey


def is_binary(numbers: Values) -> bool:
    """Whether a mask holds 255, and no other numbers than that and 0."""
    return bool((numbers == WHITE).any() and np.isin(numbers, (0, WHITE)).all())


def _check_allowed_values(file: Path, numbers: Values, known: Values, allowed: str) -> None:
    if not known.all():
        raise DatasetError(
            f"The mask {file.name} holds the value {numbers[~known][0]:g}, and allowed are "
            f"{allowed}.",
            fix="name every class in dataset.classes, or say in dataset.values what the numbers "
            "mean: threshold where JPEG blurred 0 and 255",
        )


def _read_orientation(image: PIL.Image.Image) -> int:
    # Pillow would decode a whole PNG to look for a tag behind the pixels.
    if image.format == "PNG" and "exif" not in image.info:
        return UPRIGHT
    return int(image.getexif().get(ORIENTATION_TAG, UPRIGHT))


def _format_size(size: ImageGeometry) -> str:
    whole = f"{size.width} x {size.height}"
    return f"{whole} x {size.slices} voxels" if size.slices > 1 else f"{whole} pixels"


def _damaged_error(what: str, file: Path, error: Exception) -> DatasetError:
    unknown = isinstance(error, PIL.UnidentifiedImageError)  # which names the whole path
    said = "its content is of no known format." if unknown else error
    return DatasetError(
        f"The {what} {file.name} cannot be decoded: {said}",
        fix=f"get the file again; readable are {', '.join(MASK_SUFFIXES)}",
    )
