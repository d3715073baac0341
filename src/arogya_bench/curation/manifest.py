"""The tables and the card of a curated folder, all in a fixed order and without a time."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from io import StringIO

from arogya_bench.curation.case_files import IMAGES, MASKS, Recipe
from arogya_bench.curation.journal import Record
from arogya_bench.curation.notices import notices
from arogya_bench.curation.plan import Plan
from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.datasets.splits import Split
from arogya_bench.deidentification.orientation import SIDEWAYS, upright_box
from arogya_bench.deidentification.pseudonyms import Pseudonyms
from arogya_bench.types import Box, Case


def curated_cases(
    plan: Plan, records: Mapping[str, Record], drawn_on: str | None
) -> tuple[Case, ...]:
    """The cases that were written, with boxes where they lie in the upright images."""
    good = [task.case for task in plan.tasks if records[task.case.case_id].reason is None]
    if drawn_on != "stored":
        return tuple(good)
    return tuple(_turned(case, records[case.case_id]) for case in good)


def _turned(case: Case, record: Record) -> Case:
    if case.boxes is None:
        return case
    turn = record.orientation
    boxes = tuple(upright_box(box, turn, record.width, record.height) for box in case.boxes)
    return replace(case, boxes=boxes)


def tables(
    plan: Plan, cases: Sequence[Case], records: Mapping[str, Record], homes: Mapping[str, str]
) -> dict[str, bytes]:
    """The text of every table, by the name of its file.

    Args:
        plan: Of the run.
        cases: That were written, in the order of their ids.
        records: Of all cases.
        homes: Case id to part of the split; empty without one.
    """
    files = {"manifest.csv": _manifest(plan, cases, records, homes)}
    lost = [record for record in records.values() if record.reason is not None]
    rows = [{"case_id": record.case_id, "reason": str(record.reason)} for record in lost]
    files["quarantine.csv"] = _csv(["case_id", "reason"], rows)
    if plan.dataset.task == "detection":
        classes = plan.dataset.classes
        files["boxes.json"] = _coco(cases, records, classes)
        for part in PARTS if homes else ():
            own = [case for case in cases if homes[case.case_id] == part]
            files[f"boxes-{part}.json"] = _coco(own, records, classes)
    return files


def _manifest(
    plan: Plan, cases: Sequence[Case], records: Mapping[str, Record], homes: Mapping[str, str]
) -> bytes:
    dataset = plan.dataset
    masked = any(task.mask for task in plan.tasks)
    labelled = any(case.target is not None for case in cases)
    columns = {
        "path": True,
        "mask": masked,
        "label": labelled,
        "group": dataset.grouped,
        "split": bool(homes),
    }
    header = [*(name for name, there in columns.items() if there), *plan.kept]
    rows = []
    for case in cases:
        files = records[case.case_id].files
        values = {
            "path": next(name for name in files if name.startswith(IMAGES)),
            "mask": next((name for name in files if name.startswith(MASKS)), ""),
            "label": dataset.classes[case.target] if case.target is not None else "",
            "group": case.group_id,
            "split": homes.get(case.case_id, ""),
            **case.metadata,
        }
        rows.append({name: values[name] for name in header})
    return _csv(header, rows)


def _csv(header: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    text = StringIO()
    table = csv.DictWriter(text, fieldnames=list(header), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode()


def _coco(cases: Sequence[Case], records: Mapping[str, Record], classes: Sequence[str]) -> bytes:
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number, case in enumerate(cases, start=1):
        record = records[case.case_id]
        (file,) = (name for name in record.files if name.startswith(IMAGES))
        size = (record.width, record.height)
        width, height = size[::-1] if record.orientation in SIDEWAYS else size
        name = file.removeprefix(f"{IMAGES}/")
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for box in case.boxes or ():
            annotations.append(_annotation(box, len(annotations) + 1, number))
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, start=1)]
    return _json({"images": images, "annotations": annotations, "categories": categories})


def _annotation(box: Box, number: int, image: int) -> dict[str, object]:
    return {
        "id": number,
        "image_id": image,
        "category_id": box.label + 1,
        "bbox": [box.left, box.top, box.width, box.height],
        "area": box.width * box.height,
        "iscrowd": int(box.crowd),
    }


def card(
    plan: Plan,
    cases: Sequence[Case],
    records: Mapping[str, Record],
    split: Split | None,
    *,
    names: Pseudonyms,
    recipe: Recipe,
    digests: Mapping[str, str],
) -> bytes:
    """What the folder holds, and what was done to it, as JSON.

    Args:
        plan: Of the run.
        cases: That were written.
        records: Of all cases.
        split: None if it was not divided.
        names: Only the length of its names is told.
        recipe: How files were written.
        digests: Of the tables, by file.
    """
    dataset = plan.dataset
    homes = (
        {c.case_id: part for part, own in split.parts.items() for c in own.cases} if split else {}
    )
    removed: Counter[str] = Counter()
    for case in cases:
        removed.update(records[case.case_id].removed.keys())
    return _json(
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
            "counts": _counts(cases, homes, dataset.classes),
            "split": {"name": split.name, "digest": split.digest} if split else None,
            "removed": dict(sorted(removed.items())),
            "columns_kept": list(plan.kept),
            "columns_dropped": list(plan.dropped),
            "jpeg": {"quality": recipe.quality, "chroma": "4:4:4"},
            "colours": "sRGB, converted with the intent that the profile states",
            "dicom": "basic application level confidentiality profile (PS3.15 table E.1-1); dates "
            "removed, not shifted; UIDs replaced by keyed ones; kept is only what shows the pixels",
            "ids": {"method": "HMAC-SHA256 of the id, with a secret", "length": names.length},
            "text_check": recipe.text_check,
            "ocr": recipe.ocr,
            "notices": [asdict(notice) for notice in notices(records.values())],
            "files": {**digests, **dict(_digests(records))},
        }
    )


def _counts(
    cases: Iterable[Case], homes: Mapping[str, str], classes: Sequence[str]
) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {part: Counter() for part in (*PARTS, "all")}
    for case in cases:
        seen = [classes[each] for each in case.present]
        counts["all"].update(seen)
        if homes:
            counts[homes[case.case_id]].update(seen)
    used = (*PARTS, "all") if homes else ("all",)
    return {part: {name: counts[part][name] for name in classes} for part in used}


def _digests(records: Mapping[str, Record]) -> Iterator[tuple[str, str]]:
    for record in records.values():
        yield from record.files.items()


def _json(content: Mapping[str, object]) -> bytes:
    return f"{json.dumps(content, indent=1, ensure_ascii=False)}\n".encode()
