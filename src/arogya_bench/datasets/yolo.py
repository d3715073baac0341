"""Read images with boxes in Ultralytics YOLO format: data.yaml, images/ and labels/."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.detection import BoxedImage, build_detection_dataset, split_by_file
from arogya_bench.datasets.exclusion import count_left_out, find_excluded
from arogya_bench.datasets.group_patterns import note_excluded, shorten_list
from arogya_bench.datasets.published import GroupedDatasetOptions
from arogya_bench.datasets.yolo_files import label_file, list_images, parse_classes, read_boxes, read_header
from arogya_bench.errors import DatasetError
from arogya_bench.images.companions import find_companions
from arogya_bench.images.discovery import is_visible
from arogya_bench.images.files import SUFFIXES, find_dataset_folder, inspect_image, parse_relative_path
from arogya_bench.runtime.console import plural
from arogya_bench.types import Dataset

CLASSES_FILE = "classes.txt"  # written by labelImg into the folder of labels


@dataclass(frozen=True, kw_only=True)
class YOLO(GroupedDatasetOptions):
    """Images with boxes in Ultralytics YOLO format.

    As in Ultralytics, an image without a label file shows no object.

    Attributes:
        file: YAML file with the classes and the parts of the split, relative to ``path``.
    """

    file: str = "data.yaml"

    def load(self) -> Dataset:
        """Read every label file and the header of every image; no image is decoded."""
        folder = find_dataset_folder(self.path, f"{self.file}, images/ and labels/")
        content = read_header(folder / parse_relative_path(self.file, "dataset.file"))
        names = parse_classes(content, self.file)
        splits = split_by_file(list_images(content, folder, self.file))
        found = {PurePosixPath(name): split for name, split in splits.items()}
        companions = _find_companions(folder, found)
        files = {file: split for file, split in found.items() if file not in companions}
        _check_orphan_labels(folder, files)
        excluded = find_excluded(self.exclude, folder, set(map(_case_id, files)))
        kept = {file: split for file, split in files.items() if _case_id(file) not in excluded}
        dataset = build_detection_dataset(
            folder,
            [_build_boxed_image(folder, file, names, split) for file, split in kept.items()],
            self,
            source_classes=names,
            default_source="files in Ultralytics YOLO format",
            notes=(
                *_notes(folder, files, companions),
                *note_excluded(
                    "Files that belong to another image, such as masks, excluded", list(map(str, companions))
                ),
            ),
        )
        return count_left_out(dataset, excluded)


def _case_id(file: PurePosixPath) -> str:
    return str(file.with_suffix(""))


def _build_boxed_image(folder: Path, file: PurePosixPath, names: tuple[str, ...], split: str | None) -> BoxedImage:
    facts = inspect_image(folder, file)
    labels = label_file(file)
    return BoxedImage(
        case_id=_case_id(file),
        file=file,
        facts=facts,
        raw_boxes=tuple(read_boxes(folder, labels, facts, names)) if (folder / labels).is_file() else (),
        split=split,
    )


def _check_orphan_labels(folder: Path, files: Mapping[PurePosixPath, object]) -> None:
    """Check that every label file has an image, be it listed or not."""
    expected = {label_file(file) for file in files}
    label_folders = sorted({file.parent for file in expected if "labels" in file.parts})
    orphans = [
        labels
        for label_folder in label_folders
        for path in sorted((folder / label_folder).glob("*.txt"))
        if is_visible(path.name)
        and (labels := label_folder / path.name) not in expected
        and path.name != CLASSES_FILE
        and not _has_image(folder, labels)
    ]
    if orphans:
        raise DatasetError(
            f"There is no image for {plural(len(orphans), 'label file')}: {shorten_list(list(map(str, orphans)))}.",
            fix="unpack the images, or remove the labels",
        )


def _has_image(folder: Path, labels: PurePosixPath) -> bool:
    parts = ["images" if part == "labels" else part for part in labels.parts]
    image = folder / PurePosixPath(*parts)
    return any(image.with_suffix(suffix).is_file() for suffix in SUFFIXES)


def _find_companions(folder: Path, files: Mapping[PurePosixPath, object]) -> dict[PurePosixPath, None]:
    """Images without a label file that are masks or drawings of others, by their names."""
    names = find_companions(dict.fromkeys(map(_case_id, files), ""))
    return {file: None for file in files if _case_id(file) in names and not (folder / label_file(file)).is_file()}


def _notes(folder: Path, files: Mapping[PurePosixPath, object], companions: Container[PurePosixPath]) -> Iterator[str]:
    unlabelled = [str(file) for file in files if not (folder / label_file(file)).is_file()]
    yield from note_excluded("Images without a label file, treated as images without objects", unlabelled)
    others = [
        path.name
        for image_folder in sorted({file.parent for file in files})
        for path in sorted((folder / image_folder).iterdir())
        if path.is_file() and is_visible(path.name) and path.suffix != ".txt"
        if image_folder / path.name not in files and image_folder / path.name not in companions
    ]
    yield from note_excluded("Files among the images that are not in the dataset", others)
