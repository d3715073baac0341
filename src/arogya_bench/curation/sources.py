"""Finds out what a folder holds, and learns labels, groups, splits and boxes from its reader."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

import PIL.Image

from arogya_bench.curation import dicom_cleaning
from arogya_bench.curation.containers import inspect
from arogya_bench.curation.turning import SIDEWAYS, UPRIGHT
from arogya_bench.datasets.coco import COCO
from arogya_bench.datasets.content import contents
from arogya_bench.datasets.decoding import is_image
from arogya_bench.datasets.dicom import SUFFIX as DICOM_SUFFIX
from arogya_bench.datasets.image_folder import ImageFolder
from arogya_bench.datasets.image_places import files_below, images_by_name, stem_of, visible
from arogya_bench.datasets.naming import few
from arogya_bench.datasets.pascal_voc import PascalVOC
from arogya_bench.datasets.yolo import YOLO
from arogya_bench.errors import ConfigError, DatasetError, nearest
from arogya_bench.types import Case, Dataset, Image

MANIFEST = "manifest.csv"
DETECTION = ("coco", "pascal_voc", "yolo")
LAYOUTS = ("class_folders", "manifest", *DETECTION, "pairs", "unlabelled")
DRAWN_ON = ("stored", "upright")
IMAGES, MASKS = "images", "masks"


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


class Source(NamedTuple):
    """What is to be curated.

    Attributes:
        dataset: With the place of every image in ``files``.
        masks: Case id to file; empty without masks.
        contents: File to the sha256 of its content, when it was looked at.
    """

    dataset: Dataset
    masks: Mapping[str, Path]
    contents: Mapping[Path, str]


def source_of(folder: Path, description: Description) -> Source:
    """Read what a folder holds, without decoding an image.

    Raises:
        ConfigError: If an option does not fit.
        DatasetError: If the folder holds nothing that is known, or is damaged.
    """
    if not folder.is_dir():
        raise DatasetError(f"No folder at {folder}.", fix="name the folder that holds the images")
    layout = _layout(folder, description)
    masks: Mapping[str, Path] = {}
    if layout in DETECTION:
        dataset = _with_boxes(folder, layout, description)
    elif layout == "pairs":
        dataset = _grouped(_unlabelled(folder, description, IMAGES))
        masks = _masks(folder, dataset)
    elif layout == "unlabelled":
        dataset = _grouped(_unlabelled(folder, description, "."))
    else:
        dataset = _grouped(_reader(folder, layout, description).load())
    files = [*dataset.files.values(), *masks.values()]
    root = folder.absolute()
    below = {PurePosixPath(file.absolute().relative_to(root)): file for file in files}
    known = contents(root, list(below))
    return Source(dataset, masks, {below[place]: content for place, content in known.items()})


def _layout(folder: Path, description: Description) -> str:
    if description.layout is not None:
        if description.layout not in LAYOUTS:
            raise ConfigError(
                f"layout={description.layout!r} is unknown.{nearest(description.layout, LAYOUTS)}",
                fix=f"use one of {', '.join(LAYOUTS)}, or null to look what is there",
            )
        return description.layout
    signs = {
        "manifest": "manifest" in description.dataset or (folder / MANIFEST).is_file(),
        "coco": any(name in description.dataset for name in ("annotations", "train", "test")),
        "pascal_voc": (folder / "Annotations").is_dir(),
        "yolo": (folder / "data.yaml").is_file(),
        "pairs": (folder / IMAGES).is_dir() and (folder / MASKS).is_dir(),
        "class_folders": len(visible(folder)) > 1,
    }
    found = [name for name, there in signs.items() if there]
    if not found:
        raise DatasetError(
            f"What {folder} holds is not clear: no {MANIFEST}, no folders of classes, no images/ "
            "beside masks/, no Annotations/ and no data.yaml.",
            fix=f"say it in layout, one of {', '.join(LAYOUTS)}; coco needs dataset.annotations",
        )
    return found[0]


def _reader(folder: Path, layout: str, description: Description) -> Reader:
    kinds = {"coco": COCO, "pascal_voc": PascalVOC, "yolo": YOLO}
    kind = kinds.get(layout, ImageFolder)
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
    # The name of a folder may be that of a person: it goes no further.
    options.setdefault("name", "curated")
    try:
        reader: Reader = kind(path=str(folder), licence=description.licence, **options)
    except TypeError as error:
        raise ConfigError(
            f"The options of the layout {layout} do not fit: {error}.",
            fix=f"use {', '.join(sorted(known))}",
        ) from error
    return reader


def _unlabelled(folder: Path, description: Description, below_it: str) -> Dataset:
    place = folder / below_it
    files = {stem_of(str(file)): place / file for file in files_below(place) if is_image(file.name)}
    if not files:
        raise DatasetError(f"No image lies in {place}.", fix="name the folder that holds images")
    return Dataset(
        name=str(description.dataset.get("name", "curated")),
        task="segmentation" if below_it == IMAGES else "classification",
        classes=(),
        cases=tuple(Case(case_id=name, group_id=name, target=None) for name in files),
        grouped=False,
        digest="",
        licence=description.licence,
        source=str(description.dataset.get("source", "image files of the user")),
        version=str(description.dataset.get("version", "unstated")),
        read=_unread,
        files=files,
    )


def _masks(folder: Path, dataset: Dataset) -> dict[str, Path]:
    found = images_by_name(folder, [MASKS])
    bare = [name for name in dataset.files if name not in found]
    if bare:
        raise DatasetError(
            f"{len(bare)} of {len(dataset.files)} images have no mask of their name: {few(bare)}.",
            fix=f"put a mask for each image into {folder / MASKS}, or move the images away",
        )
    return {name: folder / found[name] for name in dataset.files}


def _unread(case: Case) -> Image:
    raise DatasetError(f"The image of {case.case_id} is not read here.", fix="read the file")


def _grouped(dataset: Dataset) -> Dataset:
    """Group DICOM files by the patient that they name, where the source names none."""
    files = dataset.files
    if dataset.grouped or not all(str(f).lower().endswith(DICOM_SUFFIX) for f in files.values()):
        return dataset
    patients = {name: dicom_cleaning.patient_of(file.read_bytes()) for name, file in files.items()}
    if not all(patients.values()):
        return dataset
    cases = tuple(replace(case, group_id=patients[case.case_id]) for case in dataset.cases)
    return replace(dataset, cases=cases, grouped=True)


def _with_boxes(folder: Path, layout: str, description: Description) -> Dataset:
    turned = dict(_turned(folder))
    if not turned:
        return _reader(folder, layout, description).load()
    drawn_on = description.boxes_drawn_on
    if drawn_on is None:
        raise DatasetError(
            f"EXIF turns {len(turned)} images, and it is not known whether their boxes were drawn "
            f"on the image as it is stored or upright: {few([str(file) for file in turned])}.",
            fix="look at one of them, and set boxes_drawn_on=stored or boxes_drawn_on=upright",
        )
    with _staged(folder, turned, drawn_on) as stage:
        dataset = _reader(stage, layout, description).load()
    files = {name: folder / file.relative_to(stage) for name, file in dataset.files.items()}
    return replace(dataset, files=files)


def _turned(folder: Path) -> Iterator[tuple[PurePosixPath, tuple[int, int, int]]]:
    """Images that EXIF turns: width and height as stored, and the orientation."""
    for file in files_below(folder):
        if is_image(file.name):
            container = inspect((folder / file).read_bytes())
            if container and container.orientation != UPRIGHT:
                yield file, (container.width, container.height, container.orientation)


@contextmanager
def _staged(
    folder: Path, turned: Mapping[PurePosixPath, Sequence[int]], drawn_on: str
) -> Iterator[Path]:
    """The same folder for a reader of boxes, with turned images as their boxes know them.

    The readers refuse images that EXIF turns. They look at no more than the size, so an empty
    image of that size stands for each of those; everything else is a link.
    """
    with tempfile.TemporaryDirectory(prefix="arogya-") as place:
        stage = Path(place)
        for file in files_below(folder):
            (stage / file).parent.mkdir(parents=True, exist_ok=True)
            if file not in turned:
                (stage / file).symlink_to(folder.absolute() / file)
                continue
            width, height, orientation = turned[file]
            swapped = drawn_on == "upright" and orientation in SIDEWAYS
            size = (height, width) if swapped else (width, height)
            PIL.Image.new("1", size).save(stage / file, "PNG")
        yield stage


def check_drawn_on(drawn_on: str | None) -> None:
    """Refuse a typo.

    Raises:
        ConfigError: If ``boxes_drawn_on`` is neither ``stored``, ``upright`` nor None.
    """
    if drawn_on not in (None, *DRAWN_ON):
        raise ConfigError(
            f"boxes_drawn_on={drawn_on!r} is unknown.{nearest(drawn_on, DRAWN_ON)}",
            fix="use stored, upright, or null where no image is turned",
        )
