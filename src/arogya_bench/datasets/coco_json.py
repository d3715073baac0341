"""Read and check a COCO JSON file: images, boxes and categories."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from arogya_bench.datasets.boxes import RawBox
from arogya_bench.datasets.flags import parse_flag
from arogya_bench.errors import DatasetError
from arogya_bench.images.safe_errors import describe_read_error

JsonRecord = Mapping[str, Any]
MAX_PIXELS = 1e12  # pixels; also excludes infinity
BOX_FIELDS = {"image_id": (int, str), "category_id": (int,)}


@dataclass(frozen=True, kw_only=True)
class CocoListing:
    """Content of one JSON file.

    Attributes:
        name: Path relative to the folder of the dataset, for errors.
        images: Image records, with at least id and file_name.
        raw_boxes: Boxes by image id, in the order of the file.
        categories: Category names, in the order of their ids.
        category_labels: Category id to its index in ``categories``.
        grouping: Indices of categories that have no box and only group others or name the background.
    """

    name: str
    images: tuple[JsonRecord, ...]
    raw_boxes: Mapping[int | str, tuple[RawBox, ...]]
    categories: tuple[str, ...]
    category_labels: Mapping[int, int]
    grouping: frozenset[int]

    @property
    def classes(self) -> tuple[str, ...]:
        """The categories without those that only group others."""
        return tuple(name for label, name in enumerate(self.categories) if label not in self.grouping)


def read_coco_json(folder: Path, file: PurePosixPath) -> CocoListing:
    """Read one COCO file for object detection."""
    name = str(file)
    content = _read_json(folder, file)
    images = _get_records(content, "images", name, {"id": (int, str), "file_name": (str,)})
    categories = _get_records(content, "categories", name, {"id": (int,), "name": (str,)})
    names = {record["id"]: record["name"] for record in categories}
    boxes = _get_records(content, "annotations", name, BOX_FIELDS)
    by_image: dict[int | str, list[RawBox]] = {record["id"]: [] for record in images}
    for record in boxes:
        where = f"{name}, annotation {record.get('id', 'without id')},"
        _check_references(record, by_image, names, where)
        by_image[record["image_id"]].append(_parse_box(record, names[record["category_id"]], where))
    return CocoListing(
        name=name,
        images=tuple(record for record in images if by_image[record["id"]] or not _is_leftover(record)),
        raw_boxes={image_id: tuple(image_boxes) for image_id, image_boxes in by_image.items()},
        categories=tuple(names[key] for key in sorted(names)),
        category_labels={key: label for label, key in enumerate(sorted(names))},
        grouping=_find_grouping(categories, {record["category_id"] for record in boxes}),
    )


def get_number(record: JsonRecord, key: str, where: str) -> float:
    """Return a number of a record."""
    value = record.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_PIXELS:
        return float(value)
    raise _format_error(f"{where} gives {key} as {value!r}, not a number")


def _is_leftover(record: JsonRecord) -> bool:
    """Whether an image record is that of a file which a Mac leaves beside an image."""
    return PurePosixPath(record["file_name"]).name.startswith("._")


def _find_grouping(categories: Sequence[JsonRecord], used: Collection[int]) -> frozenset[int]:
    """Find categories without a box that others name as their supercategory, as Roboflow writes, or the background."""
    ordered = sorted(categories, key=lambda category: int(category["id"]))
    return frozenset(
        index
        for index, category in enumerate(ordered)
        if category["id"] not in used
        and (
            category["name"].strip("_").lower() == "background"
            or any(other.get("supercategory") == category["name"] for other in ordered if other is not category)
        )
    )


def _read_json(folder: Path, file: PurePosixPath) -> JsonRecord:
    try:
        content = json.loads((folder / file).read_bytes())
    except FileNotFoundError as error:
        raise DatasetError(
            f"No annotations at {folder / file}.",
            fix="set dataset.annotations to one JSON file, or dataset.train, dataset.validation "
            "and dataset.test to one each, below dataset.path",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise _format_error(f"{file} cannot be read: {describe_read_error(error)}") from error
    lists = content if isinstance(content, dict) else {}
    for key in ("images", "annotations", "categories"):
        if not isinstance(lists.get(key), list) or not all(isinstance(record, dict) for record in lists[key]):
            raise _format_error(f"{file} has no list of {key}")
    return lists


def _get_records(
    content: JsonRecord, key: str, name: str, fields: Mapping[str, tuple[type, ...]]
) -> Sequence[JsonRecord]:
    """Return the records of one list after checking their fields and the uniqueness of ids."""
    records: Sequence[JsonRecord] = content[key]
    for index, record in enumerate(records):
        for field, types in fields.items():
            value = record.get(field)
            if isinstance(value, bool) or not isinstance(value, types):
                raise _format_error(f"{name}, entry {index} of {key}, gives {field} as {value!r}")
    ids = Counter(str(record["id"]) for record in records if "id" in record)
    repeated = [record_id for record_id, count in ids.items() if count > 1]
    if repeated:
        raise _format_error(f"{name} has two {key} with the id {repeated[0]}")
    return records


def _check_references(record: JsonRecord, images: Mapping[int | str, object], names: JsonRecord, where: str) -> None:
    if record["image_id"] not in images:
        raise _format_error(f"{where} belongs to an image that is not listed: {record['image_id']}")
    if record["category_id"] not in names:
        known = ", ".join(f"{key} {name}" for key, name in names.items())
        raise _format_error(f"{where} has the category {record['category_id']}; there are: {known or 'none'}")


def _parse_box(record: JsonRecord, name: str, where: str) -> RawBox:
    box = record.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise _format_error(f"{where} has no bbox of four numbers, but {box!r}")
    left, top, width, height = (get_number({"bbox": edge}, "bbox", where) for edge in box)
    return RawBox(
        name=name,
        left=left,
        top=top,
        right=left + width,
        bottom=top + height,
        crowd=_get_flag(record, "iscrowd", where) or _get_flag(record, "ignore", where),
    )


def _get_flag(record: JsonRecord, key: str, where: str) -> bool:
    value = record.get(key, 0)
    try:
        if isinstance(value, int | float) and value not in (0, 1):
            raise ValueError("another number")
        return parse_flag(value)
    except ValueError as error:
        raise _format_error(f"{where} gives {key} as {value!r}, not 0 or 1", fix=f"write 0 or 1 as {key}") from error


def _format_error(problem: str, *, fix: str = "") -> DatasetError:
    return DatasetError(
        f"{problem}.",
        fix=fix
        or "correct it to the format of https://cocodataset.org/#format-data: images with id, "
        "file_name, width, height; annotations with image_id, category_id, bbox; categories",
    )
