"""Finds out in which layout a folder holds images, and who reads that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

from arogya_bench.datasets import nnunet
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
from arogya_bench.datasets.yolo import YOLO
from arogya_bench.errors import ConfigError, DatasetError, did_you_mean
from arogya_bench.images.discovery import list_folders
from arogya_bench.types import Dataset

MANIFEST_FILE = "manifest.csv"
DETECTION_LAYOUTS = ("coco", "pascal_voc", "yolo")
# Sets whose tables say which images belong together.
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
IMAGES, MASKS = "images", "masks"
# A table beside folders of images may say what the folders do not: patients, labels, a split.
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


class Reader(Protocol):
    """What learns a dataset from its files."""

    def load(self) -> Dataset:
        """Read everything but pixels."""


@dataclass(frozen=True, kw_only=True)
class SourceLayout:
    """How to read a source.

    Attributes:
        licence: Of the images and labels.
        layout: One of ``LAYOUTS``; None to look what is there.
        dataset: Options of the reader, such as ``group`` or ``manifest``.
        boxes_drawn_on: Where EXIF turns an image: whether its boxes and masks were drawn on the
            image as it is ``stored`` or ``upright``; None if no image is turned.
    """

    licence: str
    layout: str | None = None
    dataset: Mapping[str, object] = field(default_factory=dict)
    boxes_drawn_on: str | None = None


@dataclass(frozen=True, kw_only=True)
class UnlabelledOptions:
    """The options of images of which nothing is known but their files.

    Attributes:
        path: Of the folder.
        licence: Of the images.
        name: Of the result.
        group: Regular expression that finds the patient in the path of an image below ``path``.
        source: Where they came from, for the record.
        citation: What their authors ask to be cited.
        version: Of the copy.
    """

    path: str
    licence: str
    name: str | None = None
    group: str | None = None
    source: str | None = None
    citation: str = ""
    version: str = "unstated"


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


def detect_layout(folder: Path, source_layout: SourceLayout) -> str:
    """Say in which layout a folder is.

    Raises:
        ConfigError: If the one that was asked for is unknown.
        DatasetError: If none is recognised, or a table lies beside what look like class folders.
    """
    if source_layout.layout is not None:
        if source_layout.layout not in LAYOUTS:
            raise ConfigError(
                f"layout={source_layout.layout!r} is unknown.{did_you_mean(source_layout.layout, LAYOUTS)}",
                fix=f"use one of {', '.join(LAYOUTS)}, or null to look what is there",
            )
        return source_layout.layout
    found = [name for name, there in _match_layouts(folder, source_layout.dataset).items() if there]
    if not found:
        raise DatasetError(
            f"What {folder} holds is not clear: no {MANIFEST_FILE}, no folders of classes, no images/ "
            "beside masks/, no Annotations/ and no data.yaml.",
            fix=f"say it in layout, one of {', '.join(LAYOUTS)}; coco needs dataset.annotations",
        )
    if found[0] == "class_folders":
        _check_no_tables(folder)
    return found[0]


def _match_layouts(folder: Path, options: Iterable[str]) -> dict[str, bool]:
    options = set(options)

    def has_match(pattern: str) -> bool:
        return any(folder.glob(pattern))

    return {
        "manifest": "manifest" in options or (folder / MANIFEST_FILE).is_file(),
        "coco": bool(options & {"annotations", "train", "test"}),
        "pascal_voc": (folder / "Annotations").is_dir(),
        "yolo": (folder / "data.yaml").is_file(),
        "ham10000": has_match("HAM10000_metadata*"),
        "isic2019": has_match("ISIC_2019_*"),
        "eyepacs": (folder / EYEPACS_TABLE).is_file(),
        "covid_cxr": (folder / "train").is_dir()
        and has_match("train*.txt")
        and has_match("test*.txt"),
        "pairs": nnunet.is_nnunet(folder)
        or ((folder / IMAGES).is_dir() and (folder / MASKS).is_dir()),
        "class_folders": len(list_folders(folder)) > 1,
    }


def _check_no_tables(folder: Path) -> None:
    tables = sorted(path.name for path in folder.iterdir() if _is_table(path))
    if tables:
        raise DatasetError(
            f"{folder} holds folders ({shorten_list(list_folders(folder))}) beside tables "
            f"({shorten_list(tables)}), which may say which images show one patient: whether the "
            "folders are classes is not clear.",
            fix="if they are, say so: --layout class_folders; if a table lists the images, name "
            f"it: --layout manifest dataset.manifest={tables[0]}; known sets have layouts of "
            f"their own: {', '.join(PUBLISHED_LAYOUTS)}",
        )


def _is_table(path: Path) -> bool:
    name = path.name.lower()
    prose = name.startswith((".", *DOCUMENT_PREFIXES))
    return path.is_file() and name.endswith(TABLE_SUFFIXES) and not prose


def build_reader(folder: Path, layout: str, source_layout: SourceLayout) -> Any:
    """Make the reader of a layout, which reads nothing yet.

    Raises:
        ConfigError: If it does not have an option, or a value does not fit.
    """
    kind = READERS[layout]
    known = {each.name for each in fields(kind)} - {"path", "licence"}
    for name in source_layout.dataset:
        if name not in known:
            raise ConfigError(
                f"dataset.{name} is no option of the layout {layout}.{did_you_mean(name, known)}",
                fix=f"use {', '.join(sorted(known))}",
            )
    options = dict(source_layout.dataset)
    if layout == "manifest":
        options.setdefault("manifest", MANIFEST_FILE)
    if layout not in PUBLISHED_LAYOUTS:
        # The name of a folder may be that of a person: it goes no further.
        options.setdefault("name", "curated")
    try:
        return kind(path=str(folder), licence=source_layout.licence, **options)
    except TypeError as error:
        raise ConfigError(
            f"The options of the layout {layout} do not fit: {error}.",
            fix=f"use {', '.join(sorted(known))}",
        ) from error
