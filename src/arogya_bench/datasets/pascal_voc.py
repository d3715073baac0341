"""Read images with boxes in Pascal VOC format: one XML file per image."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from arogya_bench.datasets.boxes import RawBox
from arogya_bench.datasets.detection import BoxedImage, build_detection_dataset, check_image_size, split_by_file
from arogya_bench.datasets.exclusion import count_left_out, find_excluded
from arogya_bench.datasets.group_patterns import note_excluded, shorten_list
from arogya_bench.datasets.published import GroupedDatasetOptions
from arogya_bench.datasets.split_checks import PARTS, SPLIT_NAMES
from arogya_bench.datasets.voc_xml import VocAnnotation, read_annotation
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.discovery import find_images_by_name, image_stem, is_visible
from arogya_bench.images.files import SUFFIXES, find_dataset_folder, inspect_image, parse_relative_path, read_name_list
from arogya_bench.runtime.console import plural
from arogya_bench.types import Dataset

LAYOUT = "the images (JPEGImages/) and their XML files (Annotations/)"


@dataclass(frozen=True, kw_only=True)
class PascalVOC(GroupedDatasetOptions):
    """Images with boxes in Pascal VOC format, as written by labelImg, CVAT and others.

    An image has the name of its XML file; the ``path`` in the file is ignored. The official split is that of
    ``ImageSets/Main``. The default order of the classes is alphabetical.

    Attributes:
        images: Folder of the images, relative to ``path``.
        annotations: Folder of the XML files, relative to ``path``.
        train: Folder of the training part, relative to ``path``, for sources with a folder for each part. ``images``
            and ``annotations`` are then relative to it, and the lists are not read.
        validation: Folder of the validation part.
        test: Folder of the test part.
        first_pixel: 1 as in Pascal VOC, where pixels are counted from 1 and xmax is the last one inside; 0 for files
            whose numbers are edges counted from 0.
        difficult: ``ignore`` difficult objects in the evaluation, as in Pascal VOC, or ``count`` them like any other.
    """

    images: str = "JPEGImages"
    annotations: str = "Annotations"
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    first_pixel: int = 1
    difficult: str = "ignore"

    def load(self) -> Dataset:
        """Read every XML file and the header of every image; no image is decoded."""
        _check_options(self)
        folder = find_dataset_folder(self.path, LAYOUT)
        sections = [_read_section(self, folder, *section) for section in _section_folders(self)]
        listed = {record.case_id: record for section in sections for record in section.records}
        excluded = find_excluded(self.exclude, folder, listed)
        images = [_build_boxed_image(self, folder, record) for name, record in listed.items() if name not in excluded]
        dataset = build_detection_dataset(
            folder,
            images,
            self,
            source_classes=sorted({box.name for image in images for box in image.raw_boxes}),
            default_source="files in Pascal VOC format",
            notes=tuple(note for section in sections for note in section.notes),
        )
        return count_left_out(dataset, excluded)


class _Record(NamedTuple):
    """An annotated image, with its file relative to the folder of the dataset."""

    case_id: str
    annotation: VocAnnotation
    file: PurePosixPath
    part: str | None


class _Section(NamedTuple):
    """What one folder holds: that of the dataset, or that of a part."""

    records: list[_Record]
    notes: list[str]


def _section_folders(options: PascalVOC) -> list[tuple[PurePosixPath, str | None]]:
    stated = [(name, part) for part in PARTS if (name := getattr(options, part))]
    if not stated:
        return [(PurePosixPath(), None)]
    folders = [parse_relative_path(name, f"dataset.{part}") for name, part in stated]
    if len(set(folders)) < len(folders):
        raise ConfigError(
            f"Several parts of the split have one folder: {', '.join(map(str, folders))}.",
            fix="name one folder for each part in dataset.train, dataset.validation and dataset.test",
        )
    return [(folder, part) for folder, (_, part) in zip(folders, stated, strict=True)]


def _read_section(options: PascalVOC, root: Path, section: PurePosixPath, part: str | None) -> _Section:
    folder = root / section
    annotations = {path.stem: read_annotation(path) for path in _find_annotation_files(folder, options.annotations)}
    image_folder = parse_relative_path(options.images, "dataset.images")
    images_by_name = find_images_by_name(folder, [str(image_folder)])
    files = {name: file for name, file in images_by_name.items() if file.suffix.lower() in SUFFIXES}
    parts = dict.fromkeys(annotations, part) if part else split_by_file(_read_split_lists(folder, annotations))
    _check_files_match(annotations, files, parts)
    return _Section(
        records=[
            _Record(str(section / name), annotation, section / files[name], parts.get(name))
            for name, annotation in annotations.items()
        ],
        notes=[f"{section}: {note}" if part else note for note in _notes(annotations, files, parts)],
    )


def _check_options(options: PascalVOC) -> None:
    for name, allowed in (("first_pixel", (0, 1)), ("difficult", ("ignore", "count"))):
        value = getattr(options, name)
        if value not in allowed:
            raise ConfigError(
                f"dataset.{name}={value!r} is unknown.", fix=f"choose dataset.{name}={allowed[0]} or {allowed[1]}"
            )


def _find_annotation_files(folder: Path, annotations: str) -> list[Path]:
    annotation_folder = folder / parse_relative_path(annotations, "dataset.annotations")
    files = sorted(file for file in annotation_folder.glob("*.xml") if is_visible(file.name))
    if not files:
        raise DatasetError(
            f"No XML file in {annotation_folder}.",
            fix=f"set dataset.path to a folder with {LAYOUT}, or name them in dataset.images and dataset.annotations",
        )
    return files


def _read_split_lists(folder: Path, annotations: Collection[str]) -> dict[str, list[str]]:
    """The names that the lists of the parts hold, without the suffix of an image, if they are written with it."""
    lists: dict[str, list[str]] = {}
    for name, part in SPLIT_NAMES.items():
        file = folder / "ImageSets" / "Main" / f"{name}.txt"
        if file.is_file():
            names = [name for name in read_name_list(file) if is_visible(name)]
            lists.setdefault(part, []).extend(name if name in annotations else image_stem(name) for name in names)
    return lists


def _check_files_match(
    annotations: Mapping[str, VocAnnotation], files: Mapping[str, PurePosixPath], parts: Mapping[str, str | None]
) -> None:
    without_image = [name for name in annotations if name not in files]
    if without_image:
        raise DatasetError(
            f"There is no image for {len(without_image)} of {plural(len(annotations), 'XML file')}: "
            f"{shorten_list(without_image)}.",
            fix="unpack the images, name their folder in dataset.images, or remove the XML files",
        )
    unknown = [name for name in parts if name not in annotations]
    if unknown:
        raise DatasetError(
            f"ImageSets/Main lists {plural(len(unknown), 'name')} without an XML file: {shorten_list(unknown)}.",
            fix="unpack the annotations, or correct the lists",
        )
    swapped = [name for name, annotation in annotations.items() if _other_image_name(name, annotation) in files]
    if swapped:
        raise DatasetError(
            f"Another existing image is named in {plural(len(swapped), 'XML file')}: "
            f"{shorten_list([f'{name}.xml names {annotations[name].filename}' for name in swapped])}.",
            fix="find out which image the boxes belong to, and give both files the same name",
        )


def _other_image_name(name: str, annotation: VocAnnotation) -> str | None:
    """The image that an XML file names, if it differs from the name of the XML file."""
    stated = parse_relative_path(annotation.filename, f"{name}.xml").name if annotation.filename else name
    stem = PurePosixPath(stated).stem if stated.lower().endswith(SUFFIXES) else stated
    return None if stem == name else stem


def _build_boxed_image(options: PascalVOC, folder: Path, record: _Record) -> BoxedImage:
    annotation = record.annotation
    facts = inspect_image(folder, record.file)
    if annotation.width and annotation.height:
        check_image_size(facts, annotation.width, annotation.height, f"{record.case_id}.xml")
    return BoxedImage(
        case_id=record.case_id,
        file=record.file,
        facts=facts,
        raw_boxes=tuple(_build_raw_box(options, *fields) for fields in annotation.objects),
        split=record.part,
    )


def _build_raw_box(options: PascalVOC, name: str, difficult: bool, edges: Sequence[float]) -> RawBox:
    xmin, ymin, xmax, ymax = edges
    return RawBox(
        name=name,
        left=_lower_edge(xmin, xmax, options.first_pixel),
        top=_lower_edge(ymin, ymax, options.first_pixel),
        right=xmax,
        bottom=ymax,
        crowd=difficult and options.difficult == "ignore",
    )


def _lower_edge(low: float, high: float, first_pixel: int) -> float:
    # Equal edges come from an accidental click: a box without area, not one of one pixel.
    return low - first_pixel if high > low else low


def _notes(
    annotations: Mapping[str, VocAnnotation], files: Mapping[str, PurePosixPath], parts: Mapping[str, str | None]
) -> Iterator[str]:
    remarks = {
        "Images without an XML file, excluded": [n for n in files if n not in annotations],
        "XML files that name another, missing image": [
            name for name, annotation in annotations.items() if _other_image_name(name, annotation)
        ],
        "XML files without the image size, which was not checked": [
            name for name, annotation in annotations.items() if not (annotation.width and annotation.height)
        ],
        "XML files whose <difficult> states nothing, read as not difficult": [
            f"{name} ({annotation.unstated[0]})" for name, annotation in annotations.items() if annotation.unstated
        ],
        "Images not listed in ImageSets/Main": [n for n in annotations if parts and n not in parts],
    }
    for description, names in remarks.items():
        yield from note_excluded(description, names)
