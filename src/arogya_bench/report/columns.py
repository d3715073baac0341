"""Columns of the tables of a report: a header, and how to format a cell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from arogya_bench.comparison.costs import API, LOCAL
from arogya_bench.comparison.measurement_notes import NOT_MEASURED
from arogya_bench.report.wording import (
    format_measured,
    format_number,
    format_p_value,
    format_percent,
    format_significant,
    format_with_interval,
    is_undefined,
)

Row = Mapping[str, Any]
MARKED, GREY = "marked", "grey"  # tones of numbers that were measured under doubtful and under bad conditions
NO_GRADE = "(no grade)"
TONES = {"A": "", "B": "", "C": MARKED}  # by grade of the environment; other grades are grey


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell of a table: its text and how it is to look."""

    text: str
    tone: str = ""
    wraps: bool = False


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        header: With the unit, if any.
        format_cell: Formats the cell of a row.
        detail: Whether the brief form of a table omits the column.
        brief: What the brief form of a table shows instead.
        tone_of: How the cell of a row is to look: empty, ``MARKED`` or ``GREY``.
        wraps: Whether a cell holds sentences, which may take several lines.
    """

    header: str
    format_cell: Callable[[Any], str]
    detail: bool = False
    brief: "Column | None" = None
    tone_of: Callable[[Any], str] = lambda _: ""
    wraps: bool = False

    def cell(self, record: Any) -> "Cell":
        """The cell of a row."""
        return Cell(text=self.format_cell(record), tone=self.tone_of(record), wraps=self.wraps)


def text(key: str, header: str | None = None) -> Column:
    """A column of text, empty where the row has none."""
    return Column(header=header or key, format_cell=lambda row: "" if row.get(key) is None else str(row[key]))


def number(key: str, header: str | None = None, *, digits: int = 3) -> Column:
    """A column of numbers with a fixed number of digits."""
    return Column(header=header or key, format_cell=lambda row: format_number(row[key], digits=digits))


def percent(key: str, header: str) -> Column:
    """A column of fractions, shown as percentages."""
    return Column(header=header, format_cell=lambda row: format_percent(row[key]))


def p_value(key: str, header: str, *, detail: bool = False) -> Column:
    """A column of p-values."""
    return Column(header=header, format_cell=lambda row: format_p_value(row[key]), detail=detail)


def interval(key: str, header: str | None = None, *, signed: bool = False, brief: Column | None = None) -> Column:
    """A column of estimates with their 95 % intervals."""
    return Column(
        header=f"{header or key} [95 % CI]",
        format_cell=lambda row: format_with_interval(row, key, signed=signed),
        brief=brief,
    )


def grade_tone(grade: object) -> str:
    """How numbers look that were measured in an environment of a grade; none at all is a bad one."""
    return TONES.get(str(grade), GREY)


def measured(key: str, header: str, *, grade: str = "grade", detail: bool = False, bounds: bool = True) -> Column:
    """A column of measured numbers that look as the grade of their environment demands.

    Args:
        key: Of the number; its bounds are beside it.
        header: With the unit.
        grade: Column of the grade; None in it means that the number was not measured, such as the price of an API.
        detail: Whether the brief form of the table omits the column.
        bounds: Whether to show the interval.
    """

    def tone(row: Row) -> str:
        return "" if is_undefined(row.get(key)) or row.get(grade) is None else grade_tone(row.get(grade))

    def format_cell(row: Row) -> str:
        return format_measured(row, key, bounds=bounds)

    return Column(header=header, format_cell=format_cell, tone_of=tone, detail=detail)


def latency(key: str, header: str, *, grade: str = "grade", detail: bool = False, bounds: bool = True) -> Column:
    """A column of latencies with the grade beside each; says why there is none."""

    def format_cell(row: Row) -> str:
        if not is_undefined(row.get(key)):
            return format_measured(row, key, grade=row.get(grade) or NO_GRADE, bounds=bounds)
        if row.get(grade) is None:
            return NOT_MEASURED
        requests = row.get("pyfunc_requests" if key.startswith("pyfunc") else "requests")
        return "n/a" if is_undefined(requests) else f"n/a (n={float(str(requests)):.0f})"

    def tone(row: Row) -> str:
        return "" if is_undefined(row.get(key)) else grade_tone(row.get(grade))

    brief = latency(key, header, grade=grade, bounds=False) if bounds else None
    return Column(header=header, format_cell=format_cell, tone_of=tone, detail=detail, brief=brief)


def local_only(column: Column) -> Column:
    """A column that says ``API`` for models behind APIs, whose numbers are not to be set beside local ones."""

    def format_cell(row: Row) -> str:
        return column.format_cell(row) if row.get("kind", LOCAL) == LOCAL else API

    def tone(row: Row) -> str:
        return column.tone_of(row) if row.get("kind", LOCAL) == LOCAL else ""

    brief = None if column.brief is None else local_only(column.brief)
    return replace(column, format_cell=format_cell, tone_of=tone, brief=brief)


def amount(key: str, header: str) -> Column:
    """A column of amounts that no disturbance of the machine changes."""
    return Column(header=header, format_cell=lambda row: format_significant(row.get(key)))


def model_name(row: Row) -> str:
    """The model that a row is about."""
    return str(row["model"])


def any_value(rows: Sequence[Row], column: str) -> bool:
    """Whether a column is there and holds a value."""
    return any(not is_undefined(row.get(column)) for row in rows)
