"""Curves over all thresholds of a score: ROC, and precision against recall; means over seeds, and fewer points."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arogya_bench.types import Floats


@dataclass(frozen=True, kw_only=True)
class ScoreCurve:
    """A curve over thresholds, the strictest first.

    Attributes:
        x: Ascending, shape (p,): the false positive rate, or the recall.
        y: The true positive rate, or the precision.
        area: Below the whole curve, also if it has been thinned.
    """

    x: Floats
    y: Floats
    area: float

    def thin(self, most: int) -> "ScoreCurve":
        """Keep at most so many points, the first and the last among them, at even distances along the curve."""
        if self.x.size <= most:
            return self
        length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(self.x)) + np.abs(np.diff(self.y)))])
        kept = np.unique(np.searchsorted(length, np.linspace(0.0, length[-1], most)).clip(max=length.size - 1))
        return ScoreCurve(x=self.x[kept], y=self.y[kept], area=self.area)


def roc(positive: NDArray[np.bool_], scores: Floats) -> ScoreCurve | None:
    """The ROC curve of scores, shape (n,), from (0, 0) to (1, 1); None without positives or negatives."""
    hits, false_alarms = _counts(positive, scores)
    if not hits.size or not hits[-1] or not false_alarms[-1]:
        return None
    false_alarms, hits = (np.concatenate([[0.0], counts]) for counts in (false_alarms, hits))
    bends = (np.diff(false_alarms, 2) != 0) | (np.diff(hits, 2) != 0)  # points between two equal steps add nothing
    kept = np.concatenate([[True], bends, [True]])
    x, y = false_alarms[kept] / false_alarms[-1], hits[kept] / hits[-1]
    return ScoreCurve(x=x, y=y, area=float(np.trapezoid(y, x)))


def precision_recall(positive: NDArray[np.bool_], scores: Floats) -> ScoreCurve | None:
    """The precision at each recall that a threshold reaches; None without positives.

    It is a step function: between two recalls, the precision is that of the higher one. The area is the average
    precision, the sum over recalls of their increase times their precision.
    """
    hits, false_alarms = _counts(positive, scores)
    if not hits.size or not hits[-1]:
        return None
    reached = np.flatnonzero(np.diff(hits, prepend=0.0) > 0)  # of equal recalls the one with fewest false alarms
    x = hits[reached] / hits[-1]
    y = hits[reached] / (hits + false_alarms)[reached]
    return ScoreCurve(x=x, y=y, area=float(np.sum(np.diff(x, prepend=0.0) * y)))


def mean_roc(curves: Sequence[ScoreCurve], most: int) -> ScoreCurve:
    """The mean true positive rate of several seeds at each false positive rate, with at most so many points.

    Its area is the mean of the areas.
    """
    if len(curves) == 1:
        return curves[0].thin(most)
    x = _shared_positions(curves, most)
    ends = np.mean([_interpolate(curve, x) for curve in curves], axis=0)
    points = np.unique(np.stack([np.repeat(x, 2), ends.T.ravel()], axis=1), axis=0)
    return ScoreCurve(x=points[:, 0], y=points[:, 1], area=_mean_area(curves)).thin(most)


def mean_precision_recall(curves: Sequence[ScoreCurve], most: int) -> ScoreCurve:
    """The mean precision of several seeds at each recall, with at most so many points; its area is the mean one."""
    if len(curves) == 1:
        return curves[0].thin(most)
    x = _shared_positions(curves, most)
    y = np.mean([curve.y[np.searchsorted(curve.x, x)] for curve in curves], axis=0)
    return ScoreCurve(x=x, y=y, area=_mean_area(curves)).thin(most)


def _counts(positive: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """Positives and negatives that score at least as much as each distinct score, the highest first."""
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    hits = np.cumsum(positive[order], dtype=np.float64)[last]
    return hits, last + 1.0 - hits


def _shared_positions(curves: Sequence[ScoreCurve], most: int) -> Floats:
    positions: Floats = np.unique(np.concatenate([curve.thin(most).x for curve in curves]))
    return positions


def _interpolate(curve: ScoreCurve, x: Floats) -> Floats:
    """The lower and the upper end of a ROC curve at some positions, shape (2, p); they differ where it is vertical."""
    first, last = (np.searchsorted(curve.x, x, side) for side in ("left", "right"))
    inside, is_point = np.interp(x, curve.x, curve.y), first < last
    return np.stack([np.where(is_point, curve.y[first], inside), np.where(is_point, curve.y[last - 1], inside)])


def _mean_area(curves: Sequence[ScoreCurve]) -> float:
    return float(np.mean([curve.area for curve in curves]))
