"""Read images with boxes in Pascal VOC format: one XML file per image."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.boxes import RawBox
from arogya_bench.datasets.detection import BoxedImage, build_detection_dataset, check_image_size, split_by_file
from arogya_bench.datasets.group_patterns import note_excluded, shorten_list
from arogya_bench.datasets.published import GroupedDatasetOptions
from arogya_bench.datasets.split_checks import SPLIT_NAMES
from arogya_bench.datasets.voc_xml import VocAnnotation, read_annotation
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.discovery import find_images_by_name
from arogya_bench.images.files import SUFFIXES, find_dataset_folder, inspect_image, parse_relative_path, read_name_list
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
        first_pixel: 1 as in Pascal VOC, where pixels are counted from 1 and xmax is the last one inside; 0 for files
            whose numbers are edges counted from 0.
        difficult: ``ignore`` difficult objects in the evaluation, as in Pascal VOC, or ``count`` them like any other.
    """

    images: str = "JPEGImages"
    annotations: str = "Annotations"
    first_pixel: int = 1
    difficult: str = "ignore"

    def load(self) -> Dataset:
        """Read every XML file and the header of every image; no image is decoded."""
        _check_options(self)
        folder = find_dataset_folder(self.path, LAYOUT)
        annotations = {path.stem: read_annotation(path) for path in _find_annotation_files(folder, self.annotations)}
        image_folder = parse_relative_path(self.images, "dataset.images")
        images_by_name = find_images_by_name(folder, [str(image_folder)])
        files = {name: file for name, file in images_by_name.items() if file.suffix.lower() in SUFFIXES}
        parts = split_by_file(_read_split_lists(folder))
        _check_files_match(annotations, files, parts)
        images = [_build_boxed_image(self, folder, name, annotations[name], files, parts) for name in annotations]
        return build_detection_dataset(
            folder,
            images,
            self,
            source_classes=sorted({box.name for image in images for box in image.raw_boxes}),
            default_source="files in Pascal VOC format",
            notes=tuple(_notes(annotations, files, parts)),
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
    files = sorted(annotation_folder.glob("*.xml"))
    if not files:
        raise DatasetError(
            f"No XML file in {annotation_folder}.",
            fix=f"set dataset.path to a folder with {LAYOUT}, or name them in dataset.images and dataset.annotations",
        )
    return files


def _read_split_lists(folder: Path) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, part in SPLIT_NAMES.items():
        file = folder / "ImageSets" / "Main" / f"{name}.txt"
        if file.is_file():
            lists.setdefault(part, []).extend(read_name_list(file))
    return lists


def _check_files_match(
    annotations: Mapping[str, VocAnnotation], files: Mapping[str, PurePosixPath], parts: Mapping[str, str | None]
) -> None:
    without_image = [name for name in annotations if name not in files]
    if without_image:
        raise DatasetError(
            f"{len(without_image)} of {len(annotations)} XML files have no image: {shorten_list(without_image)}.",
            fix="unpack the images, name their folder in dataset.images, or remove the XML files",
        )
    unknown = [name for name in parts if name not in annotations]
    if unknown:
        raise DatasetError(
            f"ImageSets/Main lists {len(unknown)} names without an XML file: {shorten_list(unknown)}.",
            fix="unpack the annotations, or correct the lists",
        )
    swapped = [name for name, annotation in annotations.items() if _other_image_name(name, annotation) in files]
    if swapped:
        raise DatasetError(
            f"{len(swapped)} XML files name another existing image: "
            f"{shorten_list([f'{name}.xml names {annotations[name].filename}' for name in swapped])}.",
            fix="find out which image the boxes belong to, and give both files the same name",
        )


def _other_image_name(name: str, annotation: VocAnnotation) -> str | None:
    """The image that an XML file names, if it differs from the name of the XML file."""
    stated = parse_relative_path(annotation.filename, f"{name}.xml").name if annotation.filename else name
    stem = PurePosixPath(stated).stem if stated.lower().endswith(SUFFIXES) else stated
    return None if stem == name else stem


def _build_boxed_image(
    options: PascalVOC,
    folder: Path,
    name: str,
    annotation: VocAnnotation,
    files: Mapping[str, PurePosixPath],
    parts: Mapping[str, str | None],
) -> BoxedImage:
    facts = inspect_image(folder, files[name])
    if annotation.width and annotation.height:
        check_image_size(facts, annotation.width, annotation.height, f"{name}.xml")
    return BoxedImage(
        case_id=name,
        file=files[name],
        facts=facts,
        raw_boxes=tuple(_build_raw_box(options, *record) for record in annotation.objects),
        split=parts.get(name),
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
        "Images not listed in ImageSets/Main": [n for n in annotations if parts and n not in parts],
    }
    for description, names in remarks.items():
        yield from note_excluded(description, names)
