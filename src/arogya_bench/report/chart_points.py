"""Points of a chart from rows of a table, and notes on what has no place in it."""

from collections.abc import Mapping, Sequence
from typing import Any

from arogya_bench.figures import theme


def chart_point(row: Mapping[str, Any], column: str, **fields: object) -> dict[str, Any]:
    """The value of a column with the ends of its interval, and other fields."""
    return {"value": row[column], "low": row[f"{column}.ci_low"], "high": row[f"{column}.ci_high"], **fields}


def omission_notes(points: Sequence[dict[str, Any]]) -> list[str]:
    """Which points have no value, and which no interval."""
    return [
        theme.format_list("Undefined", [point["name"] for point in points if point["value"] is None]),
        theme.format_list(
            "No interval", [point["name"] for point in points if point["value"] is not None and point["low"] is None]
        ),
    ]
