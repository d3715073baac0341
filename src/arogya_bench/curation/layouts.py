"""Finds out in which layout a folder holds images, and who reads that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

from arogya_bench.datasets import nnunet
from arogya_bench.datasets.coco import COCO
from arogya_bench.datasets.covid_cxr import COVIDCxr
from arogya_bench.datasets.eyepacs import TABLE as EYEPACS_TABLE
from arogya_bench.datasets.eyepacs import EyePACS
from arogya_bench.datasets.group_patterns import few
from arogya_bench.datasets.ham10000 import HAM10000
from arogya_bench.datasets.image_folder import ImageFolder
from arogya_bench.datasets.image_mask_pairs import ImageMaskPairs
from arogya_bench.datasets.isic2019 import ISIC2019
from arogya_bench.datasets.pascal_voc import PascalVOC
from arogya_bench.datasets.yolo import YOLO
from arogya_bench.errors import ConfigError, DatasetError, nearest
from arogya_bench.images.discovery import visible
from arogya_bench.types import Dataset

MANIFEST = "manifest.csv"
DETECTION = ("coco", "pascal_voc", "yolo")
# Sets whose tables say which images belong together.
PUBLISHED = {
    "ham10000": HAM10000,
    "isic2019": ISIC2019,
    "eyepacs": EyePACS,
    "covid_cxr": COVIDCxr,
}
LAYOUTS = ("class_folders", "manifest", *DETECTION, *PUBLISHED, "pairs", "unlabelled")
IMAGES, MASKS = "images", "masks"
# A table beside folders of images may say what the folders do not: patients, labels, a split.
TABLES = (".csv", ".tsv", ".tab", ".txt", ".xls", ".xlsx", ".json", ".jsonl", ".parquet")
PROSE = ("readme", "licen", "copying", "citation", "changelog", "notice", "requirements")


class Reader(Protocol):
    """What learns a dataset from its files."""

    def load(self) -> Dataset:
        """Read everything but pixels."""


@dataclass(frozen=True, kw_only=True)
class Description:
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
class Unlabelled:
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


KINDS: Mapping[str, type[Any]] = {
    "class_folders": ImageFolder,
    "manifest": ImageFolder,
    "coco": COCO,
    "pascal_voc": PascalVOC,
    "yolo": YOLO,
    **PUBLISHED,
    "pairs": ImageMaskPairs,
    "unlabelled": Unlabelled,
}


def layout_of(folder: Path, description: Description) -> str:
    """Say in which layout a folder is.

    Raises:
        ConfigError: If the one that was asked for is unknown.
        DatasetError: If none is recognised, or a table lies beside what look like class folders.
    """
    if description.layout is not None:
        if description.layout not in LAYOUTS:
            raise ConfigError(
                f"layout={description.layout!r} is unknown.{nearest(description.layout, LAYOUTS)}",
                fix=f"use one of {', '.join(LAYOUTS)}, or null to look what is there",
            )
        return description.layout
    found = [name for name, there in _signs(folder, description.dataset).items() if there]
    if not found:
        raise DatasetError(
            f"What {folder} holds is not clear: no {MANIFEST}, no folders of classes, no images/ "
            "beside masks/, no Annotations/ and no data.yaml.",
            fix=f"say it in layout, one of {', '.join(LAYOUTS)}; coco needs dataset.annotations",
        )
    if found[0] == "class_folders":
        _refuse_tables(folder)
    return found[0]


def _signs(folder: Path, options: Iterable[str]) -> dict[str, bool]:
    options = set(options)

    def holds(pattern: str) -> bool:
        return any(folder.glob(pattern))

    return {
        "manifest": "manifest" in options or (folder / MANIFEST).is_file(),
        "coco": bool(options & {"annotations", "train", "test"}),
        "pascal_voc": (folder / "Annotations").is_dir(),
        "yolo": (folder / "data.yaml").is_file(),
        "ham10000": holds("HAM10000_metadata*"),
        "isic2019": holds("ISIC_2019_*"),
        "eyepacs": (folder / EYEPACS_TABLE).is_file(),
        "covid_cxr": (folder / "train").is_dir() and holds("train*.txt") and holds("test*.txt"),
        "pairs": nnunet.is_nnunet(folder)
        or ((folder / IMAGES).is_dir() and (folder / MASKS).is_dir()),
        "class_folders": len(visible(folder)) > 1,
    }


def _refuse_tables(folder: Path) -> None:
    tables = sorted(path.name for path in folder.iterdir() if _is_table(path))
    if tables:
        raise DatasetError(
            f"{folder} holds folders ({few(visible(folder))}) beside tables ({few(tables)}), which "
            "may say which images show one patient: whether the folders are classes is not clear.",
            fix="if they are, say so: --layout class_folders; if a table lists the images, name "
            f"it: --layout manifest dataset.manifest={tables[0]}; known sets have layouts of "
            f"their own: {', '.join(PUBLISHED)}",
        )


def _is_table(path: Path) -> bool:
    name = path.name.lower()
    prose = name.startswith((".", *PROSE))
    return path.is_file() and name.endswith(TABLES) and not prose


def reader_of(folder: Path, layout: str, description: Description) -> Any:
    """Make the reader of a layout, which reads nothing yet.

    Raises:
        ConfigError: If it does not have an option, or a value does not fit.
    """
    kind = KINDS[layout]
    known = {each.name for each in fields(kind)} - {"path", "licence"}
    for name in description.dataset:
        if name not in known:
            raise ConfigError(
                f"dataset.{name} is no option of the layout {layout}.{nearest(name, known)}",
                fix=f"use {', '.join(sorted(known))}",
            )
    options = dict(description.dataset)
    if layout == "manifest":
        options.setdefault("manifest", MANIFEST)
    if layout not in PUBLISHED:
        # The name of a folder may be that of a person: it goes no further.
        options.setdefault("name", "curated")
    try:
        return kind(path=str(folder), licence=description.licence, **options)
    except TypeError as error:
        raise ConfigError(
            f"The options of the layout {layout} do not fit: {error}.",
            fix=f"use {', '.join(sorted(known))}",
        ) from error
