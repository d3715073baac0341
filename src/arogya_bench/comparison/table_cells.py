"""The numbers in the cells of a row, and how sentences say them."""

from math import floor, log10

from arogya_bench.analysis.table_rows import TableRow, bounds


def number(row: TableRow, column: str) -> float:
    """The number in a cell, which has one."""
    return float(str(row[column]))


def short(value: object, *, of: object = None) -> str:
    """Three significant digits (of another number, for the ends of its interval), and every digit before the point."""
    scale = abs(float(str(value if of is None else of)))
    decimals = max(0, 2 - floor(log10(scale))) if scale > 0 else 0
    return f"{float(str(value)):,.{decimals}f}"


def with_interval(row: TableRow, column: str) -> str:
    """A number with its interval, if it has one."""
    value, low, high = (row.get(key) for key in bounds(column))
    if low is None or high is None:
        return short(value)
    return f"{short(value)} [{short(low, of=value)}, {short(high, of=value)}]"
