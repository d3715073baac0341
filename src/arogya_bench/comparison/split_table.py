"""The table of splits: the cases and patients of each class that models learnt from, and were tuned and tested on."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.datasets.split_files import EXCLUDED
from arogya_bench.tracking.artifacts import find_artifacts
from arogya_bench.tracking.tags import IMPORTED_FROM, SPLIT
from arogya_bench.types import Predictions

SPLIT_COLUMNS = ("dataset", "split", "part", "class", "cases", "groups", "note")
ALL_CLASSES = "(all)"
SPLIT_FILE = "split.csv"
ONLY_TESTED = "the runs store no split, so that only the test cases are known"


def split_rows(block: ComparableRuns, study: Study | None) -> list[TableRow]:
    """Cases and groups by part of the split and class, from the split that the runs store; ``(all)`` is every case.

    Of a cross-validation one split per fold. Groups are None where the dataset names no patients. An image of a
    detection dataset counts for each class that it shows. Of imported runs, only the test cases are known.
    """
    readers = [run for run in block.all_runs if IMPORTED_FROM not in run.tags]
    newest = {run.tags.get(SPLIT, ""): run for run in sorted(readers, key=lambda run: (run.start_time, run.run_id))}
    found = find_artifacts(list(newest.values()), SPLIT_FILE, _parse, uri=block.store.uri)
    stored = sorted((name, table) for name, table in zip(newest, found, strict=True) if table is not None)
    if not stored:
        return list(_tested_rows(block, study))
    classes = study.cases.class_names if study else ()
    return [
        {"dataset": block.dataset, "split": name, **row, "note": ""}
        for name, table in stored
        for row in _count_parts(table, classes, grouped=block.grouped)
    ]


def _parse(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _count_parts(table: pd.DataFrame, classes: Sequence[str], *, grouped: bool) -> Iterator[TableRow]:
    for part in (*PARTS, EXCLUDED):
        cases = table[table["split"] == part]
        if part == EXCLUDED and cases.empty:
            continue
        yield _row(part, ALL_CLASSES, cases, grouped=grouped)
        labels = cases["label"]
        shown = {label: _classes_of(label, classes) for label in labels.unique()}
        names = classes or sorted({name for found in shown.values() for name in found})
        for name in names:
            yield _row(part, name, cases[labels.isin([k for k in shown if name in shown[k]])], grouped=grouped)


def _row(part: str, name: str, cases: pd.DataFrame, *, grouped: bool) -> TableRow:
    groups = int(cases["group_id"].nunique()) if grouped else None
    return {"part": part, "class": name, "cases": len(cases), "groups": groups}


def _classes_of(label: str, classes: Sequence[str]) -> frozenset[str]:
    """The class of a case, or the classes that an image shows, whose names stand with spaces between them."""
    if not classes or label in classes:
        return frozenset([label] if label else [])
    longest_first = sorted(classes, key=len, reverse=True)
    return frozenset(re.findall("|".join(map(re.escape, longest_first)), label))


def _tested_rows(block: ComparableRuns, study: Study | None) -> Iterator[TableRow]:
    if study is None:
        return
    predictions, names = study.cases.predictions, study.cases.class_names
    if isinstance(predictions, Predictions):
        labels = [names[target] for target in predictions.targets]
        cases = pd.DataFrame({"group_id": predictions.group_ids, "label": labels, "split": "test"})
    else:
        shown = [" ".join(names[k] for k in sorted({box.label for box in boxes})) for boxes in predictions.truth]
        cases = pd.DataFrame({"group_id": predictions.group_ids, "label": shown, "split": "test"})
    for row in _count_parts(cases, names, grouped=block.grouped):
        if row["part"] == "test":
            yield {"dataset": block.dataset, "split": block.split, **row, "note": ONLY_TESTED}
