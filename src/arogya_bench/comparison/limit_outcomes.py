"""The outcome of one limit for one model, and the sentence that says it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from arogya_bench.analysis.judgement import Judgement
from arogya_bench.analysis.needed_data import MAX_FACTOR
from arogya_bench.analysis.table_rows import TableRow, bounds
from arogya_bench.comparison.requirements import Limit
from arogya_bench.comparison.table_cells import short
from arogya_bench.runtime.console import plural
from arogya_bench.statistics.limit_tests import Verdict, judge_limit

ELIGIBLE, EXCLUDED, UNDECIDED = "eligible", "excluded", "undecided"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What limits are judged by.

    Attributes:
        judgement: Of all rows of the dataset.
        tables: The tables that are finished, by name.
        unit: What the groups are, such as ``patient``.
        positive_class: That ``sensitivity`` and ``specificity`` are about; None for the last of two classes.
        licences: Display name to what its runs say of the licence: the text, and ``yes``, ``no`` or nothing.
        apis: Display names of the models behind APIs, with what the terms of the provider limit.
        conditions: Names of the conditions that were evaluated, without clean images.
        imported: Display names of the models whose predictions were imported, which nothing can be run with.
    """

    judgement: Judgement
    tables: Mapping[str, Sequence[TableRow]]
    unit: str
    positive_class: str | None = None
    licences: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    apis: Mapping[str, str] = field(default_factory=dict)
    conditions: Collection[str] = ()
    imported: Collection[str] = ()

    def rows_of(self, table: str, model: str) -> list[TableRow]:
        """The rows of a table about one model."""
        return [row for row in self.tables.get(table, ()) if row.get("model") == model]


@dataclass(frozen=True, kw_only=True)
class LimitOutcome:
    """Whether a model is shown to keep a limit.

    Attributes:
        further_groups: How many more groups would decide; 0 if decided, None if no number would, or if it is no
            matter of groups.
        reason: One clause without a full stop.
    """

    verdict: Verdict
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    groups: int | None = None
    further_groups: int | None = None


def undecided(reason: str) -> LimitOutcome:
    """The outcome where something is not known."""
    return LimitOutcome(verdict="undecided", reason=reason)


def judge_interval(
    limit: Limit, row: TableRow, column: str, *, name: str, groups: int, unit: str, of_seeds: float | None = 0.0
) -> LimitOutcome:
    """Compare the interval in a row of a table with a limit.

    Args:
        limit: With a number.
        row: Of a table.
        column: Of the estimate, beside which its bounds stand.
        name: Of the quantity in the sentence.
        groups: Number of groups that the quantity rests on.
        unit: What they are.
        of_seeds: Share of the variance that comes from training seeds; None if it is not known.
    """
    value, low, high = (_float(row.get(key)) for key in bounds(column))
    if value is None:
        return undecided(f"{name} is not known: {row.get('note') or 'it is undefined on these cases'}")
    found = judge_limit(
        value, low, high, max(1, groups), limit=float(limit.value or 0.0), best=limit.best, fixed_share=of_seeds or 0.0
    )
    outcome = LimitOutcome(
        verdict=found.verdict,
        reason="",
        value=value,
        low=low,
        high=high,
        groups=groups,
        further_groups=found.further_groups,
    )
    note = found.note
    if found.verdict == UNDECIDED and found.further_groups is not None and of_seeds is None:
        outcome = replace(outcome, further_groups=None)
        note = f"more training seeds or more {unit}s would be needed, and how many is not known"
    elif (found.further_groups or 0) > MAX_FACTOR * groups:
        outcome = replace(outcome, further_groups=None)
        note = f"even {MAX_FACTOR} times as many {unit}s would not decide, if the value stays the same"
    return replace(outcome, reason=f"{name} {_number(outcome)} {_conclusion(limit, outcome, unit, note)}")


def _conclusion(limit: Limit, outcome: LimitOutcome, unit: str, note: str) -> str:
    side = "at least" if limit.best == "high" else "at most"
    if outcome.verdict == ELIGIBLE:
        return f"is shown to be {side} {limit.value:g}"
    if outcome.verdict == EXCLUDED:
        return f"is shown to be {'below' if limit.best == 'high' else 'above'} {limit.value:g}"
    text = f"is not shown to be {side} {limit.value:g}"
    if outcome.further_groups is None:
        return f"{text}: {note}"
    noun, _, rest = unit.partition(" of ")
    number = plural(outcome.further_groups, f"further {noun}") + (f" of {rest}" if rest else "")
    return f"{text}; about {number} would decide, if the value stays the same"


def _number(outcome: LimitOutcome) -> str:
    def text(value: float | None) -> str:
        if value is None:
            return "?"
        return f"{value:.3f}" if abs(float(outcome.value or 0)) <= 1 else short(value, of=outcome.value)

    if outcome.low is None and outcome.high is None:
        return text(outcome.value)
    return f"{text(outcome.value)} [{text(outcome.low)}, {text(outcome.high)}]"


def _float(value: object) -> float | None:
    return None if value is None else float(str(value))
