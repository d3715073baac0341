"""Loss of a score under image degradation: drop, area, worst condition, critical severity.

A missing or infinite score raises UndefinedMetric.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.result import Result
from arogya_bench.types import Floats, Labels

Best: TypeAlias = Literal["high", "low"]  # which end of a score is better; "low" for ECE

CLEAN_SCORE_NOT_POSITIVE = "the clean score is not above 0, so that shares are undefined"


@dataclass(frozen=True, kw_only=True)
class DegradationResult(Result):
    """Fields that all degradation results share.

    Attributes:
        n: Number of scores on degraded images.
        groups: Number of corruptions among them.
    """

    groups: int = 1


@dataclass(frozen=True, kw_only=True)
class ScoreDrop(DegradationResult):
    """Drop of a score against clean images; negative for an improvement.

    Attributes:
        relative: As a share of the clean score; None unless the clean score is above 0.
        robustness: 1 - relative, not clipped; None where ``relative`` is None, and for scores where
            lower is better.
    """

    absolute: float
    relative: float | None
    robustness: float | None


@dataclass(frozen=True, kw_only=True)
class DegradationArea(DegradationResult):
    """Area under the curve of score against severity, from clean images at 0 to the worst at 1.

    Attributes:
        area: Mean score over severities.
        share: Area relative to that of a constant clean score, not clipped; None unless the clean
            score is above 0.
    """

    area: float
    share: float | None


@dataclass(frozen=True, kw_only=True)
class CriticalSeverity(DegradationResult):
    """Severity at which a score first falls below a floor; None if it never does."""

    severity: float | None
    floor: float


@dataclass(frozen=True, kw_only=True)
class WorstCondition(DegradationResult):
    """The condition with the largest drop.

    Attributes:
        level: Position of its severity, from 1.
        drop: Against clean images, positive for a loss.
    """

    name: str
    level: int
    score: float
    drop: float


def score_drop(clean: float, degraded: float | Sequence[float], *, best: Best = "high") -> ScoreDrop:
    """Compute the drop of a score from clean to degraded images.

    Formula: absolute = clean - mean(changed), relative = absolute / clean; with the
    opposite sign for scores where lower is better, such as ECE.

    Args:
        clean: Score on clean images.
        degraded: Score on degraded images, or several scores, which are averaged.
        best: Whether high or low scores are better.
    """
    scores = _check_finite(degraded)
    _check_finite(clean)
    lost = float(clean - scores.mean()) * (1 if best == "high" else -1)
    relative = lost / clean if clean > 0 else None
    notes = [CLEAN_SCORE_NOT_POSITIVE] if relative is None else []
    if lost < 0:
        notes.append("better than on clean images, not clipped")
    return ScoreDrop(
        absolute=lost,
        relative=relative,
        robustness=1 - relative if best == "high" and relative is not None else None,
        method="drop against clean images",
        n=scores.size,
        note="; ".join(notes),
    )


def degradation_area(severities: Sequence[float], scores: Sequence[float], *, clean: float) -> DegradationArea:
    """Compute the area under the degradation curve by the trapezoid rule.

    Severities are divided by the largest, and clean images are at 0. For a parameter that does not
    start at 0 or decreases, such as JPEG quality, pass levels 1, 2, 3 instead.

    Args:
        severities: Shape (s,), above 0, ascending.
        scores: Shape (s,).
        clean: Score on clean images.
    """
    levels, values = _check_curve(severities, scores, clean)
    area = float(np.trapezoid(values, levels / levels[-1]))
    notes = [] if clean > 0 else [CLEAN_SCORE_NOT_POSITIVE]
    if area > clean > 0:
        notes.append("above that of clean images, not clipped")
    return DegradationArea(
        area=area,
        share=area / clean if clean > 0 else None,
        method="area under the degradation curve, trapezoid",
        n=len(scores),
        note="; ".join(notes),
    )


def critical_severity(
    severities: Sequence[float], scores: Sequence[float], *, floor: float, clean: float, best: Best = "high"
) -> CriticalSeverity:
    """Find the severity at which a score first falls below a floor.

    Between two levels, and between clean images at 0 and the first level, it is interpolated
    linearly. A score on the floor is still acceptable.

    Args:
        severities: Shape (s,), above 0, ascending.
        scores: Shape (s,).
        floor: The worst acceptable score; a ceiling for scores where lower is better.
        clean: Score on clean images.
        best: Whether high or low scores are better.
    """
    levels, values = _check_curve(severities, scores, clean)
    margin = (values - floor) * (1 if best == "high" else -1)
    below = np.flatnonzero(margin < 0)
    return CriticalSeverity(
        severity=_interpolate_crossing(levels, margin, int(below[0])) if below.size else None,
        floor=floor,
        method="first crossing, linear between levels",
        n=len(scores),
        note=_crossing_note(levels, margin, below),
    )


def worst_condition(
    scores: Mapping[str, float | Sequence[float]], *, clean: float, best: Best = "high"
) -> WorstCondition:
    """Find the corruption and severity with the worst score.

    Args:
        scores: For each corruption its scores per severity, or one.
        clean: Score on clean images.
        best: Whether high or low scores are better.

    Returns:
        The first of several equally bad ones; the others are named in ``note``.
    """
    if not scores:
        raise UndefinedMetric("no corruptions")
    _check_finite(clean)
    sign = 1 if best == "high" else -1
    lost = {name: (clean - _check_finite(values)) * sign for name, values in scores.items()}
    name = max(lost, key=lambda corruption: float(lost[corruption].max()))
    most, level = float(lost[name].max()), int(lost[name].argmax()) + 1
    tied = [other for other in lost if other != name and float(lost[other].max()) == most]
    return WorstCondition(
        name=name,
        level=level,
        score=float(np.atleast_1d(scores[name])[level - 1]),
        drop=most,
        method="largest drop over conditions",
        n=sum(drops.size for drops in lost.values()),
        groups=len(lost),
        note=f"equally bad: {', '.join(tied)}" if tied else "",
    )


def _check_finite(scores: float | Sequence[float]) -> Floats:
    values = np.atleast_1d(np.asarray(scores, dtype=np.float64))
    if not values.size or not np.isfinite(values).all():
        raise UndefinedMetric(f"a score is missing among {values.tolist()}")
    return values


def _check_curve(severities: Sequence[float], scores: Sequence[float], clean: float) -> tuple[Floats, Floats]:
    levels = np.array([0.0, *severities])
    if len(scores) != len(severities) or not len(severities):
        raise ValueError(f"{len(scores)} scores for {len(severities)} severities")
    if not np.isfinite(levels).all() or (np.diff(levels) <= 0).any():
        raise ValueError(f"severities must be above 0 and ascending, not {list(severities)}")
    return levels, _check_finite([clean, *scores])


def _interpolate_crossing(levels: Floats, margin: Floats, first: int) -> float:
    if first == 0:
        return 0.0
    between = slice(first - 1, first + 1)
    return float(np.interp(0.0, -margin[between], levels[between]))


def _crossing_note(levels: Floats, margin: Floats, below: Labels) -> str:
    if not below.size:
        return f"not crossed up to severity {levels[-1]:g}"
    notes = [] if below[0] else ["below the floor on clean images already"]
    if below.size < margin.size - below[0]:
        notes.append("above the floor again at a higher severity")
    return "; ".join(notes)
