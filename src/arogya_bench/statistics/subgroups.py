"""Every metric in every subgroup of the cases, with intervals, against the rest, and the gap."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np

from arogya_bench.metrics.classification import METRICS, TWO_CLASS_METRICS, metrics_for
from arogya_bench.metrics.outcomes import Outcomes
from arogya_bench.statistics.bootstrap_p_values import SPREAD_TOLERANCE
from arogya_bench.statistics.intervals import BootstrapInterval, interval
from arogya_bench.statistics.multiplicity import adjust
from arogya_bench.statistics.resampling import Draws
from arogya_bench.statistics.subgroup_columns import Metadata, build_subgroup_column
from arogya_bench.statistics.subgroup_parts import SubgroupPart, score_part
from arogya_bench.statistics.subgroup_table import SubgroupGap, SubgroupScore, SubgroupTable
from arogya_bench.types import Labels

Correction: TypeAlias = Literal["holm", "bh"]

MIN_TAIL_RESAMPLES = 5  # resamples beyond an end, below which that end is noise


def subgroups(
    cases: Outcomes,
    by: Metadata | Mapping[str, Metadata],
    *,
    draws: Draws,
    metrics: Sequence[str],
    minimum: int = 10,
    correction: Correction = "bh",
    confidence: float = 0.95,
) -> SubgroupTable:
    """Score each value of a metadata column, against the rest and against each other.

    All groups are drawn at once, and each resample is scored within every subgroup. So subgroups
    that share patients stay dependent, and disjoint ones are as good as drawn apart.

    Args:
        cases: n of them, from ``metrics.check_outcomes``.
        by: One column, or one or two by name, which are crossed; n values each. Numbers are cut
            into bands at their quartiles, and what is missing is a subgroup of its own.
        draws: Which groups enter each resample; best not stratified, as subgroups vary in mix.
        metrics: Names from the catalogue.
        minimum: Least number of groups, at least 2, from which a subgroup is scored.
        correction: ``bh`` for exploration, ``holm`` if all tests were planned; over all metrics
            and subgroups of the table.
        confidence: Share of intervals that hold the truth, 0 to 1; for the gap, of all pairs at
            once.

    Raises:
        ValueError: If a column, a name or a number does not fit.
    """
    column = build_subgroup_column(by, cases.n)
    _check_arguments(cases, draws, metrics, minimum)
    chosen = [column.codes == k for k in range(len(column.values))]
    parts = [score_part(cases, rows, draws, metrics, minimum) for rows in chosen]
    rests = (
        parts[::-1]
        if len(parts) == 2
        else [score_part(cases, ~rows, draws, metrics, minimum) for rows in chosen]
    )
    scores = [
        _score_subgroup((name, metric), part, rest, draws, confidence)
        for metric in metrics
        for name, part, rest in zip(column.values, parts, rests, strict=True)
    ]
    family, adjusted = _adjust_p_values(scores, correction, mirrored=len(parts) == 2)
    named = dict(zip(column.values, parts, strict=True))
    gaps = [_subgroup_gap(metric, named, confidence) for metric in metrics]
    straddling = _count_shared_groups(draws.group_of, column.codes)
    notes = [column.note, _shared_groups_note(straddling), _missing_gaps_note(metrics, gaps)]
    return SubgroupTable(
        column=column.name,
        scores=adjusted,
        gaps=tuple(gap for gap in gaps if gap is not None),
        family=family,
        correction=correction,
        minimum=minimum,
        shared_groups=straddling,
        confidence=confidence,
        n=cases.n,
        groups=draws.groups,
        seed=draws.seed,
        note="; ".join(note for note in notes if note),
    )


def _check_arguments(cases: Outcomes, draws: Draws, metrics: Sequence[str], minimum: int) -> None:
    if draws.n != cases.n:
        raise ValueError(f"draws of {draws.n} cases for {cases.n}")
    if minimum < 2:
        raise ValueError(f"a minimum of {minimum} groups: a single one has no spread")
    unknown = [name for name in metrics if name not in metrics_for(len(cases.classes))]
    if unknown or not metrics:
        raise ValueError(f"there is no metric {', '.join(unknown)} of {len(cases.classes)} classes")


def _score_subgroup(
    subgroup_and_metric: tuple[str, str],
    part: SubgroupPart,
    rest: SubgroupPart,
    draws: Draws,
    confidence: float,
) -> SubgroupScore:
    subgroup, metric = subgroup_and_metric
    estimate = part.estimate(metric)
    found = None
    if part.scores is None:
        notes = [f"{part.groups} groups are too few to be scored"]
    elif estimate is None:
        notes = [f"undefined: {part.scores.undefined[metric]}"]
    else:
        found = interval(
            estimate,
            part.values[metric],
            part.jackknife[metric],
            draws=part.draws,
            confidence=confidence,
        )
        notes = [found.note, part.scores.flags.get(metric, "")]
    difference = _difference_interval(part, rest, metric, confidence)
    if found is not None and difference is None:
        notes.append(f"no comparison with the rest, {rest.n} cases of {rest.groups} groups")
    return SubgroupScore(
        subgroup=subgroup,
        metric=metric,
        estimate=estimate,
        low=found.low if found else None,
        high=found.high if found else None,
        difference=difference,
        method=found.method if found else "none",
        confidence=confidence,
        n=part.n,
        groups=part.groups,
        seed=draws.seed,
        note="; ".join(note for note in notes if note),
    )


def _difference_interval(
    one: SubgroupPart, other: SubgroupPart, metric: str, confidence: float
) -> BootstrapInterval | None:
    """As sure as the smaller part allows; None where a part's resamples are all equal."""
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
    """Adjust over the table; of two subgroups each test is made once, and holds for both."""
    raw = np.array([np.nan if each.p_value is None else each.p_value for each in scores])
    tests = raw[::2] if mirrored else raw
    adjusted = adjust(tests, method=correction)
    spread = np.repeat(adjusted, 2) if mirrored else adjusted
    filled = (
        replace(each, p_adjusted=None if np.isnan(value) else float(value))
        for each, value in zip(scores, spread, strict=True)
    )
    return int(np.isfinite(tests).sum()), tuple(filled)


