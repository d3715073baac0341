"""Limits on how well a model predicts: metrics, the worst subgroup, and robustness."""

from collections.abc import Sequence
from dataclasses import replace

from scipy.special import ndtri

from arogya_bench.analysis.judgement import seed_terms
from arogya_bench.analysis.rate_intervals import PROPORTIONS
from arogya_bench.analysis.row_intervals import seed_share
from arogya_bench.analysis.table_rows import TableRow, bounds
from arogya_bench.comparison.limit_outcomes import (
    EXCLUDED,
    UNDECIDED,
    Evidence,
    LimitOutcome,
    judge_interval,
    undecided,
)
from arogya_bench.comparison.requirements import Limit
from arogya_bench.metrics.flags import CALIBRATION_ERRORS
from arogya_bench.statistics.paired_differences import ALPHA
from arogya_bench.statistics.proportions import clopper_pearson
from arogya_bench.statistics.sample_size import MIN_VERDICT_GROUPS, too_few_groups_reason

RATES = {"sensitivity": "positive_groups", "specificity": "negative_groups"}  # and the groups that they rest on
AS_DEPLOYED = "default"  # target of the operating point at which labels are given
SEVERITY_OF_VERDICT = (EXCLUDED, UNDECIDED)


def judge_metric(limit: Limit, model: str, evidence: Evidence) -> LimitOutcome:
    """Compare the interval of a metric on clean images with a limit."""
    if few := _too_few_groups(evidence):
        return few
    name = limit.quantity
    (row,) = evidence.rows_of("leaderboard", model)
    if name in RATES:
        return _judge_rate(limit, model, row, evidence)
    if name not in row:
        return undecided(f"{name} is not a metric of this dataset")
    exact = _with_exact_bounds(row, name, name, evidence.judgement.cases.groups)
    outcome = _judge(limit, exact, name, name, evidence, of_seeds=_seed_share(name, model, evidence))
    return _allow_for_chance(outcome, limit, model, evidence)


def judge_worst_subgroup(limit: Limit, model: str, evidence: Evidence) -> LimitOutcome:
    """Compare every subgroup with a limit: all must keep it, and the one furthest from it is reported."""
    if few := _too_few_groups(evidence):
        return few
    metric = limit.metric or evidence.judgement.metric
    rows = [
        row
        for row in evidence.rows_of("subgroups", model)
        if limit.column in (None, row["column"]) and row.get("metric", metric) == metric
    ]
    if not rows:
        about = f"the column {limit.column}" if limit.column else "metadata columns"
        others = dict.fromkeys(str(row["column"]) for row in evidence.rows_of("subgroups", model))
        known = f"; there are subgroups by {', '.join(others)}" if others else ""
        return undecided(f"{metric} is not computed for subgroups by {about}{known}")
    outcomes = [
        judge_interval(
            limit,
            row,
            "estimate",
            name=f"{metric} of {row['column']} {row['subgroup']}",
            groups=int(str(row.get("groups") or 0)),
            unit=f"{evidence.unit} of this subgroup",
            of_seeds=None if _has_seeds(model, evidence) else 0.0,
        )
        for row in rows
    ]
    return _worst(limit, outcomes)


def judge_robustness(limit: Limit, model: str, evidence: Evidence) -> LimitOutcome:
    """Compare the deciding metric under every condition with a limit: all must keep it, the worst is reported."""
    if few := _too_few_groups(evidence):
        return few
    rows, metric = evidence.rows_of("robustness", model), evidence.judgement.metric
    missing = [name for name in evidence.conditions if name not in {str(row["condition"]) for row in rows}]
    if not evidence.conditions:
        advice = "import predictions on them" if model in evidence.imported else "run augmentation=all"
        return undecided(f"no degraded images were evaluated; {advice}")
    if missing:
        return undecided(f"it was not evaluated under {', '.join(missing[:3])}; the same sweep evaluates it")
    groups, of_seeds = _groups_read(metric, evidence), None if _has_seeds(model, evidence) else 0.0
    outcomes = [
        _judge(limit, _with_exact_bounds(row, "value", metric, groups), "value", f"{metric} under {row['condition']}",
               evidence, of_seeds=of_seeds)
        for row in rows
    ]  # fmt: skip
    return _worst(limit, outcomes)


def _judge_rate(limit: Limit, model: str, row: TableRow, evidence: Evidence) -> LimitOutcome:
    """Sensitivity and specificity of the label that the model gives, by the patients with and without the class."""
    name, counted = limit.quantity, RATES[limit.quantity]
    unit = f"{counted.partition('_')[0]} {evidence.unit}"
    points = [
        point
        for point in evidence.rows_of("operating_points", model)
        if point["target"] == AS_DEPLOYED and evidence.positive_class in (None, point.get("positive_class"))
    ]
    if len(points) == 1 and points[0].get(name) is not None:
        groups = int(str(points[0][counted]))
        point = _with_exact_bounds(points[0], name, name, groups)
        of_seeds = None if _has_seeds(model, evidence) else 0.0
        return judge_interval(limit, point, name, name=name, groups=groups, unit=unit, of_seeds=of_seeds)
    counts, classes = evidence.judgement.cases.groups_per_class, evidence.judgement.cases.class_names
    if len(classes) != 2 or counts is None:
        return undecided(f"{name} needs a positive class; set positive_class to one of {', '.join(classes)}")
    if evidence.positive_class not in (None, *classes):
        return undecided(f"{name} is about {evidence.positive_class!r}, which is no class of this dataset")
    if evidence.positive_class not in (None, classes[1]):
        name = "specificity" if name == "sensitivity" else "sensitivity"  # the other class is the positive one
    groups = int(counts[1 if name == "sensitivity" else 0])
    exact, of_seeds = _with_exact_bounds(row, name, name, groups), _seed_share(name, model, evidence)
    return judge_interval(limit, exact, name, name=limit.quantity, groups=groups, unit=unit, of_seeds=of_seeds)


