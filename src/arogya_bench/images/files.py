"""Locate, inspect and decode the image files of a dataset."""

import hashlib
import struct
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple, TypeVar

import numpy as np
import PIL.Image

from arogya_bench.errors import DatasetError
from arogya_bench.images.safe_errors import describe_decode_error, describe_read_error
from arogya_bench.images.similar_folders import find_similar_folder, is_same_text
from arogya_bench.runtime.home_folder import expand_home
from arogya_bench.types import Case, Image

T = TypeVar("T")

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF")
EIGHT_BIT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
ORIENTATION_TAG = 0x0112  # of EXIF
UPRIGHT = 1
# Errors that Pillow raises for damaged files, found by flipping bytes.
DECODE_ERRORS = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    struct.error,
    PIL.Image.DecompressionBombError,
)


class ImageFileInfo(NamedTuple):
    """Stored size in pixels and SHA-256 of an image file, known without decoding it."""

    width: int
    height: int
    sha256: str


def find_dataset_folder(path: str, expected_content: str, obtain: str = "") -> Path:
    """Resolve the folder of a dataset, which may be relative to the working folder.

    The error describes its expected content and how to obtain the dataset.
    """
    folder = expand_home(path).absolute()
    if not folder.is_dir():
        similar = find_similar_folder(folder)
        if similar and is_same_text(str(similar), str(folder)):
            return similar
        if similar:
            raise DatasetError(f"No folder at {folder}, but at {similar}.", fix="set dataset.path to that one")
        raise DatasetError(
            f"No folder at {folder}.",
            fix=f"set dataset.path to the folder that holds {expected_content}"
            + (f"\n{obtain.strip()}" if obtain.strip() else ""),
        )
    return folder


def parse_relative_path(name: str, where: str) -> PurePosixPath:
    """Validate a path from an annotation or an option; it must stay inside its folder.

    ``where`` names the source of the path in the error.
    """
    path = PureWindowsPath(name)  # handles both separators, and drives
    leaves = bool(path.anchor) or ".." in path.parts or not name.strip()
    if leaves or "\\" in name or not name.isprintable():
        raise DatasetError(
            f"{where} names {name!r}, which is not a path inside its folder.",
            fix="write paths relative to the folder of the dataset, with / between folders",
        )
    return PurePosixPath(name)


def read_name_list(file: Path) -> list[str]:
    """Read a list of images, one name per line; blank lines are skipped."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"The list {file.name} cannot be read: {describe_read_error(error)}.",
            fix="write it as plain text, one image name per line",
        ) from error
    return [line.strip() for line in lines if line.strip()]


def inspect_image(folder: Path, file: PurePosixPath) -> ImageFileInfo:
    """Read the header of an 8-bit image with boxes.

    An EXIF orientation is an error, since it is unknown whether the boxes were drawn before or after rotation.
    """
    try:
        content = (folder / file).read_bytes()
        with PIL.Image.open(BytesIO(content), formats=FORMATS) as image:
            facts = ImageFileInfo(*image.size, hashlib.sha256(content).hexdigest())
            _check_supported(image, file)
    except FileNotFoundError as error:
        raise DatasetError(
            f"The image {file} is not in {folder}.", fix="unpack the images there, or remove the references to this one"
        ) from error
    except DECODE_ERRORS as error:
        raise undecodable_error("image", str(file), error, SUFFIXES) from error
    return facts


def decode_case(folder: Path, files: Mapping[str, PurePosixPath], case: Case) -> Image:
    """Decode the image of a case as RGB, in the orientation in which it is stored."""
    file = find_case(files, case)
    try:
        with PIL.Image.open(folder / file, formats=FORMATS) as image:
            return np.array(image.convert("RGB"))
    except DECODE_ERRORS as error:
        raise undecodable_error("image", str(file), error, SUFFIXES) from error


def find_case(by_case_id: Mapping[str, T], case: Case) -> T:
    """Look up a case by its id."""
    if case.case_id not in by_case_id:
        raise DatasetError(f"No image belongs to case {case.case_id!r}.", fix="use a case of this dataset")
    return by_case_id[case.case_id]


def count_frames(image: PIL.Image.Image) -> int:
    """Count the frames of an image file, previews excluded."""
    # An MPO holds a photograph and previews of it; the first frame is the photograph.
    return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


def check_single_frame(image: PIL.Image.Image, what: str, name: str) -> None:
    """Check that an image file is not a multi-page TIFF or an animation."""
    frames = count_frames(image)
    if frames > 1:
        raise DatasetError(f"The {what} {name} holds {frames} frames.", fix="write each frame to its own file")


def read_orientation(image: PIL.Image.Image) -> int:
    """Read the EXIF orientation, 1 to 8."""
    # Pillow would decode the whole PNG to look for a tag behind the pixels.
    if image.format == "PNG" and "exif" not in image.info:
        return UPRIGHT
    return int(image.getexif().get(ORIENTATION_TAG, UPRIGHT))


def undecodable_error(what: str, name: str, error: Exception, supported: Sequence[str]) -> DatasetError:
    """Build the error for a damaged file of one of the supported formats."""
    return DatasetError(
        f"The {what} {name} cannot be decoded: {describe_decode_error(error).rstrip('.')}.",
        fix=f"get the file again; supported are {', '.join(supported)}",
    )


def _check_supported(image: PIL.Image.Image, file: PurePosixPath) -> None:
    orientation = read_orientation(image)
    if image.mode not in EIGHT_BIT_MODES:
        raise DatasetError(
            f"The image {file} has pixels of type {image.mode}, not 8 bits per channel.",
            fix="convert it to 8-bit grey or RGB",
        )
    check_single_frame(image, "image", str(file))
    if orientation != UPRIGHT:
        raise DatasetError(
            f"The image {file} has the EXIF orientation {orientation}: viewers rotate or mirror "
            "it, and it is unknown whether its boxes were drawn before or after that.",
            fix="save the pixels upright without the tag, and check that the boxes fit",
        )
