"""Reads a folder in the layout of Pascal VOC: one XML file of boxes beside each image."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.boxes import RawBox
from arogya_bench.datasets.detection import (
    BoxedImage,
    build_detection_dataset,
    check_image_size,
    split_by_file,
)
from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.datasets.published import GroupedDatasetOptions
from arogya_bench.datasets.split_checks import SPLIT_NAMES
from arogya_bench.datasets.voc_xml import VocAnnotation, read_annotation
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.files import (
    SUFFIXES,
    find_dataset_folder,
    inspect_image,
    parse_relative_path,
    read_name_list,
)
from arogya_bench.types import Dataset

LAYOUT = "the images (JPEGImages/) and their XML files (Annotations/)"


@dataclass(frozen=True, kw_only=True)
class PascalVOC(GroupedDatasetOptions):
    """Images with boxes in the layout of Pascal VOC, as labelImg, CVAT and others write it.

    An image is found by the name of its XML file; the ``path`` in there names the disk of whoever
    drew the boxes and is not followed. The official split is that of ``ImageSets/Main``.

    Attributes:
        images: Folder of the images, below ``path``.
        annotations: Folder of the XML files, below ``path``.
        first_pixel: 1 as in Pascal VOC: pixels are counted from 1 and xmax is the last one inside.
            0 for files whose numbers are edges, counted from 0.
        difficult: ``ignore`` as in Pascal VOC: neither finding nor missing such an object counts;
            ``count`` treats it as any other.
    """

    images: str = "JPEGImages"
    annotations: str = "Annotations"
    first_pixel: int = 1
    difficult: str = "ignore"

    def load(self) -> Dataset:
        """Read every XML file and look at every image; none is decoded.

        Raises:
            ConfigError: If an option is out of range.
            DatasetError: If files are missing, damaged, or contradict each other.
        """
        _check_options(self)
        folder = find_dataset_folder(self.path, LAYOUT)
        sheets = {
            path.stem: read_annotation(path)
            for path in _find_annotation_files(folder, self.annotations)
        }
        files = _find_images(folder, self.images)
        parts = split_by_file(_read_split_lists(folder))
        _check_files_match(sheets, files, parts)
        images = [
            _build_boxed_image(self, folder, name, sheets[name], files, parts) for name in sheets
        ]
        return build_detection_dataset(
            folder,
            images,
            self,
            source_classes=sorted({box.name for image in images for box in image.raw_boxes}),
            default_source="a folder in the layout of Pascal VOC",
            notes=tuple(_notes(sheets, files, parts)),
        )


def _check_options(options: PascalVOC) -> None:
    for name, allowed in (("first_pixel", (0, 1)), ("difficult", ("ignore", "count"))):
        value = getattr(options, name)
        if value not in allowed:
            raise ConfigError(
                f"dataset.{name}={value!r} is unknown.",
                fix=f"choose dataset.{name}={allowed[0]} or {allowed[1]}",
            )


def _find_annotation_files(folder: Path, annotations: str) -> list[Path]:
    place = folder / parse_relative_path(annotations, "dataset.annotations")
    sheets = sorted(place.glob("*.xml"))
    if not sheets:
        raise DatasetError(
            f"No XML file lies in {place}.",
            fix=f"set dataset.path to a folder with {LAYOUT}, or name them in dataset.images and "
            "dataset.annotations",
        )
    return sheets


def _find_images(folder: Path, images: str) -> dict[str, PurePosixPath]:
    """Find every image by its name without suffix."""
    found: dict[str, PurePosixPath] = {}
    for path in sorted((folder / parse_relative_path(images, "dataset.images")).glob("*")):
        if path.suffix.lower() in SUFFIXES:
            if path.stem in found:
                raise DatasetError(
                    f"{found[path.stem].name} and {path.name} have the same name.",
                    fix="give every image a name of its own, its suffix aside",
                )
            found[path.stem] = PurePosixPath(path.relative_to(folder))
    return found


def _read_split_lists(folder: Path) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, part in SPLIT_NAMES.items():
        file = folder / "ImageSets" / "Main" / f"{name}.txt"
        if file.is_file():
            lists.setdefault(part, []).extend(read_name_list(file))
    return lists


def _check_files_match(
    sheets: Mapping[str, VocAnnotation],
    files: Mapping[str, PurePosixPath],
    parts: Mapping[str, str | None],
) -> None:
    bare = [name for name in sheets if name not in files]
    if bare:
        raise DatasetError(
            f"{len(bare)} of {len(sheets)} XML files have no image: {shorten_list(bare)}.",
            fix="unpack the images, name their folder in dataset.images, or remove the XML files",
        )
    unknown = [name for name in parts if name not in sheets]
    if unknown:
        raise DatasetError(
            f"ImageSets/Main lists {len(unknown)} names without an XML file: {shorten_list(unknown)}.",
            fix="unpack the annotations, or correct the lists",
        )
    swapped = [name for name, sheet in sheets.items() if _other_image_name(name, sheet) in files]
    if swapped:
        raise DatasetError(
            f"{len(swapped)} XML files name another image that is there too: "
            f"{shorten_list([f'{name}.xml names {sheets[name].filename}' for name in swapped])}.",
            fix="find out which image the boxes belong to, and name both files alike",
        )


def _other_image_name(name: str, sheet: VocAnnotation) -> str | None:
    """The image that an XML file names, if that is not the one of its own name."""
    stated = parse_relative_path(sheet.filename, f"{name}.xml").name if sheet.filename else name
    stem = PurePosixPath(stated).stem if stated.lower().endswith(SUFFIXES) else stated
    return None if stem == name else stem


def _build_boxed_image(
    options: PascalVOC,
    folder: Path,
    name: str,
    sheet: VocAnnotation,
    files: Mapping[str, PurePosixPath],
    parts: Mapping[str, str | None],
) -> BoxedImage:
    facts = inspect_image(folder, files[name])
    if sheet.width and sheet.height:
        check_image_size(facts, sheet.width, sheet.height, f"{name}.xml")
    return BoxedImage(
        case_id=name,
        file=files[name],
        facts=facts,
        raw_boxes=tuple(_build_raw_box(options, *each) for each in sheet.objects),
        split=parts.get(name),
    )


def _build_raw_box(
    options: PascalVOC, name: str, difficult: bool, edges: Sequence[float]
) -> RawBox:
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
    # A click without a drag leaves two equal numbers: no object, rather than one of one pixel.
    return low - first_pixel if high > low else low


def _notes(
    sheets: Mapping[str, VocAnnotation],
    files: Mapping[str, PurePosixPath],
    parts: Mapping[str, str | None],
) -> Iterator[str]:
    remarks = {
        "Images without an XML file that were left out": [n for n in files if n not in sheets],
        "XML files that name another image, which is not there": [
            name for name, sheet in sheets.items() if _other_image_name(name, sheet)
        ],
        "XML files without the size of the image, which was not compared": [
            name for name, sheet in sheets.items() if not (sheet.width and sheet.height)
        ],
        "Images in no list of ImageSets/Main": [n for n in sheets if parts and n not in parts],
    }
    for what, names in remarks.items():
        if names:
            yield f"{what}: {len(names)}: {shorten_list(names)}."
