"""The tables and the card of a curated folder, all in a fixed order and without a time."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from io import StringIO

from arogya_bench.curation.case_files import IMAGES, MASKS, CleaningOptions
from arogya_bench.curation.journal import Record
from arogya_bench.curation.notices import collect_warnings
from arogya_bench.curation.plan import CurationPlan
from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.datasets.splits import DatasetSplit
from arogya_bench.deidentification.orientation import TRANSPOSED_ORIENTATIONS, box_to_upright
from arogya_bench.deidentification.pseudonyms import Pseudonyms
from arogya_bench.types import Box, Case


def curated_cases(
    plan: CurationPlan, records: Mapping[str, Record], drawn_on: str | None
) -> tuple[Case, ...]:
    """The cases that were written, with boxes where they lie in the upright images."""
    good = [task.case for task in plan.items if records[task.case.case_id].reason is None]
    if drawn_on != "stored":
        return tuple(good)
    return tuple(_orient_boxes(case, records[case.case_id]) for case in good)


def _orient_boxes(case: Case, record: Record) -> Case:
    if case.boxes is None:
        return case
    turn = record.orientation
    boxes = tuple(box_to_upright(box, turn, record.width, record.height) for box in case.boxes)
    return replace(case, boxes=boxes)


def render_tables(
    plan: CurationPlan,
    cases: Sequence[Case],
    records: Mapping[str, Record],
    split_by_case: Mapping[str, str],
) -> dict[str, bytes]:
    """The text of every table, by the name of its file.

    Args:
        plan: Of the run.
        cases: That were written, in the order of their ids.
        records: Of all cases.
        split_by_case: Case id to part of the split; empty without one.
    """
    files = {"manifest.csv": _render_manifest(plan, cases, records, split_by_case)}
    lost = [record for record in records.values() if record.reason is not None]
    rows = [{"case_id": record.case_id, "reason": str(record.reason)} for record in lost]
    files["quarantine.csv"] = _render_csv(["case_id", "reason"], rows)
    if plan.dataset.task == "detection":
        classes = plan.dataset.classes
        files["boxes.json"] = _render_coco(cases, records, classes)
        for part in PARTS if split_by_case else ():
            own = [case for case in cases if split_by_case[case.case_id] == part]
            files[f"boxes-{part}.json"] = _render_coco(own, records, classes)
    return files


def _render_manifest(
    plan: CurationPlan,
    cases: Sequence[Case],
    records: Mapping[str, Record],
    split_by_case: Mapping[str, str],
) -> bytes:
    dataset = plan.dataset
    masked = any(task.mask for task in plan.items)
    labelled = any(case.target is not None for case in cases)
    columns = {
        "path": True,
        "mask": masked,
        "label": labelled,
        "group": dataset.grouped,
        "split": bool(split_by_case),
    }
    header = [*(name for name, there in columns.items() if there), *plan.kept_columns]
    rows = []
    for case in cases:
        files = records[case.case_id].files
        values = {
            "path": next(name for name in files if name.startswith(IMAGES)),
            "mask": next((name for name in files if name.startswith(MASKS)), ""),
            "label": dataset.classes[case.target] if case.target is not None else "",
            "group": case.group_id,
            "split": split_by_case.get(case.case_id, ""),
            **case.metadata,
        }
        rows.append({name: values[name] for name in header})
    return _render_csv(header, rows)


def _render_csv(header: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    text = StringIO()
    table = csv.DictWriter(text, fieldnames=list(header), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode()


def _render_coco(
    cases: Sequence[Case], records: Mapping[str, Record], classes: Sequence[str]
) -> bytes:
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


def render_card(
    plan: CurationPlan,
    cases: Sequence[Case],
    records: Mapping[str, Record],
    split: DatasetSplit | None,
    *,
    pseudonyms: Pseudonyms,
    cleaning_options: CleaningOptions,
    digests: Mapping[str, str],
) -> bytes:
    """What the folder holds, and what was done to it, as JSON.

    Args:
        plan: Of the run.
        cases: That were written.
        records: Of all cases.
        split: None if it was not divided.
        pseudonyms: Only the length of its names is told.
        cleaning_options: How files were written.
        digests: Of the tables, by file.
    """
    dataset = plan.dataset
    homes = (
        {c.case_id: part for part, own in split.parts.items() for c in own.cases} if split else {}
    )
    removed: Counter[str] = Counter()
    for case in cases:
        removed.update(records[case.case_id].removed.keys())
    return _render_json(
        {
            "name": dataset.name,
            "task": dataset.task,
            "classes": list(dataset.classes),
            "reading": dict(plan.options),
            "licence": dataset.licence,
            "source": dataset.source,
            "version": dataset.version,
            "citation": dataset.citation,
            "cases": len(cases),
            "groups": len({case.group_id for case in cases}) if dataset.grouped else None,
            "quarantined": sum(record.reason is not None for record in records.values()),
            "left_out": dict(plan.unused),
            "counts": _count_labels(cases, homes, dataset.classes),
            "split": {"name": split.name, "digest": split.digest} if split else None,
            "removed": dict(sorted(removed.items())),
            "columns_kept": list(plan.kept_columns),
            "columns_dropped": list(plan.dropped_columns),
            "jpeg": {"quality": cleaning_options.quality, "chroma": "4:4:4"},
            "colours": "sRGB, converted with the intent that the profile states",
            "dicom": "basic application level confidentiality profile (PS3.15 table E.1-1); dates "
            "removed, not shifted; UIDs replaced by keyed ones; kept is only what shows the pixels",
            "ids": {"method": "HMAC-SHA256 of the id, with a secret", "length": pseudonyms.length},
            "text_check": cleaning_options.text_check,
            "ocr": cleaning_options.ocr,
            "notices": [asdict(notice) for notice in collect_warnings(records.values())],
            "files": {**digests, **dict(_file_digests(records))},
        }
    )


def _count_labels(
    cases: Iterable[Case], split_by_case: Mapping[str, str], classes: Sequence[str]
) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {part: Counter() for part in (*PARTS, "all")}
    for case in cases:
        seen = [classes[each] for each in case.present_classes]
        counts["all"].update(seen)
        if split_by_case:
            counts[split_by_case[case.case_id]].update(seen)
    used = (*PARTS, "all") if split_by_case else ("all",)
    return {part: {name: counts[part][name] for name in classes} for part in used}


def _file_digests(records: Mapping[str, Record]) -> Iterator[tuple[str, str]]:
    for record in records.values():
        yield from record.files.items()


def _render_json(content: Mapping[str, object]) -> bytes:
    return f"{json.dumps(content, indent=1, ensure_ascii=False)}\n".encode()
