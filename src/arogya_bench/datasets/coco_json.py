"""Reads the JSON file of COCO: images, boxes and categories, checked field by field."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arogya_bench.datasets.boxes import RawBox
from arogya_bench.errors import DatasetError

JsonRecord = Mapping[str, Any]
REQUIRED_KEYS = ("images", "annotations", "categories")
MAX_PIXELS = 1e12  # pixels; also refuses what is not finite
BOX_FIELDS = {"image_id": (int, str), "category_id": (int,)}


@dataclass(frozen=True, kw_only=True)
class CocoListing:
    """What one JSON file says.

    Attributes:
        name: Of the file, for errors.
        images: As written; id, file_name, width and height are there.
        raw_boxes: Image id to its boxes, in the order of the file.
        categories: Names, in the order of their ids.
    """

    name: str
    images: tuple[JsonRecord, ...]
    raw_boxes: Mapping[int | str, tuple[RawBox, ...]]
    categories: tuple[str, ...]


def read_coco_json(file: Path) -> CocoListing:
    """Read one JSON file of object detection.

    Raises:
        DatasetError: If it is no such file, or its parts contradict each other.
    """
    content = _read_json(file)
    images = _get_records(content, "images", file.name, {"id": (int, str), "file_name": (str,)})
    categories = _get_records(content, "categories", file.name, {"id": (int,), "name": (str,)})
    names = {record["id"]: record["name"] for record in categories}
    boxes = _get_records(content, "annotations", file.name, BOX_FIELDS)
    drawn: dict[int | str, list[RawBox]] = {record["id"]: [] for record in images}
    for record in boxes:
        where = f"{file.name}, annotation {record.get('id', 'without id')},"
        _check_references(record, drawn, names, where)
        drawn[record["image_id"]].append(_parse_box(record, names[record["category_id"]], where))
    return CocoListing(
        name=file.name,
        images=tuple(images),
        raw_boxes={key: tuple(own) for key, own in drawn.items()},
        categories=tuple(names[key] for key in sorted(names)),
    )


def get_number(record: JsonRecord, key: str, where: str) -> float:
    """Take a number from a record.

    Raises:
        DatasetError: If it is missing, or something else.
    """
    value = record.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_PIXELS:
        return float(value)
    raise _format_error(f"{where} gives {key} as {value!r}, not a number")


def _read_json(file: Path) -> JsonRecord:
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise DatasetError(
            f"No annotations at {file}.",
            fix="set dataset.annotations to one JSON file, or dataset.train, dataset.validation "
            "and dataset.test to one each, below dataset.path",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise _format_error(f"{file.name} cannot be read: {error}") from error
    missing = [
        k
        for k in REQUIRED_KEYS
        if not isinstance(content, dict) or not _is_list_of_objects(content.get(k))
    ]
    if missing:
        raise _format_error(f"{file.name} has no list of {' and none of '.join(missing)}")
    return dict(content)


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _get_records(
    content: JsonRecord, key: str, name: str, fields: Mapping[str, tuple[type, ...]]
) -> Sequence[JsonRecord]:
    """The records of one list, each with these fields of these types, and no id twice."""
    records: Sequence[JsonRecord] = content[key]
    for place, record in enumerate(records):
        for each, kinds in fields.items():
            value = record.get(each)
            if isinstance(value, bool) or not isinstance(value, kinds):
                raise _format_error(f"{name}, entry {place} of {key}, gives {each} as {value!r}")
    ids = Counter(str(record["id"]) for record in records if "id" in record)
    twice = [each for each, count in ids.items() if count > 1]
    if twice:
        raise _format_error(f"{name} has two {key} with the id {twice[0]}")
    return records


def _check_references(
    record: JsonRecord, images: Mapping[int | str, object], names: JsonRecord, where: str
) -> None:
    if record["image_id"] not in images:
        raise _format_error(f"{where} belongs to an image that is not listed: {record['image_id']}")
    if record["category_id"] not in names:
        known = ", ".join(f"{key} {name}" for key, name in names.items())
        raise _format_error(
            f"{where} has the category {record['category_id']}; there are: {known or 'none'}"
        )


def _parse_box(record: JsonRecord, name: str, where: str) -> RawBox:
    box = record.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise _format_error(f"{where} has no bbox of four numbers, but {box!r}")
    left, top, width, height = (get_number({"bbox": each}, "bbox", where) for each in box)
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
    if value not in (0, 1):
        raise _format_error(f"{where} gives {key} as {value!r}, not 0 or 1")
    return bool(value)


def _format_error(problem: str) -> DatasetError:
    return DatasetError(
        f"{problem}.",
        fix="correct it to the format of https://cocodataset.org/#format-data: images with id, "
        "file_name, width, height; annotations with image_id, category_id, bbox; categories",
    )
