"""Columns of the tables of a report: a header, and how to format a cell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from arogya_bench.comparison.costs import API, LOCAL
from arogya_bench.comparison.measurement_notes import NOT_MEASURED
from arogya_bench.report.wording import (
    UNDEFINED,
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
EMPTY_TEXTS = ("", UNDEFINED, NOT_MEASURED)
NO_VALUE = "no row has a value"
TONES = {"A": "", "B": "", "C": MARKED}  # by grade of the environment; other grades are grey


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link to a run in MLflow, or to a place of the report.

    Attributes:
        text: What is shown.
        run_id: Of the run; empty for a place of the report.
        anchor: Of the place; empty for a run.
    """

    text: str
    run_id: str = ""
    anchor: str = ""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell of a table: its text, how it is to look, and what it is sorted by.

    Attributes:
        sort: A number or a text; None for a cell without a value.
        links: To the runs that the cell rests on.
        image: A data URI; empty for none.
    """

    text: str
    tone: str = ""
    wraps: bool = False
    sort: float | str | None = None
    links: tuple[Link, ...] = ()
    image: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the cell holds no value."""
        return self.text in EMPTY_TEXTS and not self.links and not self.image


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
        prose: Whether the report says these sentences, and the titles in links, in the words of its language.
        numeric: Whether the cells are numbers, which are aligned to the right.
        key: Of the number in a row, to sort by; empty sorts by the text.
        term: The metric or term that the glossary explains; empty for none.
        verbatim: Whether the header is a name, such as that of a model, which no wording changes.
        empty_reason: Why the column has no value, said if it is left out for that.
        links_of: The links of the cell of a row.
        image_of: The image of the cell of a row, as a data URI.
    """

    header: str
    format_cell: Callable[[Any], str]
    detail: bool = False
    brief: "Column | None" = None
    tone_of: Callable[[Any], str] = lambda _: ""
    wraps: bool = False
    prose: bool = False
    numeric: bool = False
    key: str = ""
    term: str = ""
    verbatim: bool = False
    empty_reason: str = NO_VALUE
    links_of: Callable[[Any], tuple[Link, ...]] = lambda _: ()
    image_of: Callable[[Any], str] = lambda _: ""

    def cell(self, record: Any) -> "Cell":
        """The cell of a row."""
        return Cell(
            text=self.format_cell(record),
            tone=self.tone_of(record),
            wraps=self.wraps,
            sort=self._sort_value(record),
            links=self.links_of(record),
            image=self.image_of(record),
        )

    def _sort_value(self, record: Any) -> float | str | None:
        if not self.key:
            return self.format_cell(record)
        value = record.get(self.key)
        return None if is_undefined(value) or isinstance(value, str) else float(value)


def text(key: str, header: str | None = None) -> Column:
    """A column of text, empty where the row has none."""
    return Column(header=header or key, format_cell=lambda row: "" if row.get(key) is None else str(row[key]))


def number(key: str, header: str | None = None, *, digits: int = 3) -> Column:
    """A column of numbers with a fixed number of digits."""
    return Column(
        header=header or key,
        format_cell=lambda row: format_number(row[key], digits=digits),
        numeric=True,
        key=key,
        term=key,
    )


def percent(key: str, header: str) -> Column:
    """A column of fractions, shown as percentages."""
    return Column(header=header, format_cell=lambda row: format_percent(row[key]), numeric=True, key=key, term=key)


def p_value(key: str, header: str, *, detail: bool = False) -> Column:
    """A column of p-values."""
    return Column(
        header=header, format_cell=lambda row: format_p_value(row[key]), detail=detail, numeric=True, key=key, term=key
    )


def interval(key: str, header: str | None = None, *, signed: bool = False, brief: Column | None = None) -> Column:
    """A column of estimates with their 95 % intervals."""
    return Column(
        header=f"{header or key} [95 % CI]",
        format_cell=lambda row: format_with_interval(row, key, signed=signed),
        brief=brief,
        numeric=True,
        key=key,
        term=key,
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

    return Column(header=header, format_cell=format_cell, tone_of=tone, detail=detail, numeric=True, key=key, term=key)


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
    return Column(
        header=header,
        format_cell=format_cell,
        tone_of=tone,
        detail=detail,
        brief=brief,
        numeric=True,
        key=key,
        term=key,
        empty_reason=NOT_MEASURED,
    )


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
    return Column(
        header=header, format_cell=lambda row: format_significant(row.get(key)), numeric=True, key=key, term=key
    )


def model_name(row: Row) -> str:
    """The model that a row is about."""
    return str(row["model"])


def any_value(rows: Sequence[Row], column: str) -> bool:
    """Whether a column is there and holds a value."""
    return any(not is_undefined(row.get(column)) for row in rows)
