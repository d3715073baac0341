"""Rows of tables."""

from typing import TypeAlias

from arogya_bench.statistics.intervals import Interval

TableRow: TypeAlias = dict[str, object]


def bounds(name: str) -> tuple[str, str, str]:
    """The columns of a number and of both ends of its interval."""
    return name, f"{name}.ci_low", f"{name}.ci_high"


def interval_columns(name: str, result: Interval | None) -> TableRow:
    """The columns of an estimate with its interval; None without one."""
    if result is None:
        return dict.fromkeys(bounds(name))
    return dict(zip(bounds(name), (result.estimate, result.low, result.high), strict=True))