def _seed_share(metric: str, model: str, evidence: Evidence) -> float:
    """The share of the variance of a metric of the leaderboard that comes from training seeds."""
    judgement = evidence.judgement
    row = next(row for row in judgement.rows if row.name == model)
    return seed_share(row, metric, judgement.cases, seed_terms(judgement, metric)[model])


def _has_seeds(model: str, evidence: Evidence) -> bool:
    return any(row.name == model and len(row.by_seed) > 1 for row in evidence.judgement.rows)


def _groups_read(metric: str, evidence: Evidence) -> int:
    """Groups with a case that a share of cases is of."""
    cases = evidence.judgement.cases
    if metric not in RATES or cases.groups_per_class is None:
        return cases.groups
    return int(cases.groups_per_class[1 if metric == "sensitivity" else 0])


def _with_exact_bounds(row: TableRow, column: str, name: str, groups: int) -> TableRow:
    """Clopper-Pearson bounds where every case is right, or none: all resamples then agree and show no interval."""
    value, low, high = bounds(column)
    if name not in PROPORTIONS or row[value] not in (0.0, 1.0) or groups < 1:
        return row
    found = clopper_pearson(round(float(str(row[value])) * groups), groups)
    return {**row, low: found.low, high: found.high}


def _judge(
    limit: Limit, row: TableRow, column: str, name: str, evidence: Evidence, *, of_seeds: float | None
) -> LimitOutcome:
    groups = evidence.judgement.cases.groups
    return judge_interval(limit, row, column, name=name, groups=groups, unit=evidence.unit, of_seeds=of_seeds)


def _allow_for_chance(outcome: LimitOutcome, limit: Limit, model: str, evidence: Evidence) -> LimitOutcome:
    """A calibration error that a calibrated model has on so few cases by chance excludes nobody."""
    if outcome.verdict != EXCLUDED or limit.quantity not in CALIBRATION_ERRORS or outcome.low is None:
        return outcome
    rows = evidence.rows_of("calibration", model) if limit.quantity == "ece" else []
    by_chance = [float(str(row["ece_by_chance"])) for row in rows if row["ece_by_chance"] is not None]
    if by_chance and outcome.low - max(by_chance) > float(limit.value or 0.0):
        return outcome
    expected = f"about {max(by_chance):.3f}" if by_chance else "an unknown part of it"
    return replace(
        outcome,
        verdict="undecided",
        further_groups=None,
        reason=f"{limit.quantity} {outcome.value:.3f} is not shown to be at most {limit.value:g}, nor above it: on so "
        f"few cases a calibrated model has {expected} by chance",
    )


def _too_few_groups(evidence: Evidence) -> LimitOutcome | None:
    """The rule of the verdict: with few groups, an interval says too little."""
    groups = evidence.judgement.cases.groups
    if evidence.judgement.is_large_enough:
        return None
    return LimitOutcome(
        verdict="undecided",
        reason=too_few_groups_reason(groups, evidence.unit).rstrip("."),
        groups=groups,
        further_groups=MIN_VERDICT_GROUPS - groups,
    )


def _worst(limit: Limit, outcomes: Sequence[LimitOutcome]) -> LimitOutcome:
    """The outcome that decides for all: an excluded one before an undecided one, then the worst bound."""
    sign = 1 if limit.best == "high" else -1

    def order(outcome: LimitOutcome) -> tuple[int, float]:
        verdict = outcome.verdict
        place = SEVERITY_OF_VERDICT.index(verdict) if verdict in SEVERITY_OF_VERDICT else len(SEVERITY_OF_VERDICT)
        bound = outcome.low if limit.best == "high" else outcome.high
        worst = outcome.value if bound is None else bound
        return place, float("-inf") if worst is None else sign * worst

    return min((_excluded_among(limit, outcome, len(outcomes)) for outcome in outcomes), key=order)


def _excluded_among(limit: Limit, outcome: LimitOutcome, number: int) -> LimitOutcome:
    """One of many must miss a limit by the interval for all of them, since the worst one is picked by its value.

    The end moves out as that of a normal interval at the level .05 divided by their number (Bonferroni). To be eligible
    needs no correction: all of them must keep the limit.
    """
    end = outcome.high if limit.best == "high" else outcome.low
    if outcome.verdict != EXCLUDED or end is None or outcome.value is None:
        return outcome
    moved = outcome.value + (end - outcome.value) * float(ndtri(ALPHA / 2 / number) / ndtri(ALPHA / 2))
    value = float(limit.value or 0.0)
    if moved < value if limit.best == "high" else moved > value:
        return outcome
    return replace(
        outcome,
        verdict="undecided",
        further_groups=None,
        reason=f"{outcome.reason} by its interval alone, but not as one of {number} that are compared with the limit",
    )
