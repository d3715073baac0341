"""What the charts of one model show, in a sentence or two, for readers who cannot see them."""

from collections.abc import Mapping, Sequence
from typing import Any

from arogya_bench.analysis.confusion import NO_ANSWER
from arogya_bench.report.wording import format_number, format_percent, is_undefined
from arogya_bench.runtime.console import plural

Row = Mapping[str, Any]
Rows = Sequence[Row]


def describe_roc(rows: Rows) -> str:
    """The AUROC of the class that is told apart best, and worst."""
    areas = {str(row["class"]): float(row["auroc"]) for row in rows if not is_undefined(row["auroc"])}
    if not areas:
        return "No class has a ROC curve."
    best, worst = max(areas, key=lambda name: areas[name]), min(areas, key=lambda name: areas[name])
    if best == worst:
        return f"The AUROC of {best} is {format_number(areas[best])}."
    return (
        f"{best} is told apart best, with an AUROC of {format_number(areas[best])}, and {worst} worst, with "
        f"{format_number(areas[worst])}."
    )


def describe_reliability(rows: Rows) -> str:
    """In how many bins the probability lies within the interval, and where it is farthest off."""
    bins = [row for row in rows if not is_undefined(row["observed"])]
    if not bins:
        return "No bin has a case."
    known = [row for row in bins if not is_undefined(row["observed.ci_low"])]
    outside = [row for row in known if not row["observed.ci_low"] <= row["probability"] <= row["observed.ci_high"]]
    within = (
        f"In {len(known) - len(outside)} of {len(known)} bins the mean probability lies within the interval of what is "
        "observed."
    )
    if not outside:
        return within
    worst = max(outside, key=lambda row: abs(row["probability"] - row["observed"]))
    side = "too high" if worst["probability"] > worst["observed"] else "too low"
    return (
        f"{within} It is farthest off, and {side}, at {format_number(worst['probability'], digits=2)}, where "
        f"{format_percent(worst['observed'])} are observed in {plural(round(worst['cases']), 'case')}."
    )


def describe_confusion(rows: Rows) -> str:
    """How many cases are right, and the most frequent mistake."""
    total = sum(float(row["count"]) for row in rows)
    if not total:
        return "There is no case."
    right = sum(float(row["count"]) for row in rows if row["true"] == row["predicted"])
    silent = sum(float(row["count"]) for row in rows if row["predicted"] == NO_ANSWER)
    mistakes = [row for row in rows if row["true"] != row["predicted"] and row["predicted"] != NO_ANSWER]
    unanswered = f" {format_cases(silent)} have no answer." if silent else ""
    sentence = f"{format_cases(right)} of {format_cases(total)} cases are right."
    worst = max(mistakes, key=lambda row: float(row["count"]), default=None)
    if worst is None or not worst["count"]:
        return f"{sentence}{unanswered}"
    share = "" if is_undefined(worst["share"]) else f", {format_percent(worst['share'])} of that class"
    return (
        f"{sentence}{unanswered} The most frequent mistake is {worst['predicted']} for "
        f"{worst['true']}: {format_cases(worst['count'])} cases{share}."
    )


def format_cases(count: object) -> str:
    """Format a number of cases, which as a mean over seeds need not be whole."""
    cases = float(str(count))
    return f"{cases:,.0f}" if cases.is_integer() else f"{cases:,.1f}"
