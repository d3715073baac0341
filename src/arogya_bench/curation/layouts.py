"""Detect the layout of a folder of images and build its reader."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from arogya_bench.curation.options import CurationOptions
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
from arogya_bench.datasets.mask_folders import find_part_folders
from arogya_bench.datasets.pascal_voc import PascalVOC
from arogya_bench.datasets.published import GroupedDatasetOptions
from arogya_bench.datasets.yolo import YOLO
from arogya_bench.errors import ConfigError, DatasetError, did_you_mean
from arogya_bench.images.discovery import list_folders

MANIFEST_FILE = "manifest.csv"
DETECTION_LAYOUTS = ("coco", "pascal_voc", "yolo")
# Datasets whose tables name the patient or lesion of each image.
PUBLISHED_LAYOUTS = {"ham10000": HAM10000, "isic2019": ISIC2019, "eyepacs": EyePACS, "covid_cxr": COVIDCxr}
READERS: Mapping[str, type[Any]] = {
    "class_folders": ImageFolder,
    "manifest": ImageFolder,
    "coco": COCO,
    "pascal_voc": PascalVOC,
    "yolo": YOLO,
    **PUBLISHED_LAYOUTS,
    "pairs": ImageMaskPairs,
    "unlabelled": GroupedDatasetOptions,  # such images need no reader
}
LAYOUTS = tuple(READERS)
# A table beside class folders may hold what the folders do not: patients, labels, a split.
TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".xls", ".xlsx", ".json", ".jsonl", ".parquet")
DOCUMENT_PREFIXES = ("readme", "licen", "copying", "citation", "changelog", "notice", "requirements")


class DetectedLayout(NamedTuple):
    """The layout of a folder, and the reader options that its files imply."""

    name: str
    options: Mapping[str, object]


def detect_layout(folder: Path, options: CurationOptions) -> DetectedLayout:
    """Return the layout in the options, or detect it.

    Raises:
        ConfigError: If the layout in the options is unknown.
        DatasetError: If no layout is recognised, or tables lie beside class folders.
    """
    if options.layout is not None:
        if options.layout not in LAYOUTS:
            raise ConfigError(
                f"layout={options.layout!r} is unknown.{did_you_mean(options.layout, LAYOUTS)}",
                fix=f"use one of {', '.join(LAYOUTS)}, or null to detect it",
            )
        return DetectedLayout(options.layout, {})
    for detected in _detect_layouts(folder, set(options.dataset)):
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
        "pairs": nnunet.is_nnunet(folder)
        or ((folder / "images").is_dir() and (folder / "masks").is_dir())
        or bool(find_part_folders(folder, "images", "masks")),
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


def build_reader(folder: Path, layout: str, options: CurationOptions) -> Any:
    """Build the reader of a layout; it reads nothing before ``load``.

    Raises:
        ConfigError: If an option is unknown to the layout, missing or invalid.
    """
    reader_class = READERS[layout]
    known = {option.name for option in fields(reader_class)} - {"path", "licence"}
    for name in options.dataset:
        if name not in known:
            raise ConfigError(
                f"dataset.{name} is not an option of the layout {layout}.{did_you_mean(name, known)}",
                fix=f"use {', '.join(sorted(known))}",
            )
    reader_options = dict(options.dataset)
    if layout == "manifest":
        reader_options.setdefault("manifest", MANIFEST_FILE)
    if layout not in PUBLISHED_LAYOUTS:
        # The name of the folder may be that of a person.
        reader_options.setdefault("name", "curated")
    try:
        return reader_class(path=str(folder), licence=options.licence, **reader_options)
    except TypeError as error:
        raise ConfigError(
            f"Invalid options for the layout {layout}: {error}.", fix=f"use {', '.join(sorted(known))}"
        ) from error