def _subgroup_gap(
    metric: str, parts: Mapping[str, SubgroupPart], confidence: float
) -> SubgroupGap | None:
    scored = [(parts[name].estimate(metric), name) for name in parts]
    order = [name for value, name in sorted((v, n) for v, n in scored if v is not None)]
    if len(order) < 2:
        return None
    pairs = len(order) * (len(order) - 1) // 2
    each = 1 - (1 - confidence) / pairs
    found = _difference_interval(parts[order[-1]], parts[order[0]], metric, each)
    if found is None:
        return None
    best, worst = (order[-1], order[0]) if _high_is_better(metric) else (order[0], order[-1])
    beyond = found.resamples * (1 - each) / 2
    few = f"only {beyond:.1f} resamples lie beyond each end" if beyond < MIN_TAIL_RESAMPLES else ""
    among = f", Bonferroni over {pairs} pairs" if pairs > 1 else ""
    changed = {
        "confidence": confidence,
        "method": found.method + among,
        "n": parts[best].n + parts[worst].n,
        "groups": np.union1d(parts[best].members, parts[worst].members).size,
        "p_value": None if found.p_value is None else min(1.0, found.p_value * pairs),
        "note": "; ".join(note for note in (found.note, few) if note),
    }
    named = {"metric": metric, "best": best, "worst": worst, "pairs": pairs}
    return SubgroupGap(**(vars(found) | changed | named))


def _high_is_better(metric: str) -> bool:
    return (METRICS | TWO_CLASS_METRICS)[metric].best == "high"


def _count_shared_groups(group_of: Labels, subgroup_of: Labels) -> int:
    pairs = np.unique(np.column_stack([group_of, subgroup_of]), axis=0)
    return int((np.bincount(pairs[:, 0]) > 1).sum()) if pairs.size else 0


def _shared_groups_note(straddling: int) -> str:
    return f"{straddling} groups have cases in several subgroups" if straddling else ""


def _missing_gaps_note(metrics: Sequence[str], gaps: Sequence[SubgroupGap | None]) -> str:
    names = [name for name, gap in zip(metrics, gaps, strict=True) if gap is None]
    reason = "fewer than two subgroups have it, or one has it without spread"
    return f"no gap of {', '.join(names)}: {reason}" if names else ""
