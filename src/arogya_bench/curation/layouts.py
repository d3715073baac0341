"""Detect the layout of a folder of images and build its reader."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from arogya_bench.datasets import nnunet
from arogya_bench.datasets.box_formats import EXPECTED_FILES, detect_box_formats
from arogya_bench.datasets.coco import COCO
from arogya_bench.datasets.covid_cxr import COVIDCxr
from arogya_bench.datasets.eyepacs import LABELS_FILE as EYEPACS_TABLE
from arogya_bench.datasets.eyepacs import EyePACS
from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.datasets.ham10000 import HAM10000
from arogya_bench.datasets.image_folder import ImageFolder
from arogya_bench.datasets.image_mask_pairs import ImageMaskPairs
from arogya_bench.datasets.isic2019 import ISIC2019
from arogya_bench.datasets.pascal_voc import PascalVOC
from arogya_bench.datasets.published import GroupedDatasetOptions
from arogya_bench.datasets.yolo import YOLO
from arogya_bench.errors import ConfigError, DatasetError, did_you_mean
from arogya_bench.images.discovery import list_folders

MANIFEST_FILE = "manifest.csv"
DETECTION_LAYOUTS = ("coco", "pascal_voc", "yolo")
# Datasets whose tables name the patient or lesion of each image.
PUBLISHED_LAYOUTS = {
    "ham10000": HAM10000,
    "isic2019": ISIC2019,
    "eyepacs": EyePACS,
    "covid_cxr": COVIDCxr,
}
LAYOUTS = (
    "class_folders",
    "manifest",
    *DETECTION_LAYOUTS,
    *PUBLISHED_LAYOUTS,
    "pairs",
    "unlabelled",
)
# A table beside class folders may hold what the folders do not: patients, labels, a split.
TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".xls", ".xlsx", ".json", ".jsonl", ".parquet")
DOCUMENT_PREFIXES = (
    "readme",
    "licen",
    "copying",
    "citation",
    "changelog",
    "notice",
    "requirements",
)


@dataclass(frozen=True, kw_only=True)
class SourceLayout:
    """How to read a source folder.

    Attributes:
        licence: Licence of the images and labels.
        layout: One of ``LAYOUTS``; None to detect it.
        dataset: Options of the reader, such as ``group`` or ``manifest``.
        boxes_drawn_on: For images with an EXIF orientation: whether their boxes and masks were
            drawn on the image as ``stored`` or ``upright``; None if there are no such images.
    """

    licence: str
    layout: str | None = None
    dataset: Mapping[str, object] = field(default_factory=dict)
    boxes_drawn_on: str | None = None


@dataclass(frozen=True, kw_only=True)
class UnlabelledOptions(GroupedDatasetOptions):
    """Options for images without labels."""


class DetectedLayout(NamedTuple):
    """The layout of a folder, and the reader options that follow from its files."""

    name: str
    options: Mapping[str, object]


READERS: Mapping[str, type[Any]] = {
    "class_folders": ImageFolder,
    "manifest": ImageFolder,
    "coco": COCO,
    "pascal_voc": PascalVOC,
    "yolo": YOLO,
    **PUBLISHED_LAYOUTS,
    "pairs": ImageMaskPairs,
    "unlabelled": UnlabelledOptions,
}


def detect_layout(folder: Path, source_layout: SourceLayout) -> DetectedLayout:
    """Determine the layout of a folder.

    Raises:
        ConfigError: If ``source_layout.layout`` is unknown.
        DatasetError: If no layout is recognised, or tables lie beside class folders.
    """
    if source_layout.layout is not None:
        if source_layout.layout not in LAYOUTS:
            raise ConfigError(
                f"layout={source_layout.layout!r} is unknown.{did_you_mean(source_layout.layout, LAYOUTS)}",
                fix=f"use one of {', '.join(LAYOUTS)}, or null to detect it",
            )
        return DetectedLayout(source_layout.layout, {})
    for detected in _detect_layouts(folder, set(source_layout.dataset)):
        if detected.name == "class_folders":
            _check_no_tables(folder)
        return detected
    raise DatasetError(
        f"The layout of {folder} was not recognised: no {MANIFEST_FILE}, no class folders, no "
        f"images/ beside masks/, and no boxes ({EXPECTED_FILES}).",
        fix=f"set layout to one of {', '.join(LAYOUTS)}",
    )


def _detect_layouts(folder: Path, options: set[str]) -> Iterator[DetectedLayout]:
    """Yield the layouts that fit, the most specific one first."""
    if "manifest" in options or (folder / MANIFEST_FILE).is_file():
        yield DetectedLayout("manifest", {})
    if options & {"annotations", "train", "test"}:
        yield DetectedLayout("coco", {})
    for name, files in detect_box_formats(folder).items():
        yield DetectedLayout("pascal_voc" if name == "voc" else name, files)

    def has_match(pattern: str) -> bool:
        return any(folder.glob(pattern))

    matches = {
        "ham10000": has_match("HAM10000_metadata*"),
        "isic2019": has_match("ISIC_2019_*"),
        "eyepacs": (folder / EYEPACS_TABLE).is_file(),
        "covid_cxr": (folder / "train").is_dir() and has_match("train*.txt") and has_match("test*.txt"),
        "pairs": nnunet.is_nnunet(folder) or ((folder / "images").is_dir() and (folder / "masks").is_dir()),
        "class_folders": len(list_folders(folder)) > 1,
    }
    yield from (DetectedLayout(name, {}) for name, matched in matches.items() if matched)


def _check_no_tables(folder: Path) -> None:
    tables = sorted(path.name for path in folder.iterdir() if _is_table(path))
    if tables:
        raise DatasetError(
            f"{folder} holds folders ({shorten_list(list_folders(folder))}) beside tables "
            f"({shorten_list(tables)}), which may name the patients of the images: it is not clear "
            "whether the folders are classes.",
            fix="if they are, use --layout class_folders; if a table lists the images, use "
            f"--layout manifest dataset.manifest={tables[0]}; published datasets have their own "
            f"layouts: {', '.join(PUBLISHED_LAYOUTS)}",
        )


def _is_table(path: Path) -> bool:
    name = path.name.lower()
    is_document = name.startswith((".", *DOCUMENT_PREFIXES))
    return path.is_file() and name.endswith(TABLE_SUFFIXES) and not is_document


def build_reader(folder: Path, layout: str, source_layout: SourceLayout) -> Any:
    """Build the reader of a layout; it reads nothing before ``load``.

    Raises:
        ConfigError: If the layout lacks an option, or a value is invalid.
    """
    reader_class = READERS[layout]
    known = {option.name for option in fields(reader_class)} - {"path", "licence"}
    for name in source_layout.dataset:
        if name not in known:
            raise ConfigError(
                f"dataset.{name} is not an option of the layout {layout}.{did_you_mean(name, known)}",
                fix=f"use {', '.join(sorted(known))}",
            )
    options = dict(source_layout.dataset)
    if layout == "manifest":
        options.setdefault("manifest", MANIFEST_FILE)
    if layout not in PUBLISHED_LAYOUTS:
        # The name of the folder may be that of a person.
        options.setdefault("name", "curated")
    try:
        return reader_class(path=str(folder), licence=source_layout.licence, **options)
    except TypeError as error:
        raise ConfigError(
            f"Invalid options for the layout {layout}: {error}.",
            fix=f"use {', '.join(sorted(known))}",
        ) from error
