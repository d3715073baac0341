"""Metrics in subgroups of the cases, compared with all other cases and with each other."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import stdtr, stdtrit

from arogya_bench.metrics.classification import METRICS, TWO_CLASS_METRICS, metrics_for
from arogya_bench.metrics.outcomes import Outcomes
from arogya_bench.statistics.bootstrap_p_values import SPREAD_TOLERANCE
from arogya_bench.statistics.intervals import BootstrapInterval, interval
from arogya_bench.statistics.multiplicity import adjust
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.resampling import Draws
from arogya_bench.statistics.subgroup_columns import Metadata, SubgroupColumn, build_subgroup_column
from arogya_bench.statistics.subgroup_parts import SubgroupPart, score_part
from arogya_bench.statistics.subgroup_table import SubgroupGap, SubgroupScore, SubgroupTable
from arogya_bench.types import Labels

Correction: TypeAlias = Literal["holm", "bh"]

MIN_TAIL_RESAMPLES = 5  # resamples beyond an end, with fewer of which the end is unreliable


def subgroups(  # noqa: PLR0913 - what is compared, on which resamples, and how it is tested
    cases: Outcomes | Sequence[Outcomes],
    by: Metadata | Mapping[str, Metadata] | SubgroupColumn,
    *,
    draws: Draws,
    metrics: Sequence[str],
    minimum: int = 10,
    correction: Correction = "bh",
    confidence: float = 0.95,
    true_classes_only: bool = False,
) -> SubgroupTable:
    """Compute metrics for each value of a metadata column, and compare them.

    All groups are resampled together and each resample is evaluated within every subgroup, so that
    the dependence between subgroups with common patients is accounted for.

    Args:
        cases: n cases, from ``metrics.outcomes.check_outcomes``; of several seeds, which are averaged within each
            resample, one entry each.
        by: One column, or one or two columns by name, which are crossed; n values each. Numbers
            are cut at their quartiles; missing values are a subgroup. Or what ``build_subgroup_column`` made of them.
        draws: Which groups enter each resample; preferably not stratified, since the class mix
            differs between subgroups.
        metrics: Names of metrics.
        minimum: Smallest number of groups, at least 2, for which metrics are computed.
        correction: ``bh`` for exploration, ``holm`` for planned tests; over all metrics and
            subgroups of the table.
        confidence: Nominal level, between 0 and 1; for the gap, of all pairs simultaneously.
        true_classes_only: Whether macro averages run over the classes in the truth only, as in comparisons.
    """
    seeds = [cases] if isinstance(cases, Outcomes) else list(cases)
    column = by if isinstance(by, SubgroupColumn) else build_subgroup_column(by, seeds[0].n)
    for seed in seeds:
        _check_arguments(seed, draws, metrics, minimum)
    score = partial(score_part, draws=draws, metrics=metrics, minimum=minimum, true_classes_only=true_classes_only)
    members = [column.codes == k for k in range(len(column.values))]
    parts = [score(seeds, rows) for rows in members]
    mirrored = len(parts) == 2
    others = parts[::-1] if mirrored else [score(seeds, ~rows) for rows in members]
    scores = [
        _score_subgroup((name, metric), part, complement, draws, confidence)
        for metric in metrics
        for name, part, complement in zip(column.values, parts, others, strict=True)
    ]
    family, adjusted = _adjust_p_values(scores, correction, mirrored=mirrored)
    named = dict(zip(column.values, parts, strict=True))
    gaps = [_subgroup_gap(metric, named, confidence) for metric in metrics]
    shared = _count_shared_groups(draws.group_of, column.codes)
    return SubgroupTable(
        column=column.name,
        scores=adjusted,
        gaps=tuple(gap for gap in gaps if gap is not None),
        family=family,
        correction=correction,
        minimum=minimum,
        shared_groups=shared,
        confidence=confidence,
        n=seeds[0].n,
        groups=draws.groups,
        seed=draws.seed,
        note=join_notes(column.note, _shared_groups_note(shared), _missing_gaps_note(metrics, gaps)),
    )


def _check_arguments(cases: Outcomes, draws: Draws, metrics: Sequence[str], minimum: int) -> None:
    if draws.n != cases.n:
        raise ValueError(f"draws of {draws.n} cases for {cases.n}")
    if minimum < 2:
        raise ValueError(f"minimum is {minimum}, below 2 groups")
    unknown = [name for name in metrics if name not in metrics_for(len(cases.classes))]
    if not metrics:
        raise ValueError("no metrics")
    if unknown:
        raise ValueError(f"unknown metrics {unknown} for {len(cases.classes)} classes")


def _score_subgroup(
    subgroup_and_metric: tuple[str, str], part: SubgroupPart, complement: SubgroupPart, draws: Draws, confidence: float
) -> SubgroupScore:
    subgroup, metric = subgroup_and_metric
    estimate = part.estimate(metric)
    within = None
    if part.scores is None:
        notes = [f"{part.groups} groups are too few"]
    elif estimate is None:
        notes = [f"undefined: {part.scores.undefined[metric]}"]
    else:
        within = interval(
            estimate, part.values[metric], part.jackknife[metric], draws=part.draws, confidence=confidence
        )
        notes = [within.note, part.scores.flags.get(metric, "")]
    difference = _difference_interval(part, complement, metric, confidence)
    if within is not None and difference is None:
        notes.append(f"no comparison with the other {complement.n} cases of {complement.groups} groups")
    return SubgroupScore(
        subgroup=subgroup,
        metric=metric,
        estimate=estimate,
        low=within.low if within else None,
        high=within.high if within else None,
        difference=difference,
        method=within.method if within else "none",
        confidence=confidence,
        n=part.n,
        groups=part.groups,
        seed=draws.seed,
        by_seed=None if estimate is None else part.by_seed[metric],
        note=join_notes(*notes),
    )


def _difference_interval(
    one: SubgroupPart, other: SubgroupPart, metric: str, confidence: float
) -> BootstrapInterval | None:
    """Interval by the groups of the smaller part; None if a part has no spread."""
    first, second = one.estimate(metric), other.estimate(metric)
    if first is None or second is None:
        return None
    if first != second and any(_has_no_spread(part, metric) for part in (one, other)):
        return None
    return interval(
        first - second,
        one.values[metric] - other.values[metric],
        one.jackknife[metric] - other.jackknife[metric],
        draws=min(one, other, key=lambda part: part.groups).draws,
        confidence=confidence,
    )


def _has_no_spread(part: SubgroupPart, metric: str) -> bool:
    values = part.values[metric]
    return bool(np.ptp(values[np.isfinite(values)]) <= SPREAD_TOLERANCE) if values.size else True


def _adjust_p_values(
    scores: Sequence[SubgroupScore], correction: Correction, *, mirrored: bool
) -> tuple[int, tuple[SubgroupScore, ...]]:
    """Adjust over the table; two subgroups have one test per metric."""
    raw = np.array([np.nan if score.p_value is None else score.p_value for score in scores])
    tests = raw[::2] if mirrored else raw
    adjusted = adjust(tests, method=correction)
    by_score = np.repeat(adjusted, 2) if mirrored else adjusted
    with_adjusted = (
        replace(score, p_adjusted=None if np.isnan(p) else float(p)) for score, p in zip(scores, by_score, strict=True)
    )
    return int(np.isfinite(tests).sum()), tuple(with_adjusted)


def _subgroup_gap(metric: str, parts: Mapping[str, SubgroupPart], confidence: float) -> SubgroupGap | None:
    scored = [(parts[name].estimate(metric), name) for name in parts]
    order = [name for value, name in sorted((v, n) for v, n in scored if v is not None)]
    if len(order) < 2:
        return None
    pairs = len(order) * (len(order) - 1) // 2
    of_pair = 1 - (1 - confidence) / pairs
    gap = _difference_interval(parts[order[-1]], parts[order[0]], metric, of_pair)
    if gap is None:
        return None
    higher = (METRICS | TWO_CLASS_METRICS)[metric].best == "high"
    best, worst = (order[-1], order[0]) if higher else (order[0], order[-1])
    beyond = gap.resamples * (1 - of_pair) / 2
    if beyond < MIN_TAIL_RESAMPLES:
        gap = _gap_by_t(gap, of_pair, min(parts[best].groups, parts[worst].groups) - 1, beyond)
    bonferroni = f", Bonferroni over {pairs} pairs" if pairs > 1 else ""
    changed = {
        "confidence": confidence,
        "method": gap.method + bonferroni,
        "n": parts[best].n + parts[worst].n,
        "groups": np.union1d(parts[best].members, parts[worst].members).size,
        "p_value": None if gap.p_value is None else min(1.0, gap.p_value * pairs),
    }
    named = {"metric": metric, "best": best, "worst": worst, "pairs": pairs}
    return SubgroupGap(**(vars(gap) | changed | named))


def _gap_by_t(gap: BootstrapInterval, confidence: float, df: int, beyond: float) -> BootstrapInterval:
    """Interval and p-value by Student's t where resamples are too few for this level; unchanged without spread."""
    if not gap.se:
        return gap
    margin = -float(stdtrit(df, (1 - confidence) / 2)) * gap.se
    return replace(
        gap,
        low=gap.estimate - margin,
        high=gap.estimate + margin,
        p_value=2 * float(stdtr(df, -abs(gap.estimate) / gap.se)),
        method="t, standard error of the resamples",
        note=join_notes(gap.note, f"only {beyond:.1f} resamples lie beyond each bound"),
    )


def _count_shared_groups(group_of: Labels, subgroup_of: Labels) -> int:
    pairs = np.unique(np.column_stack([group_of, subgroup_of]), axis=0)
    return int((np.bincount(pairs[:, 0]) > 1).sum()) if pairs.size else 0


def _shared_groups_note(shared: int) -> str:
    return f"{shared} groups have cases in several subgroups" if shared else ""


def _missing_gaps_note(metrics: Sequence[str], gaps: Sequence[SubgroupGap | None]) -> str:
    names = [name for name, gap in zip(metrics, gaps, strict=True) if gap is None]
    reason = "fewer than two subgroups have a value, or one has no spread"
    return f"no gap of {', '.join(names)}: {reason}" if names else ""
