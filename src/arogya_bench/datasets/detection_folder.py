"""Reads a folder of images with boxes whichever format it has: COCO, Pascal VOC or YOLO."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeAlias

from arogya_bench.datasets.coco import COCO
from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.datasets.pascal_voc import PascalVOC
from arogya_bench.datasets.yolo import YOLO
from arogya_bench.errors import ConfigError, DatasetError, did_you_mean
from arogya_bench.images.discovery import list_files
from arogya_bench.images.files import SUFFIXES, find_dataset_folder
from arogya_bench.types import Dataset

ReaderOptions: TypeAlias = dict[str, str | list[str]]  # of the reader of one format

FORMATS = ("coco", "voc", "yolo")
TITLES = {"coco": "COCO", "voc": "Pascal VOC", "yolo": "YOLO"}
PART_ALIASES = {"train": "train", "valid": "validation", "val": "validation", "test": "test"}
COCO_KEYS = (b'"images"', b'"annotations"', b'"categories"')
YOLO_HEADERS = ("data.yaml", "dataset.yaml")
EXPECTED_FILES = (
    "a JSON file with images, annotations and categories (COCO); XML files with an annotation "
    "each (Pascal VOC); data.yaml with names, beside images/ and labels/ (YOLO)"
)


@dataclass(frozen=True, kw_only=True)
class DetectionFolder:
    """Images with boxes, in whichever of three formats their folder has.

    It finds the files and hands them to the reader of their format; ``dataset=coco``,
    ``pascal_voc`` and ``yolo`` have more options.

    Attributes:
        path: Folder of the dataset; relative to the working folder.
        licence: Of the images and boxes.
        format: ``coco``, ``voc`` or ``yolo``; ``auto`` looks which of them is there.
        name: Of the dataset; by default that of the folder.
        classes: In the order wanted; by default that of the files.
        group: Regular expression that finds the patient in the id of a case, as its one group; by
            default every image is its own group.
        source: Where it came from, for the record.
        citation: What its authors ask to be cited.
        version: Of the copy, where the user knows it.
    """

    path: str
    licence: str
    format: str = "auto"
    name: str | None = None
    classes: list[str] = field(default_factory=list)
    group: str | None = None
    source: str | None = None
    citation: str = ""
    version: str = "unstated"

    def load(self) -> Dataset:
        """Find the format, and read every file of boxes; no image is decoded.

        Raises:
            ConfigError: If ``format`` is unknown, or another option does not fit.
            DatasetError: If none or several formats are there, or files are missing or damaged.
        """
        if self.format not in ("auto", *FORMATS):
            raise ConfigError(
                f"dataset.format={self.format!r} is unknown.{did_you_mean(self.format, FORMATS)}",
                fix=f"choose one of auto, {', '.join(FORMATS)}",
            )
        folder = find_dataset_folder(self.path, EXPECTED_FILES)
        files = [folder / file for file in list_files(folder)]
        looked = FORMATS if self.format == "auto" else (self.format,)
        found = {kind: own for kind in looked if (own := FINDERS[kind](folder, files))}
        if len(found) != 1:
            raise _undetermined_format_error(folder, found)
        ((kind, options),) = found.items()
        dataset = READERS[kind](**_shared_options(self), **options).load()
        said = ", ".join(f"{key} {_format_value(value)}" for key, value in sorted(options.items()))
        return replace(dataset, notes=(f"Read as {TITLES[kind]}: {said}.", *dataset.notes))


def _shared_options(options: DetectionFolder) -> dict[str, Any]:
    return {
        each.name: getattr(options, each.name) for each in fields(options) if each.name != "format"
    }


def _format_value(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _undetermined_format_error(folder: Path, found: Mapping[str, object]) -> DatasetError:
    if found:
        names = " and ".join(TITLES[kind] for kind in found)
        return DatasetError(
            f"{folder} holds boxes in several formats: {names}.",
            fix=f"choose one: dataset.format={' or '.join(found)}",
        )
    return DatasetError(
        f"No boxes were found in {folder}; looked for {EXPECTED_FILES}.",
        fix="set dataset.path to the folder that holds them; if they have another layout, use "
        "dataset=coco, pascal_voc or yolo and name the files",
    )


def _find_coco(folder: Path, files: Sequence[Path]) -> ReaderOptions:
    """The JSON files by part, going by their names and those of their folders."""
    listings = [file for file in files if file.suffix.lower() == ".json" and _is_coco(file)]
    if not listings:
        return {}
    images = _find_image_folders(folder, files)
    if len(listings) == 1:
        return {"annotations": _relative_path(folder, listings[0]), "images": images}
    parts: defaultdict[str | None, list[str]] = defaultdict(list)
    for file in listings:
        parts[_part_from_path(file.relative_to(folder))].append(_relative_path(folder, file))
    unclear = [name for part, own in parts.items() for name in own if part is None or len(own) > 1]
    if unclear:
        raise DatasetError(
            f"{folder} holds {len(listings)} JSON files of COCO, and it is not clear which part "
            f"of the split each one is: {shorten_list(unclear)}.",
            fix="use dataset=coco and name them: dataset.train, dataset.validation, dataset.test",
        )
    return {str(part): own[0] for part, own in parts.items()} | {"images": images}


def _is_coco(file: Path) -> bool:
    content = _read_bytes(file)
    return all(key in content for key in COCO_KEYS)


def _part_from_path(file: Path) -> str | None:
    """The part that a path names: the last word that is one, such as in instances_val2017."""
    words = re.findall(r"[a-z]+", file.as_posix().lower())
    named = [PART_ALIASES[word] for word in words if word in PART_ALIASES]
    return named[-1] if named else None


def _find_image_folders(folder: Path, files: Sequence[Path]) -> list[str]:
    """Every folder that holds images, and those above: file names may begin in each of them."""
    homes = {file.parent for file in files if file.suffix.lower() in SUFFIXES}
    above = {place for home in homes for place in (home, *home.parents)}
    return sorted(_relative_path(folder, place) for place in above if place.is_relative_to(folder))


def _find_voc(folder: Path, files: Sequence[Path]) -> ReaderOptions:
    sheets = [f for f in files if f.suffix.lower() == ".xml" and b"<annotation" in _read_bytes(f)]
    homes = sorted({sheet.parent for sheet in sheets})
    if not homes:
        return {}
    if len(homes) > 1:
        raise DatasetError(
            f"XML files of Pascal VOC lie in several folders of {folder}: "
            f"{shorten_list([_relative_path(folder, home) for home in homes])}.",
            fix="use dataset=pascal_voc and name one in dataset.annotations, or move them together",
        )
    names = {sheet.stem for sheet in sheets}
    held = Counter(
        file.parent for file in files if file.suffix.lower() in SUFFIXES and file.stem in names
    )
    if not held:
        raise DatasetError(
            f"None of the {len(sheets)} XML files in {homes[0]} has an image of its name.",
            fix="unpack the images, or set dataset.path to the folder that holds both",
        )
    images = held.most_common(1)[0][0]
    return {
        "annotations": _relative_path(folder, homes[0]),
        "images": _relative_path(folder, images),
    }


def _find_yolo(folder: Path, files: Sequence[Path]) -> ReaderOptions:
    headers = [
        file.name
        for file in files
        if file.parent == folder and file.suffix.lower() in (".yaml", ".yml")
        if re.search(rb"^names\s*:", _read_bytes(file), re.MULTILINE)
    ]
    named = [name for name in YOLO_HEADERS if name in headers] or headers
    if not named:
        return {}
    if len(named) > 1 and named[0] not in YOLO_HEADERS:
        raise DatasetError(
            f"{folder} holds several YAML files with names: {shorten_list(named)}.",
            fix="use dataset=yolo and choose one: dataset.file",
        )
    return {"file": named[0]}


def _read_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"The file {file.name} cannot be read: {error.strerror}.",
            fix="unpack it again, and see that you may read it",
        ) from error


def _relative_path(folder: Path, place: Path) -> str:
    return place.relative_to(folder).as_posix()


FINDERS: Mapping[str, Callable[[Path, Sequence[Path]], ReaderOptions]] = {
    "coco": _find_coco,
    "voc": _find_voc,
    "yolo": _find_yolo,
}
READERS: Mapping[str, Callable[..., COCO | PascalVOC | YOLO]] = {
    "coco": COCO,
    "voc": PascalVOC,
    "yolo": YOLO,
}
