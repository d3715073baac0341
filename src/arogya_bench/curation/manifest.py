"""Renders the tables and the card of a curated folder: in a fixed order and without a time."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import StringIO

from arogya_bench.curation.case_files import IMAGES, MASKS
from arogya_bench.curation.journal import CaseRecord
from arogya_bench.curation.notices import collect_warnings
from arogya_bench.curation.options import CurationOptions
from arogya_bench.curation.plan import CurationPlan
from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.datasets.splits import DatasetSplit
from arogya_bench.deidentification.orientation import TRANSPOSED_ORIENTATIONS, box_to_upright
from arogya_bench.types import Box, Case

DICOM_METHOD = (
    "basic application level confidentiality profile (PS3.15 table E.1-1); dates removed, not "
    "shifted; UIDs replaced by keyed ones; only elements that display the pixels are kept; "
    "compressed pixels are decoded"
)


@dataclass(frozen=True, kw_only=True)
class CuratedData:
    """The curated cases and how they are divided.

    Attributes:
        cases: The written cases, sorted by id.
        records: Record of every case, by id.
        split: The split of this run; None if it did not divide the cases.
        split_by_case: Part of the split by case id; empty without a split.
    """

    plan: CurationPlan
    cases: Sequence[Case]
    records: Mapping[str, CaseRecord]
    split: DatasetSplit | None
    split_by_case: Mapping[str, str]


def curated_cases(plan: CurationPlan, records: Mapping[str, CaseRecord], drawn_on: str | None) -> tuple[Case, ...]:
    """Return the written cases, with boxes in the coordinates of the upright images."""
    cases = [item.case for item in plan.items if records[item.case.case_id].reason is None]
    if drawn_on != "stored":
        return tuple(cases)
    return tuple(_orient_boxes(case, records[case.case_id]) for case in cases)


def _orient_boxes(case: Case, record: CaseRecord) -> Case:
    if case.boxes is None:
        return case
    orientation, width, height = record.orientation, record.width, record.height
    boxes = tuple(box_to_upright(box, orientation, width, height) for box in case.boxes)
    return replace(case, boxes=boxes)


def render_tables(data: CuratedData) -> dict[str, bytes]:
    """Render every table, by file name."""
    quarantined = [
        {"case_id": record.case_id, "reason": record.reason}
        for record in data.records.values()
        if record.reason is not None
    ]
    tables = {"manifest.csv": _render_manifest(data), "quarantine.csv": _render_csv(["case_id", "reason"], quarantined)}
    dataset = data.plan.dataset
    if dataset.task == "detection":
        tables["boxes.json"] = _render_coco(data.cases, data.records, dataset.classes)
        for part in PARTS if data.split_by_case else ():
            cases = [case for case in data.cases if data.split_by_case[case.case_id] == part]
            tables[f"boxes-{part}.json"] = _render_coco(cases, data.records, dataset.classes)
    return tables


def _render_manifest(data: CuratedData) -> bytes:
    dataset = data.plan.dataset
    has_column = {
        "path": True,
        "mask": any(item.mask for item in data.plan.items),
        "label": any(case.target is not None for case in data.cases),
        "group": dataset.grouped,
        "split": bool(data.split_by_case),
    }
    header = [*(name for name, used in has_column.items() if used), *data.plan.kept_columns]
    rows = []
    for case in data.cases:
        files = data.records[case.case_id].files
        values = {
            "path": next(name for name in files if name.startswith(IMAGES)),
            "mask": next((name for name in files if name.startswith(MASKS)), ""),
            "label": dataset.classes[case.target] if case.target is not None else "",
            "group": case.group_id,
            "split": data.split_by_case.get(case.case_id, ""),
            **case.metadata,
        }
        rows.append({name: values[name] for name in header})
    return _render_csv(header, rows)


def render_key_file(plan: CurationPlan) -> bytes:
    """Render pseudonym, group, original id and original file of every case."""
    header = ["case_id", "group", "original_id", "original_file"]
    rows = [(item.case.case_id, item.case.group_id, item.source_case_id, str(item.image)) for item in plan.items]
    return _render_csv(header, (dict(zip(header, row, strict=True)) for row in rows))


def _render_csv(header: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    text = StringIO()
    writer = csv.DictWriter(text, fieldnames=list(header), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    # File names that are not UTF-8 hold surrogates, which cannot be encoded.
    return text.getvalue().encode(errors="surrogateescape").decode(errors="replace").encode()


def _render_coco(cases: Sequence[Case], records: Mapping[str, CaseRecord], classes: Sequence[str]) -> bytes:
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number, case in enumerate(cases, start=1):
        record = records[case.case_id]
        (file,) = (name for name in record.files if name.startswith(IMAGES))
        size = (record.width, record.height)
        width, height = size[::-1] if record.orientation in TRANSPOSED_ORIENTATIONS else size
        name = file.removeprefix(f"{IMAGES}/")
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for box in case.boxes or ():
            annotations.append(_coco_annotation(box, len(annotations) + 1, number))
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, start=1)]
    return _render_json({"images": images, "annotations": annotations, "categories": categories})


def _coco_annotation(box: Box, number: int, image: int) -> dict[str, object]:
    return {
        "id": number,
        "image_id": image,
        "category_id": box.label + 1,
        "bbox": [box.left, box.top, box.width, box.height],
        "area": box.width * box.height,
        "iscrowd": int(box.crowd),
    }


def render_card(data: CuratedData, options: CurationOptions, digests: Mapping[str, str], *, id_length: int) -> bytes:
    """Render the card: what the folder holds and how it was curated, as JSON.

    Args:
        data: The curated cases.
        options: How they were curated.
        digests: SHA-256 of the tables, by file name.
        id_length: Number of characters of a pseudonym.
    """
    dataset, cases, records = data.plan.dataset, data.cases, data.records.values()
    removed = Counter(kind for case in cases for kind in data.records[case.case_id].removed)
    files = {name: digest for record in records for name, digest in record.files.items()}
    split = data.split
    return _render_json(
        {
            "name": dataset.name,
            "task": dataset.task,
            "classes": list(dataset.classes),
            "reading": dict(data.plan.options),
            "licence": dataset.licence,
            "source": dataset.source,
            "version": dataset.version,
            "citation": dataset.citation,
            "cases": len(cases),
            "groups": len({case.group_id for case in cases}) if dataset.grouped else None,
            "quarantined": sum(record.reason is not None for record in records),
            "left_out": dict(data.plan.unused),
            "counts": _count_labels(cases, data.split_by_case if split else {}, dataset.classes),
            "split": {"name": split.name, "digest": split.digest} if split else None,
            "removed": dict(sorted(removed.items())),
            "columns_kept": list(data.plan.kept_columns),
            "columns_dropped": list(data.plan.dropped_columns),
            "jpeg": {"quality": options.quality, "chroma": "4:4:4"},
            "colours": "sRGB, converted with the rendering intent of the profile",
            "dicom": DICOM_METHOD,
            "ids": {"method": "HMAC-SHA256 of the id, with a secret", "length": id_length},
            "text_check": options.text_check,
            "ocr": options.ocr,
            "notices": [asdict(warning) for warning in collect_warnings(records)],
            "files": {**digests, **files},
        }
    )


def _count_labels(
    cases: Iterable[Case], split_by_case: Mapping[str, str], classes: Sequence[str]
) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {part: Counter() for part in (*PARTS, "all")}
    for case in cases:
        names = [classes[index] for index in case.present_classes]
        counts["all"].update(names)
        if split_by_case:
            counts[split_by_case[case.case_id]].update(names)
    parts = (*PARTS, "all") if split_by_case else ("all",)
    return {part: {name: counts[part][name] for name in classes} for part in parts}


def _render_json(content: Mapping[str, object]) -> bytes:
    return f"{json.dumps(content, indent=1, ensure_ascii=False)}\n".encode()
