"""Reads images with boxes in the layout of Ultralytics YOLO: data.yaml, images/ and labels/."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.detection import (
    BoxedImage,
    build_detection_dataset,
    split_by_file,
)
from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.datasets.published import GroupedDatasetOptions
from arogya_bench.datasets.yolo_files import (
    label_file,
    list_images,
    parse_classes,
    read_boxes,
    read_header,
)
from arogya_bench.errors import DatasetError
from arogya_bench.images.files import (
    SUFFIXES,
    find_dataset_folder,
    inspect_image,
    parse_relative_path,
)
from arogya_bench.types import Dataset

CLASSES_FILE = "classes.txt"  # which labelImg leaves among the labels


@dataclass(frozen=True, kw_only=True)
class YOLO(GroupedDatasetOptions):
    """Images with boxes in the layout of Ultralytics YOLO.

    An image without a file of labels shows no object, as in Ultralytics; a note counts them.

    Attributes:
        file: The YAML file below ``path`` that names classes and parts.
    """

    file: str = "data.yaml"

    def load(self) -> Dataset:
        """Read every file of labels and look at every image; none is decoded.

        Raises:
            ConfigError: If ``group`` does not fit.
            DatasetError: If files are missing, damaged, or contradict each other.
        """
        folder = find_dataset_folder(self.path, f"{self.file}, images/ and labels/")
        content = read_header(folder / parse_relative_path(self.file, "dataset.file"))
        names = parse_classes(content, self.file)
        splits = split_by_file(list_images(content, folder, self.file))
        files = {PurePosixPath(name): split for name, split in splits.items()}
        _check_orphan_labels(folder, files)
        return build_detection_dataset(
            folder,
            [_build_boxed_image(folder, file, names, split) for file, split in files.items()],
            self,
            source_classes=names,
            default_source="files in the layout of Ultralytics YOLO",
            notes=tuple(_notes(folder, files)),
        )


def _build_boxed_image(
    folder: Path, file: PurePosixPath, names: tuple[str, ...], split: str | None
) -> BoxedImage:
    facts = inspect_image(folder, file)
    labels = folder / label_file(file)
    return BoxedImage(
        case_id=str(file.with_suffix("")),
        file=file,
        facts=facts,
        raw_boxes=tuple(read_boxes(labels, facts, names)) if labels.is_file() else (),
        split=split,
    )


def _check_orphan_labels(folder: Path, files: Mapping[PurePosixPath, object]) -> None:
    """Refuse labels whose image is gone; an image that no list names may be there."""
    expected = {label_file(file) for file in files}
    places = sorted({file.parent for file in expected if "labels" in file.parts})
    lost = [
        labels
        for place in places
        for path in sorted((folder / place).glob("*.txt"))
        if (labels := place / path.name) not in expected
        and path.name != CLASSES_FILE
        and not _has_image(folder, labels)
    ]
    if lost:
        raise DatasetError(
            f"{len(lost)} files of labels have no image: {shorten_list(list(map(str, lost)))}.",
            fix="unpack the images, or remove the labels",
        )


def _has_image(folder: Path, labels: PurePosixPath) -> bool:
    parts = ["images" if part == "labels" else part for part in labels.parts]
    image = folder / PurePosixPath(*parts)
    return any(image.with_suffix(suffix).is_file() for suffix in SUFFIXES)


def _notes(folder: Path, files: Mapping[PurePosixPath, object]) -> Iterator[str]:
    bare = [str(file) for file in files if not (folder / label_file(file)).is_file()]
    if bare:
        yield f"Images without a file of labels, taken to show no object: {len(bare)}: {shorten_list(bare)}."
    places = {file.parent for file in files}
    other = [
        path.name
        for place in sorted(places)
        for path in sorted((folder / place).iterdir())
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".txt"
        if place / path.name not in files
    ]
    if other:
        yield f"Files among the images that are not in the dataset: {len(other)}: {shorten_list(other)}."
