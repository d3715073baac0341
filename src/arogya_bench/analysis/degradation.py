"""The table of degradation: how each row falls off with the severity of each augmentation, and over all of them."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from arogya_bench.analysis.conditions import StoredCondition
from arogya_bench.analysis.row_intervals import row_interval
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import DegradedRows, Study
from arogya_bench.analysis.table_rows import TableRow, bounds, interval_columns
from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.degradation import Best, critical_severity, degradation_area, score_drop, worst_condition
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.seed_variance import estimate_seed_variance

ALL = "all"  # instead of an augmentation, of the row about all of them
FLOOR_SHARE = 0.9  # of the clean value, where the user states no floor
ECE = "ece"
DEGRADATION_COLUMNS = (
    "dataset", "model", "augmentation", "metric", "conditions", "clean", "area", "retained", "floor",
    "critical_severity", "severity_scale", "worst_condition", *bounds("value"), "drop", "monotone", "ece_clean",
    "ece_mean", "ece_change", "ece_worst", "rank", "note",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Point:
    """One row under one condition."""

    degraded: DegradedRows
    position: int

    @property
    def condition(self) -> StoredCondition:
        return self.degraded.condition

    @property
    def row(self) -> ScoredRow:
        return self.degraded.rows[self.position]

    @property
    def clean(self) -> ScoredRow:
        """The same seeds on clean images."""
        return self.degraded.clean[self.position]


def degradation_rows(study: Study) -> list[TableRow]:
    """Describe the fall of each row under each augmentation, and in a row named ``all`` under all conditions.

    ``area`` is the mean value from clean images to the highest severity; ``retained`` is it as a share of the clean
    value, and for ``all`` the mean share over the conditions. ``critical_severity`` is where the value first falls
    below the floor, on the scale of the severities, or of their numbers where these do not rise from 0. ``value`` is
    that of the worst condition with its interval. Rows under all conditions of the comparison are ranked by the share
    that they retain, except those that are not shown to be better than guessing: they have nothing to lose. Rows in
    the order of the leaderboard.
    """
    by_model: dict[str, list[_Point]] = {row.name: [] for row in study.rows}
    for degraded in study.degraded:
        for position, row in enumerate(degraded.rows):
            by_model[row.name].append(_Point(degraded=degraded, position=position))
    tables = {name: list(_model_rows(study, points)) for name, points in by_model.items() if points}
    guessing = {name for name, above in study.judgement.above_chance.items() if above is False}
    _add_ranks([rows[-1] for rows in tables.values()], len(study.degraded), guessing)
    return [row for rows in tables.values() for row in rows]


def _model_rows(study: Study, points: Sequence[_Point]) -> Iterator[TableRow]:
    by_augmentation: dict[str, list[_Point]] = {}
    for point in points:
        by_augmentation.setdefault(point.condition.augmentation, []).append(point)
    for name, curve in by_augmentation.items():
        yield _row(study, name, curve, _curve_columns(study, sorted(curve, key=lambda point: point.condition)))
    yield _row(study, ALL, points, {"retained": _mean_retained(study, points)})


def _row(study: Study, augmentation: str, points: Sequence[_Point], curve: TableRow) -> TableRow:
    worst, note = _worst(study, points)
    left_out = [point.condition.name for point in points if not np.isfinite(point.row.estimate(study.metric))]
    missing = f"undefined under {', '.join(left_out)}" if left_out else ""
    return {
        **dict.fromkeys(DEGRADATION_COLUMNS),
        "dataset": study.dataset,
        "model": points[0].row.name,
        "augmentation": augmentation,
        "metric": study.metric,
        "conditions": len(points),
        "clean": _clean(study, points),
        "floor": _floor(study, points),
        **curve,
        **_worst_columns(study, worst),
        **_calibration_shift(points),
        "note": join_notes(missing, note, str(curve.get("note") or ""), *_seed_notes(points)),
    }


def _best(study: Study) -> Best:
    return "high" if study.task.metrics[study.metric].best == "high" else "low"


def _clean(study: Study, points: Sequence[_Point]) -> float:
    return float(np.mean([point.clean.estimate(study.metric) for point in points]))


def _floor(study: Study, points: Sequence[_Point]) -> float:
    """The stated floor, else a tenth worse than on clean images."""
    if study.options.robustness_floor is not None:
        return study.options.robustness_floor
    return _clean(study, points) * (FLOOR_SHARE if _best(study) == "high" else 2 - FLOOR_SHARE)


def _curve_columns(study: Study, curve: Sequence[_Point]) -> TableRow:
    """What follows from the order of the severities; nothing for an augmentation without one."""
    if any(point.condition.severity is None for point in curve):
        return {"note": "without a severity"}
    severities = [float(str(point.condition.severity)) for point in curve]
    rising = severities[0] > 0 and bool((np.diff(severities) > 0).all())
    scale = severities if rising else [float(point.condition.level) for point in curve]
    values, clean = [point.row.estimate(study.metric) for point in curve], _clean(study, curve)
    best = _best(study)
    try:
        area = degradation_area(scale, values, clean=clean)
        critical = critical_severity(scale, values, floor=_floor(study, curve), clean=clean, best=best)
    except UndefinedMetric:
        return {"note": "no area and no critical severity, since a value is undefined"}
    steps = np.diff([clean, *values]) * (1 if best == "high" else -1)
    return {
        "area": area.area,
        "retained": area.share if best == "high" else None,
        "critical_severity": critical.severity,
        "severity_scale": "severity" if rising else "level",
        "monotone": bool((steps <= 0).all()),
        "note": critical.note if rising or critical.severity is not None else "not crossed up to the highest severity",
    }


def _mean_retained(study: Study, points: Sequence[_Point]) -> float | None:
    """The mean share of the clean value over the conditions; None where low values are better."""
    shares = []
    for point in points:
        try:
            drop = score_drop(point.clean.estimate(study.metric), point.row.estimate(study.metric), best=_best(study))
        except UndefinedMetric:
            return None
        shares.append(drop.robustness)
    known = [share for share in shares if share is not None]
    return float(np.mean(known)) if len(known) == len(shares) else None


def _worst(study: Study, points: Sequence[_Point]) -> tuple[_Point | None, str]:
    """The point with the largest drop, and which others are equally bad."""
    by_name = {point.condition.name: point for point in points}
    scores = {name: point.row.estimate(study.metric) for name, point in by_name.items()}
    defined = {name: score for name, score in scores.items() if np.isfinite(score)}
    try:
        worst = worst_condition(defined, clean=_clean(study, points), best=_best(study))
    except UndefinedMetric as undefined:
        return None, str(undefined)
    return by_name[worst.name], worst.note


def _worst_columns(study: Study, worst: _Point | None) -> TableRow:
    if worst is None:
        return {}
    value = _interval(study, worst)
    lost = worst.clean.estimate(study.metric) - worst.row.estimate(study.metric)
    return {
        "worst_condition": worst.condition.name,
        **interval_columns("value", value),
        "drop": lost if _best(study) == "high" else -lost,
    }


def _interval(study: Study, point: _Point) -> Interval | None:
    """As the table of conditions has it."""
    seeds = estimate_seed_variance([row.seed_scores(study.metric) for row in point.degraded.rows])
    return row_interval(point.row, study.metric, study.cases, seeds.of_mean(point.position))


def _calibration_shift(points: Sequence[_Point]) -> TableRow:
    """The calibration error on clean and on degraded images, where every condition has one."""
    if any(ECE not in row.metrics for point in points for row in (point.row, point.clean)):
        return {}
    clean = float(np.mean([point.clean.estimate(ECE) for point in points]))
    degraded = [point.row.estimate(ECE) for point in points]
    if not np.isfinite([clean, *degraded]).all():
        return {}
    mean = float(np.mean(degraded))
    return {"ece_clean": clean, "ece_mean": mean, "ece_change": mean - clean, "ece_worst": max(degraded)}


def _seed_notes(points: Sequence[_Point]) -> list[str]:
    notes: list[Mapping[str, str]] = [point.degraded.notes for point in points]
    return list(dict.fromkeys(found[points[0].row.name] for found in notes if points[0].row.name in found))


def _add_ranks(summaries: Sequence[TableRow], conditions: int, guessing: Set[str]) -> None:
    """Rank the rows under all conditions by what they retain; equal rows share a rank."""
    retained = [
        float(str(row["retained"]))
        if row["retained"] is not None and row["conditions"] == conditions and row["model"] not in guessing
        else None
        for row in summaries
    ]
    known = [value for value in retained if value is not None]
    for row, value in zip(summaries, retained, strict=True):
        if value is not None:
            row["rank"] = 1 + sum(other > value for other in known)
        elif row["model"] in guessing:
            row["note"] = join_notes("not ranked: not shown to be better than guessing", str(row["note"]))
        elif row["conditions"] != conditions:
            row["note"] = join_notes(f"not ranked: {row['conditions']} of {conditions} conditions", str(row["note"]))
