"""Image files that somebody else packed: found below one folder, checked, and decoded."""

import hashlib
import struct
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

import numpy as np
import PIL.Image

from arogya_bench.errors import DatasetError
from arogya_bench.types import Case, Image

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
EIGHT_BIT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
ORIENTATION_TAG = 0x0112  # the tag of EXIF; 1 is upright
# What Pillow raises for damaged files, as found by flipping their bytes.
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
    """What is known of an image file without decoding it.

    Attributes:
        width: In pixels, as stored; so ``height``.
        sha256: sha256 of the file.
    """

    width: int
    height: int
    sha256: str


def find_dataset_folder(path: str, expected_content: str, obtain: str = "") -> Path:
    """Resolve the folder of a dataset.

    Args:
        path: Path given by the user; relative to the working folder.
        expected_content: Description of its content, for the error.
        obtain: Instructions for obtaining the dataset, for the error.

    Raises:
        DatasetError: If there is no such folder.
    """
    folder = Path(path).expanduser().absolute()
    if not folder.is_dir():
        raise DatasetError(
            f"No folder at {folder}.",
            fix=f"set dataset.path to the folder that holds {expected_content}"
            + (f"\n{obtain.strip()}" if obtain.strip() else ""),
        )
    return folder


def parse_relative_path(name: str, where: str) -> PurePosixPath:
    """Take a name from an annotation or an option; it must not lead out of its folder.

    Args:
        name: Of a file, or of a folder such as ``.``, with ``/`` between folders.
        where: What holds the name, for the error.

    Raises:
        DatasetError: If the name is empty, absolute, or leads out of its folder.
    """
    place = PureWindowsPath(name)  # knows both separators, and drives
    leaves = bool(place.anchor) or ".." in place.parts or not name.strip()
    if leaves or "\\" in name or not name.isprintable():
        raise DatasetError(
            f"{where} names {name!r}, which is not a place below its own folder.",
            fix="write names relative to the folder of the dataset, with / between folders",
        )
    return PurePosixPath(name)


def read_name_list(file: Path) -> list[str]:
    """Read a list of images: one name a line, blank lines aside.

    Raises:
        DatasetError: If it is no text.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"The list {file.name} cannot be read: {error}.",
            fix="write it as plain text, one name of an image a line",
        ) from error
    return [line.strip() for line in lines if line.strip()]


def inspect_image(folder: Path, file: PurePosixPath) -> ImageFileInfo:
    """Look at an image without decoding it.

    Raises:
        DatasetError: If the file is missing, damaged, not 8-bit, has several frames, or carries a
            tag that turns it: whether boxes were drawn on the turned image, nobody knows.
    """
    try:
        content = (folder / file).read_bytes()
        with PIL.Image.open(BytesIO(content), formats=FORMATS) as image:
            facts = ImageFileInfo(*image.size, hashlib.sha256(content).hexdigest())
            _check_supported(image, file)
    except FileNotFoundError as error:
        raise DatasetError(
            f"The image {file} is not in {folder}.",
            fix="unpack the images there, or remove what names this one",
        ) from error
    except DECODE_ERRORS as error:
        raise _undecodable_error(file, error) from error
    return facts


def decode_case(folder: Path, files: Mapping[str, PurePosixPath], case: Case) -> Image:
    """Decode the image of a case as it is stored, as RGB.

    Args:
        folder: Of the dataset.
        files: Case id to file.
        case: One of the dataset.

    Raises:
        DatasetError: If the case has no image here, or it is damaged.
    """
    file = files.get(case.case_id)
    if file is None:
        raise DatasetError(
            f"No image belongs to case {case.case_id!r}.", fix="ask for a case of this dataset"
        )
    try:
        with PIL.Image.open(folder / file, formats=FORMATS) as image:
            return np.array(image.convert("RGB"))
    except DECODE_ERRORS as error:
        raise _undecodable_error(file, error) from error


def _check_supported(image: PIL.Image.Image, file: PurePosixPath) -> None:
    # An MPO is a photograph with previews behind it; its first frame is the photograph.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    turned = _read_orientation(image)
    if image.mode not in EIGHT_BIT_MODES:
        raise DatasetError(
            f"The image {file} has pixels of type {image.mode}, not 8 bits per channel.",
            fix="choose a window and write it as 8-bit grey or RGB",
        )
    if frames > 1:
        raise DatasetError(
            f"The image {file} holds {frames} frames.", fix="write each frame to its own file"
        )
    if turned != 1:
        raise DatasetError(
            f"The image {file} carries the EXIF orientation {turned}: viewers turn or mirror it, "
            "and it is not known on which of the two its boxes were drawn.",
            fix="write the pixels upright without the tag, and look whether the boxes fit",
        )


def _read_orientation(image: PIL.Image.Image) -> int:
    # Pillow would decode a whole PNG to look for a tag behind the pixels.
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    return int(image.getexif().get(ORIENTATION_TAG, 1))


def _undecodable_error(file: PurePosixPath, error: Exception) -> DatasetError:
    return DatasetError(
        f"The image {file} cannot be decoded: {error}",
        fix=f"get the file again; readable are {', '.join(SUFFIXES)}",
    )
