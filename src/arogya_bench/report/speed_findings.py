"""What the charts of speed and cost show, in a sentence or two, for readers who cannot see them."""

from collections.abc import Mapping, Sequence
from typing import Any

from arogya_bench.comparison.api_table import MEAN_SPANS
from arogya_bench.comparison.costs import COST
from arogya_bench.report.pareto_chart import BY_LATENCY, Price
from arogya_bench.report.wording import format_number, format_significant, is_undefined
from arogya_bench.runtime.console import plural

MAX_NAMED = 4

Row = Mapping[str, Any]
Rows = Sequence[Row]


def describe_front(rows: Rows, metric: str, *, by: Price = BY_LATENCY) -> str:
    """Which models are on the front, with both numbers, the cheapest first."""
    known = [row for row in rows if not is_undefined(row["value"]) and not is_undefined(row[by.column])]
    front = sorted((row for row in known if row[by.front]), key=lambda row: float(row[by.column]))
    if not known:
        return f"No row has both {metric} and a {by.name}."
    if all(is_undefined(row[by.front]) for row in known):
        return f"No row is considered for the front of {metric} against {by.name}{_common_reason(known)}."
    if not front:
        return f"No row is on the front of {metric} against {by.name}."
    points = [
        f"{row['model']} ({metric} {format_number(row['value'])} at {format_significant(row[by.column])} {by.unit})"
        for row in front[:MAX_NAMED]
    ]
    more = f" and {len(front) - MAX_NAMED} more" if len(front) > MAX_NAMED else ""
    return (
        f"On the front, with no other both {by.better} and better: {', '.join(points)}{more}. "
        f"{plural(len(known) - len(front), 'other row')} {'is' if len(known) - len(front) == 1 else 'are'} not."
    )


def _common_reason(rows: Rows) -> str:
    """The reason that the notes of all rows give, if there is one."""
    first, *others = [str(row.get("note") or "").split("; ") for row in rows]
    common = next((reason for reason in first if reason and all(reason in parts for parts in others)), "")
    return f", each since {common}" if common else ", for the reasons in the notes"


def describe_throughput(rows: Rows) -> str:
    """Who classifies most images per second, at which batch size, and who least."""
    best: dict[str, Row] = {}
    for row in rows:
        model = str(row["model"])
        if row["images_per_s"] and row["images_per_s"] > best.get(model, {"images_per_s": 0})["images_per_s"]:
            best[model] = row
    if not best:
        return "No throughput is measured."
    ordered = sorted(best.values(), key=lambda row: -float(row["images_per_s"]))
    first = _rate(ordered[0])
    return f"Highest: {first}." if len(ordered) == 1 else f"Highest: {first}. Lowest at its best: {_rate(ordered[-1])}."


def _rate(row: Row) -> str:
    return (
        f"{row['model']} with {format_significant(row['images_per_s'])} images per second at batch size {row['batch']}"
    )


def describe_cost(rows: Rows) -> str:
    """What is cheapest and what is dearest."""
    priced = sorted((row for row in rows if not is_undefined(row[COST])), key=lambda row: float(row[COST]))
    if not priced:
        return "No row has a cost."
    first, last = (f"{row['model']}, {format_significant(row[COST])} USD" for row in (priced[0], priced[-1]))
    return f"Cheapest for 1,000 images: {first}." + (f" Dearest: {last}." if len(priced) > 1 else "")


def describe_api_times(rows: Rows) -> str:
    """Whose answers take longest, and what most of the time goes into."""
    timed = [row for row in rows if not any(is_undefined(row[name]) for name in MEAN_SPANS)]
    if not timed:
        return "No answer is timed."
    ordered = sorted(timed, key=lambda row: sum(float(row[name]) for name in MEAN_SPANS))
    first, last = (
        f"{row['model']} with {format_significant(sum(float(row[name]) for name in MEAN_SPANS) / 1000)} s"
        for row in (ordered[0], ordered[-1])
    )
    return f"Fastest: {first} per answer." + (f" Slowest: {last}." if len(ordered) > 1 else "")
