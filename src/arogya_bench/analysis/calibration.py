"""The tables of calibration: whether probabilities can be read as such."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arogya_bench.analysis.mean_intervals import mean_intervals
from arogya_bench.analysis.positive_class import positive_classes, states_probabilities
from arogya_bench.analysis.rate_intervals import GroupedRate, rate_intervals
from arogya_bench.analysis.row_intervals import row_interval
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow, bounds, interval_columns
from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.calibration import bin_indices, reliability_bins
from arogya_bench.metrics.calibration_slope import calibration_error_by_chance, calibration_line
from arogya_bench.metrics.outcomes import predicted_classes
from arogya_bench.runtime.console import plural
from arogya_bench.scoring.classification import NO_PROBABILITIES
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.seed_variance import SeedScores, estimate_seed_variance, seed_scores
from arogya_bench.types import Floats, Predictions

ERRORS = ("ece", "nll", "brier")  # that every row is scored by
LINE = ("slope", "intercept", "in_the_large")
TOP_LABEL = "top label is right"
BINS = 10  # of the diagram
CALIBRATION_COLUMNS = (
    "dataset", "model", "outcome", "cases", "groups", *bounds("ece"), "ece_by_chance", *bounds("nll"), *bounds("brier"),
    *(end for name in LINE for end in bounds(name)), "mean_probability", "observed", "seeds", "note",
)  # fmt: skip
RELIABILITY_COLUMNS = (
    "dataset", "model", "outcome", "low", "high", "cases", "groups", "probability", *bounds("observed"), "seeds",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Forecasts:
    """What one row said about one outcome, one array of shape (n,) per seed.

    Attributes:
        outcome: What the probabilities speak of.
        reason: Why there are no probabilities to judge; empty if there are.
    """

    row: ScoredRow
    outcome: str
    probabilities: tuple[Floats, ...]
    true: tuple[NDArray[np.bool_], ...]
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class _Lines:
    """Slope, intercept and bias of every seed of one row, by name; the reasons of those that are undefined."""

    scores: dict[str, SeedScores]
    reason: str = ""


def calibration_rows(study: Study) -> list[TableRow]:
    """Describe how well the probabilities of each row are calibrated, in the order of the leaderboard.

    ``slope`` and ``intercept`` are those of a logistic recalibration, 1 and 0 for calibrated probabilities;
    ``in_the_large`` is the mean probability minus the share that is observed. They speak of the positive class, or,
    with more than two classes and none named, of whether the top label is right. ``ece_by_chance`` is what a calibrated
    model with the same confidences reaches. Detectors have no such table.
    """
    if study.task.name != "classification":
        return []
    forecasts = [_forecasts(row, study) for row in study.rows]
    lines = [_lines(one, study) for one in forecasts]
    fitted = {name: _line_intervals(name, lines, study) for name in LINE}
    errors = {name: _error_intervals(name, study) for name in ERRORS}
    return [
        {
            **_describe(study, one),
            **interval_columns("ece", errors["ece"][position]),
            "ece_by_chance": _by_chance(one, study.resampling.seed),
            **_columns(("nll", "brier"), errors, position),
            **_columns(LINE, fitted, position),
            "mean_probability": None if one.reason else float(np.mean(one.probabilities)),
            "observed": None if one.reason else float(np.mean(one.true)),
            "seeds": len(one.row.row.predictions),
            "note": join_notes(lines[position].reason, _interval_note(fitted, position)),
        }
        for position, one in enumerate(forecasts)
    ]


def reliability_rows(study: Study) -> list[TableRow]:
    """Compare probabilities with what is observed, in ten bins of equal width; empty bins are left out.

    Seeds are pooled within a bin: each counts as often as it has cases there.
    """
    if study.task.name != "classification":
        return []
    forecasts = [one for one in (_forecasts(row, study) for row in study.rows) if not one.reason]
    rates = [_bin_rates(one, study) for one in forecasts]
    found = rate_intervals([rate for row in rates for rate in row], study.secondary_resampling.of_all_groups)
    return [
        row
        for position, one in enumerate(forecasts)
        for row in _bin_rows(study, one, rates[position], found[position * BINS : (position + 1) * BINS])
    ]


def _bin_rows(
    study: Study, one: _Forecasts, rates: Sequence[GroupedRate], found: Sequence[Interval | None]
) -> Iterator[TableRow]:
    pooled = reliability_bins(np.concatenate(one.probabilities), np.concatenate(one.true), bins=BINS)
    for part, rate, observed in zip(pooled, rates, found, strict=True):
        if part.n:
            yield {
                "dataset": study.dataset,
                "model": one.row.name,
                "outcome": one.outcome,
                "low": part.low,
                "high": part.high,
                "cases": part.n / len(one.true),
                "groups": rate.groups,
                "probability": part.confidence,
                **interval_columns("observed", observed),
                "seeds": len(one.true),
            }


def _forecasts(row: ScoredRow, study: Study) -> _Forecasts:
    seeds = [seed for seed in row.row.predictions if isinstance(seed, Predictions)]
    unanswered = max(int(np.isnan(seed.probabilities).any(axis=1).sum()) for seed in seeds)
    reason = f"{unanswered} of {plural(study.cases.cases, 'case')} have no probabilities" if unanswered else ""
    if not states_probabilities(row):
        reason = NO_PROBABILITIES
    positive = positive_classes(study.cases.class_names, study.options)
    if len(positive) == 1:
        probabilities = [positive[0].scores(seed) for seed in seeds]
        true = [positive[0].flags(seed) for seed in seeds]
    else:
        probabilities = [seed.probabilities.max(axis=1) for seed in seeds]
        true = [predicted_classes(seed.probabilities) == seed.targets for seed in seeds]
    return _Forecasts(
        row=row,
        outcome=positive[0].name if len(positive) == 1 else TOP_LABEL,
        probabilities=tuple(probabilities),
        true=tuple(true),
        reason=reason,
    )


def _describe(study: Study, one: _Forecasts) -> TableRow:
    return {
        "dataset": study.dataset,
        "model": one.row.name,
        "outcome": one.outcome,
        "cases": study.cases.cases,
        "groups": study.cases.groups,
    }


def _lines(one: _Forecasts, study: Study) -> _Lines:
    if one.reason:
        return _Lines(scores={}, reason=one.reason)
    group, groups = study.cases.group_of, study.cases.groups
    gaps = [seed - true for seed, true in zip(one.probabilities, one.true, strict=True)]
    sizes = np.bincount(group)
    others = [(gap.sum() - np.bincount(group, gap)) / np.maximum(gap.size - sizes, 1) for gap in gaps]
    scores = {"in_the_large": seed_scores([gap.mean() for gap in gaps], others, one.row.row.repeats)}
    try:
        lines = [calibration_line(true, seed) for seed, true in zip(one.probabilities, one.true, strict=True)]
    except UndefinedMetric as undefined:
        return _Lines(scores=scores, reason=f"no slope: {undefined}")
    for column, name in enumerate(("intercept", "slope")):
        changes = [np.bincount(group, line.influence[:, column], minlength=groups) for line in lines]
        scores[name] = SeedScores(
            estimates=np.array([getattr(line, name) for line in lines]), changes=np.array(changes)
        ).average_units(one.row.row.repeats)
    clipped = max(line.clipped for line in lines)
    return _Lines(
        scores=scores, reason=f"clipped: {plural(clipped, 'case')} with a probability of 0 or 1" if clipped else ""
    )


def _line_intervals(name: str, lines: Sequence[_Lines], study: Study) -> list[Interval | None]:
    """One per row; rows share the spread between seeds."""
    undefined = SeedScores(estimates=np.full(1, np.nan), changes=np.zeros((1, study.cases.groups)))
    return mean_intervals([line.scores.get(name, undefined) for line in lines], cases=study.cases.cases)


def _error_intervals(name: str, study: Study) -> list[Interval | None]:
    rows = study.rows
    if not rows or name not in rows[0].metrics:
        return [None] * len(rows)
    seeds = estimate_seed_variance([row.seed_scores(name) for row in rows])
    return [row_interval(row, name, study.cases, seeds.of_mean(i)) for i, row in enumerate(rows)]


def _by_chance(one: _Forecasts, seed: str) -> float | None:
    """Of the top label, as ``ece``; the same whatever other rows there are."""
    if one.reason:
        return None
    rng = np.random.default_rng([int(seed, 16), 2])
    confidences = [seed.probabilities.max(axis=1) for seed in one.row.row.predictions if isinstance(seed, Predictions)]
    return float(np.mean([calibration_error_by_chance(confidence, rng=rng) for confidence in confidences]))


def _columns(names: Sequence[str], found: dict[str, list[Interval | None]], position: int) -> TableRow:
    return {key: value for name in names for key, value in interval_columns(name, found[name][position]).items()}


def _interval_note(fitted: dict[str, list[Interval | None]], position: int) -> str:
    notes = [found.note for name in LINE if (found := fitted[name][position]) is not None]
    return join_notes(*dict.fromkeys(notes))


def _bin_rates(one: _Forecasts, study: Study) -> list[GroupedRate]:
    """By bin, the observed share; seeds are pooled."""
    group, groups = study.cases.group_of, study.cases.groups
    shape = BINS * groups
    hits, cases = np.zeros(shape), np.zeros(shape)
    for probabilities, true in zip(one.probabilities, one.true, strict=True):
        cell = bin_indices(probabilities, BINS) * groups + group
        cases += np.bincount(cell, minlength=shape)
        hits += np.bincount(cell, true, minlength=shape)
    by_bin = zip(hits.reshape(BINS, 1, groups), cases.reshape(BINS, 1, groups), strict=True)
    return [GroupedRate(hits=hit, cases=case) for hit, case in by_bin]
