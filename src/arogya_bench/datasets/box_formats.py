"""Detect which format of boxes a folder holds: COCO, Pascal VOC or YOLO."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.datasets.split_checks import SPLIT_NAMES
from arogya_bench.errors import DatasetError
from arogya_bench.images.discovery import list_files
from arogya_bench.images.files import SUFFIXES
from arogya_bench.runtime.console import plural

ReaderOptions: TypeAlias = dict[str, str | list[str]]  # options of the reader of one format

COCO_KEYS = (b'"images"', b'"annotations"', b'"categories"')
YOLO_HEADERS = ("data.yaml", "dataset.yaml")
EXPECTED_FILES = (
    "a JSON file with images, annotations and categories (COCO); XML files with an annotation "
    "each (Pascal VOC); data.yaml with names, beside images/ and labels/ (YOLO)"
)


def detect_box_formats(folder: Path, formats: Sequence[str] = ("coco", "voc", "yolo")) -> dict[str, ReaderOptions]:
    """Find the annotation files of each format below a folder, as options that make its reader read them."""
    files = [folder / file for file in list_files(folder)]
    detected = {name: DETECTORS[name](folder, files) for name in formats}
    return {name: options for name, options in detected.items() if options}


def _detect_coco(folder: Path, files: Sequence[Path]) -> ReaderOptions:
    """Find the JSON files; several are assigned to splits by their paths."""
    json_files = [file for file in files if file.suffix.lower() == ".json" and _is_coco(file)]
    if not json_files:
        return {}
    images = _find_image_folders(folder, files)
    if len(json_files) == 1:
        return {"annotations": _relative_path(folder, json_files[0]), "images": images}
    by_split: defaultdict[str | None, list[str]] = defaultdict(list)
    for file in json_files:
        path = _relative_path(folder, file)
        by_split[split_from_path(path)].append(path)
    unclear = [path for split, paths in by_split.items() for path in paths if split is None or len(paths) > 1]
    if unclear:
        raise DatasetError(
            f"{folder} holds {len(json_files)} JSON files of COCO, and it is not clear which part "
            f"of the split each one is: {shorten_list(unclear)}.",
            fix="use dataset=coco and name them: dataset.train, dataset.validation, dataset.test",
        )
    return {str(split): paths[0] for split, paths in by_split.items()} | {"images": images}


def _is_coco(file: Path) -> bool:
    content = _read_bytes(file)
    return all(key in content for key in COCO_KEYS)


def split_from_path(path: str) -> str | None:
    """The split that the last matching word of a path names, as in ``instances_val2017``."""
    splits = [SPLIT_NAMES[word] for word in re.findall(r"[a-z]+", path.lower()) if word in SPLIT_NAMES]
    return splits[-1] if splits else None


def _find_image_folders(folder: Path, files: Sequence[Path]) -> list[str]:
    """Folders that hold images and their parents: file names may be relative to any of them."""
    image_folders = {file.parent for file in files if file.suffix.lower() in SUFFIXES}
    roots = {root for images in image_folders for root in (images, *images.parents)}
    return sorted(_relative_path(folder, root) for root in roots if root.is_relative_to(folder))


def _detect_voc(folder: Path, files: Sequence[Path]) -> ReaderOptions:
    annotations = [file for file in files if file.suffix.lower() == ".xml" and b"<annotation" in _read_bytes(file)]
    annotation_folders = sorted({file.parent for file in annotations})
    if not annotation_folders:
        return {}
    if len(annotation_folders) > 1:
        by_part = _voc_part_folders(folder, annotation_folders, files)
        if by_part:
            return by_part
        raise DatasetError(
            f"XML files of Pascal VOC lie in several folders of {folder}: "
            f"{shorten_list([_relative_path(folder, path) for path in annotation_folders])}.",
            fix="use dataset=pascal_voc and name one in dataset.annotations, or the folder of each part in "
            "dataset.train, dataset.validation and dataset.test",
        )
    names = {file.stem for file in annotations}
    image_folders = Counter(file.parent for file in files if file.suffix.lower() in SUFFIXES and file.stem in names)
    if not image_folders:
        raise DatasetError(
            f"No image has the name of {plural(len(annotations), 'XML file')} in {annotation_folders[0]}.",
            fix="unpack the images, or set dataset.path to the folder that holds both",
        )
    return {
        "annotations": _relative_path(folder, annotation_folders[0]),
        "images": _relative_path(folder, image_folders.most_common(1)[0][0]),
    }


def _voc_part_folders(folder: Path, annotation_folders: Sequence[Path], files: Sequence[Path]) -> ReaderOptions:
    """Options for a folder of each part, such as ``train/`` and ``valid/``, all arranged alike; empty otherwise."""
    options: ReaderOptions = {}
    for annotations in annotation_folders:
        part_folder, *deeper = annotations.relative_to(folder).parts
        part = SPLIT_NAMES.get(part_folder.lower())
        names = {file.stem for file in files if file.parent == annotations and file.suffix.lower() == ".xml"}
        images = Counter(
            file.parent
            for file in files
            if file.is_relative_to(folder / part_folder) and file.suffix.lower() in SUFFIXES and file.stem in names
        )
        if part is None or part in options or not images:
            return {}
        image_folder = images.most_common(1)[0][0]
        arranged: ReaderOptions = {
            "annotations": "/".join(deeper) or ".",
            "images": _relative_path(folder / part_folder, image_folder),
        }
        if any(options.get(key, value) != value for key, value in arranged.items()):
            return {}
        options |= {part: part_folder, **arranged}
    return options


def _detect_yolo(folder: Path, files: Sequence[Path]) -> ReaderOptions:
    headers = [
        file.name
        for file in files
        if file.parent == folder and file.suffix.lower() in (".yaml", ".yml")
        if re.search(rb"^names\s*:", _read_bytes(file), re.MULTILINE)
    ]
    candidates = [name for name in YOLO_HEADERS if name in headers] or headers
    if not candidates:
        return {}
    if len(candidates) > 1 and candidates[0] not in YOLO_HEADERS:
        raise DatasetError(
            f"{folder} holds several YAML files with names: {shorten_list(candidates)}.",
            fix="use dataset=yolo and choose one: dataset.file",
        )
    return {"file": candidates[0]}


def _read_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"The file {file.name} cannot be read: {error.strerror}.", fix="unpack it again and check its permissions"
        ) from error


def _relative_path(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


DETECTORS: Mapping[str, Callable[[Path, Sequence[Path]], ReaderOptions]] = {
    "coco": _detect_coco,
    "voc": _detect_voc,
    "yolo": _detect_yolo,
}
