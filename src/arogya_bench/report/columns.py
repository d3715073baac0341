"""Columns of the tables of a report: a header, and how to format a cell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from arogya_bench.report.wording import format_number, format_p_value, format_percent, format_with_interval

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        header: With the unit, if any.
        format_cell: Formats the cell of a row.
        detail: Whether the brief form of a table omits the column.
        brief: What the brief form of a table shows instead.
    """

    header: str
    format_cell: Callable[[Any], str]
    detail: bool = False
    brief: "Column | None" = None


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
