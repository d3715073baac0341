"""The table of limits: which model is shown to keep which limit, and what would decide the others."""

from collections.abc import Callable, Collection, Mapping, Sequence

from arogya_bench.analysis.table_rows import TableRow, bounds
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.costs import COST
from arogya_bench.comparison.limit_outcomes import Evidence, LimitOutcome, undecided
from arogya_bench.comparison.limit_quality import judge_metric, judge_robustness, judge_worst_subgroup
from arogya_bench.comparison.limit_resources import MEASURED, judge_cost, judge_licence, judge_measured
from arogya_bench.comparison.requirements import (
    ABOVE_CHANCE,
    FITNESS,
    LICENCE,
    ROBUSTNESS,
    WORST_SUBGROUP,
    Limit,
    Requirements,
)
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.tracking.tags import COMMERCIAL_USE, IMPORTED_FROM
from arogya_bench.tracking.tags import LICENCE as LICENCE_TAG

LIMIT_COLUMNS = (
    "dataset", "model", "limit", "quantity", "at_least", "at_most", *bounds("value"), "groups", "verdict",
    "further_groups", "reason",
)  # fmt: skip
IMPLICIT = (Limit(quantity=FITNESS), Limit(quantity=ABOVE_CHANCE))
LOW_IS_BETTER = (*MEASURED, COST)


def limit_rows(dataset: str, requirements: Requirements, evidence: Evidence) -> list[TableRow]:
    """One row per model and limit, models best first; without limits none.

    With limits, every model must also be fit to be recommended, and better than guessing.
    """
    if not requirements.limits:
        return []
    return [
        {
            "dataset": dataset,
            "model": row.name,
            "limit": limit.label,
            "quantity": limit.quantity,
            "at_least": limit.at_least,
            "at_most": limit.at_most,
            **_columns(outcome),
        }
        for row in evidence.judgement.rows
        for limit in (*IMPLICIT, *requirements.limits)
        if (outcome := _judge(limit, row.name, evidence)) is not None
    ]


def check_limits(blocks: Sequence[ComparableRuns], requirements: Requirements, metric: str) -> None:
    """Raise ConfigError for a limit on something unknown, on the wrong side, or out of range; ``metric`` decides."""
    definitions = {name: known for block in blocks for name, known in block.task.metrics.items()}
    metrics = {name: known.best for name, known in definitions.items()}
    of_subgroups = dict.fromkeys([*(block.primary_metric(metric) for block in blocks), "sensitivity"])
    for limit in requirements.limits:
        if limit.quantity == WORST_SUBGROUP and limit.metric in set(metrics) - set(of_subgroups):
            raise ConfigError(
                f"limits.{WORST_SUBGROUP}: {limit.metric} is not computed for subgroups.",
                fix=f"choose one of: {', '.join(of_subgroups)}.",
            )
        if (definition := definitions.get(limit.metric or limit.quantity)) is not None:
            _check_range(limit, definition.low, definition.high)
        named = limit.metric or limit.quantity
        if limit.quantity in (ROBUSTNESS, WORST_SUBGROUP):
            name, best = limit.metric, metrics.get(limit.metric or "")
        else:
            name, best = named, "low" if named in LOW_IS_BETTER else metrics.get(named)
        if name is None or name == LICENCE:
            continue
        if best is None:
            raise _unknown(name, metrics)
        if best != limit.best:
            side = "at_most" if best == "low" else "at_least"
            raise ConfigError(
                f"limits.{limit.quantity}: {name} is better if {best}er, so that it is no limit from this side.",
                fix=f"write {limit.quantity}: {{{side}: {limit.value:g}}}.",
            )


def _check_range(limit: Limit, low: float, high: float) -> None:
    if limit.value is not None and not low <= limit.value <= high:
        raise ConfigError(
            f"limits.{limit.quantity} is {limit.value:g}, and it runs from {low:g} to {high:g}.",
            fix="give a value in this range.",
        )


def _unknown(name: str, metrics: Collection[str]) -> ConfigError:
    known = (*metrics, *LOW_IS_BETTER, WORST_SUBGROUP, ROBUSTNESS, LICENCE)
    special = ", ".join((*LOW_IS_BETTER, WORST_SUBGROUP, ROBUSTNESS, LICENCE))
    return ConfigError(
        f"There is no quantity {name!r} to limit.{did_you_mean(name, known)}",
        fix=f"name a metric of the leaderboard, or one of: {special}.",
    )


def licence_facts(block: ComparableRuns) -> dict[str, tuple[str, str]]:
    """What the runs of each row declare of its licence, by display name."""
    return {
        block.row_names[row]: (run.tags.get(LICENCE_TAG, ""), run.tags.get(COMMERCIAL_USE, ""))
        for (row, *_), run in block.runs.items()
        if row in block.row_names  # variants that were tried are no rows
    }


def imported_models(block: ComparableRuns) -> frozenset[str]:
    """The display names of the rows whose predictions were imported."""
    rows = {row for (row, *_), run in block.runs.items() if run.tags.get(IMPORTED_FROM)}
    return frozenset(name for row, name in block.row_names.items() if row in rows)


def _judge(limit: Limit, model: str, evidence: Evidence) -> LimitOutcome | None:
    """The outcome of a limit; None where nothing is judged."""
    special: Mapping[str, Callable[[Limit, str, Evidence], LimitOutcome | None]] = {
        FITNESS: _judge_fitness,
        ABOVE_CHANCE: _judge_chance,
        WORST_SUBGROUP: judge_worst_subgroup,
        ROBUSTNESS: judge_robustness,
        LICENCE: judge_licence,
        COST: judge_cost,
    }
    if limit.quantity in special:
        return special[limit.quantity](limit, model, evidence)
    if limit.quantity in MEASURED:
        return judge_measured(limit, model, evidence)
    return judge_metric(limit, model, evidence)


def _judge_fitness(limit: Limit, model: str, evidence: Evidence) -> LimitOutcome:
    """Whether a model may be recommended at all: no control, not trained on the test images, with answers."""
    del limit
    reason = evidence.judgement.excluded.get(model)
    if reason is None:
        return LimitOutcome(verdict="eligible", reason="nothing speaks against it")
    return LimitOutcome(verdict="excluded", reason=reason)


def _judge_chance(limit: Limit, model: str, evidence: Evidence) -> LimitOutcome | None:
    del limit
    above = evidence.judgement.above_chance.get(model)
    if above is None:
        return None
    if above:
        return LimitOutcome(verdict="eligible", reason="it is shown to be better than guessing")
    return undecided("it is not shown to be better than guessing")


def _columns(outcome: LimitOutcome) -> Mapping[str, object]:
    return {
        **dict(zip(bounds("value"), (outcome.value, outcome.low, outcome.high), strict=True)),
        "groups": outcome.groups,
        "verdict": outcome.verdict,
        "further_groups": outcome.further_groups,
        "reason": outcome.reason,
    }
