"""A few images of a folder, with the class that their folder names."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from arogya_bench.errors import DatasetError
from arogya_bench.images.decoding import decode, is_image
from arogya_bench.images.discovery import list_files
from arogya_bench.types import Image

SPLIT_FOLDERS = ("train", "training", "val", "valid", "validation", "test", "testing", "images")
SAMPLE_SIZE = 8


class SampleImage(NamedTuple):
    """An image, its path within the folder, and the class that it lies under; None if it lies under none."""

    name: str
    image: Image
    label: str | None


class ImageSample(NamedTuple):
    """Images of a folder, and the names of all its class folders; none if it has fewer than two."""

    images: tuple[SampleImage, ...]
    classes: tuple[str, ...]


def sample_folder(folder: Path) -> ImageSample:
    """Choose and decode a few images of a folder, spread over its class folders."""
    if not folder.is_dir():
        raise DatasetError(f"There is no folder {folder}.", fix="give --images a folder with some images.")
    files = [file for file in list_files(folder) if is_image(file.name)]
    if not files:
        raise DatasetError(f"{folder} holds no images.", fix="give --images a folder with some images.")
    classes = tuple(sorted({label for file in files if (label := _class_folder(file))}))
    classes = classes if len(classes) > 1 else ()
    chosen = _spread(files, classes)
    images = (
        SampleImage(file.as_posix(), decode(folder / file), _class_folder(file) if classes else None) for file in chosen
    )
    return ImageSample(tuple(images), classes)


def _class_folder(file: PurePosixPath) -> str | None:
    """The first folder of a path that is not that of a split."""
    return next((part for part in file.parts[:-1] if part.lower() not in SPLIT_FOLDERS), None)


def _spread(files: Sequence[PurePosixPath], classes: Sequence[str]) -> list[PurePosixPath]:
    """Choose evenly spaced files, of each class alike."""
    groups = [[file for file in files if _class_folder(file) == label] for label in classes] or [list(files)]
    each = max(1, SAMPLE_SIZE // len(groups))
    chosen = []
    for group in groups[:SAMPLE_SIZE]:
        steps = np.linspace(0, len(group) - 1, min(each, len(group))).round().astype(int)
        chosen += [group[step] for step in steps.tolist()]
    return chosen
