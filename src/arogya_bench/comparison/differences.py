"""Where a printed comparison and a recomputed one differ."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]

TOLERANCE = 1e-9  # relative; other processors may add in another order
LABEL_COLUMNS = (
    "dataset", "model", "a", "b", "condition", "augmentation", "seed", "split", "part", "class", "positive_class",
    "true", "predicted", "column", "value_name", "metric", "quantity", "kind", "source", "members", "rule", "batch",
    "bin", "threshold_probability", "decision", "case_id", "run_id",
)  # fmt: skip # what tells the rows of a table apart
SUBJECTS = ("dataset", "model", "a", "b")  # which are always named
ABSENT = "(absent)"
MAX_LENGTH = 120  # characters of a value that is shown


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One place at which two comparisons differ.

    Attributes:
        table: Name of the table, or ``about``, or the part of a page.
        row: What the row is about.
    """

    table: str
    row: str
    column: str
    printed: str
    recomputed: str

    @property
    def line(self) -> str:
        """The difference in one line."""
        place = ", ".join(part for part in (self.table, self.row, self.column) if part)
        return f"{place}: printed {self.printed}, recomputed {self.recomputed}"


def find_differences(printed: Record, recomputed: Record, *, tables: Sequence[str]) -> list[Difference]:
    """Compare ``about`` and the given tables, which both have; a name that only the printed one has is a difference."""
    unknown = [name for name in printed if name not in recomputed]
    found = [
        Difference(table=name, row="", column="", printed="a table", recomputed="no such table") for name in unknown
    ]
    found += nested_differences("about", "", printed["about"], recomputed["about"])
    for name in tables:
        found += table_differences(name, printed[name], recomputed[name])
    return found


def nested_differences(name: str, path: str, printed: object, recomputed: object) -> Iterator[Difference]:
    """Compare two JSON values; the path leads from ``name`` to them."""
    if isinstance(printed, Mapping) and isinstance(recomputed, Mapping):
        for key in dict.fromkeys([*printed, *recomputed]):
            below = f"{path}.{key}" if path else str(key)
            yield from nested_differences(name, below, printed.get(key, ABSENT), recomputed.get(key, ABSENT))
    elif isinstance(printed, list) and isinstance(recomputed, list) and len(printed) == len(recomputed):
        for place, (one, other) in enumerate(zip(printed, recomputed, strict=True)):
            yield from nested_differences(name, f"{path}[{place}]", one, other)
    elif not is_equal(printed, recomputed):
        yield Difference(table=name, row="", column=path, printed=_show(printed), recomputed=_show(recomputed))


def table_differences(
    name: str, printed: Sequence[Record], recomputed: Sequence[Record], *, columns: Sequence[str] | None = None
) -> Iterator[Difference]:
    """Compare two tables row by row; rows that only one of them has are named.

    Args:
        name: Of the table.
        printed: Its rows.
        recomputed: The rows that it should have.
        columns: The only columns to compare; None for all.
    """
    labels = _label_columns(recomputed or printed)
    ours, theirs = _by_label(printed, labels), _by_label(recomputed, labels)
    if len(printed) == len(recomputed) and ours.keys() != theirs.keys():
        theirs = dict(zip(ours, recomputed, strict=True))  # a name was changed: the rows still stand in their order
    for label in dict.fromkeys([*ours, *theirs]):
        if label not in theirs or label not in ours:
            states = ("a row", "no such row") if label in ours else ("no such row", "a row")
            yield Difference(table=name, row=label, column="", printed=states[0], recomputed=states[1])
            continue
        yield from _row_differences(name, label, (ours[label], theirs[label]), columns)


def _row_differences(
    name: str, label: str, rows: tuple[Record, Record], columns: Sequence[str] | None
) -> Iterator[Difference]:
    printed, recomputed = rows
    for column in dict.fromkeys([*printed, *recomputed]) if columns is None else columns:
        one, other = printed.get(column, ABSENT), recomputed.get(column, ABSENT)
        if not is_equal(one, other):
            yield Difference(table=name, row=label, column=column, printed=_show(one), recomputed=_show(other))


def is_equal(one: object, other: object) -> bool:
    """Whether two JSON values are equal; numbers within the rounding of an addition in another order."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_equal, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_equal(one[key], other[key]) for key in one)
    if _is_number(one) and _is_number(other):
        return math.isclose(float(str(one)), float(str(other)), rel_tol=TOLERANCE, abs_tol=1e-12)
    return type(one) is type(other) and one == other


def count_numbers(value: object) -> int:
    """How many numbers a JSON value holds."""
    if isinstance(value, Mapping):
        return sum(map(count_numbers, value.values()))
    if isinstance(value, list):
        return sum(map(count_numbers, value))
    return int(_is_number(value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _label_columns(rows: Sequence[Record]) -> list[str]:
    """The columns that tell the rows apart, and those that say what they are about."""
    chosen: list[str] = []
    apart = 1
    for column in LABEL_COLUMNS:
        distinct = len({tuple(str(row.get(name)) for name in (*chosen, column)) for row in rows})
        if distinct > apart or column in SUBJECTS:
            chosen.append(column)
            apart = distinct
    return chosen


def _by_label(rows: Sequence[Record], columns: Sequence[str]) -> dict[str, Record]:
    """The rows by what they are about; a number tells those apart that are about the same."""
    counts: Counter[str] = Counter()
    labelled = {}
    for row in rows:
        label = ", ".join(str(row[column]) for column in columns if row.get(column) not in (None, ""))
        counts[label] += 1
        labelled[label if counts[label] == 1 else f"{label} ({counts[label]})"] = row
    return labelled


def _show(value: object) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= MAX_LENGTH else f"{text[: MAX_LENGTH - 1]}…"
