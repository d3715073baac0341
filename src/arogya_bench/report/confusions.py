"""Confusion matrices as the cells of a chart; those of many classes are cut down to what it can show."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from arogya_bench.analysis.confusion import NO_ANSWER

MAX_CLASSES = 12

Row = Mapping[str, Any]
Counts = Mapping[tuple[str, str], float]


def confusion_cells(rows: Sequence[Row]) -> tuple[list[dict[str, Any]], int]:
    """The cells to draw, row by row, and how many classes are left out.

    Of more than twelve classes, those with the most wrong answers are kept, and one column counts the answers with
    another class. Cases without an answer keep their column. Cells that the table leaves out hold no case.
    """
    counts = {(str(row["true"]), str(row["predicted"])): float(row["count"]) for row in rows}
    classes = list(dict.fromkeys(true for true, _ in counts))
    kept = _most_confused(counts, classes)
    others = [name for name in dict.fromkeys(answer for _, answer in counts) if name not in (*kept, NO_ANSWER)]
    sources = {name: [name] for name in kept}
    if others:
        sources[f"({len(others)} others)"] = others
    if any(answer == NO_ANSWER for _, answer in counts):
        sources[NO_ANSWER] = [NO_ANSWER]
    cells = []
    for true in kept:
        total = sum(count for (name, _), count in counts.items() if name == true)
        for column, names in sources.items():
            count = sum(counts.get((true, name), 0.0) for name in names)
            share = count / total if total else None
            cells.append({"true": true, "predicted": column, "count": count, "share": share})
    return cells, len(classes) - len(kept)


def _most_confused(counts: Counts, classes: Sequence[str]) -> list[str]:
    """The classes with the most wrong answers, in their order."""
    if len(classes) <= MAX_CLASSES:
        return list(classes)
    wrong: dict[str, float] = defaultdict(float)
    for (true, answer), count in counts.items():
        if true != answer:
            wrong[true] += count
            wrong[answer] += count
    kept = sorted(classes, key=lambda name: -wrong[name])[:MAX_CLASSES]
    return [name for name in classes if name in kept]
