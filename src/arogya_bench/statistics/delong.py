"""AUROC of one model and the difference of two by DeLong's method, for one case per group."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtr

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.result import Result
from arogya_bench.statistics.arguments import check_binary, quantile
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import join_notes
from arogya_bench.types import Floats

ZERO_VARIANCE_NOTE = "the variance is 0: the interval bounds are not informative"
PERFECT_SEPARATION_NOTE = "the scores separate the classes without error: the interval bounds are not informative"
FEW_PER_CLASS = 10


@dataclass(frozen=True, kw_only=True)
class AurocInterval(Interval):
    """An AUROC with its Wald interval, clipped to [0, 1].

    Attributes:
        logit_low: Lower end on the logit scale, preferable near 1; None at an AUROC of 0 or 1.
    """

    se: float
    logit_low: float | None
    logit_high: float | None

    @property
    def ci_logit(self) -> tuple[float | None, float | None]:
        """Both ends on the logit scale."""
        return self.logit_low, self.logit_high


@dataclass(frozen=True, kw_only=True)
class DeLong(Result):
    """The AUROC of two models on the same cases, and their difference.

    Attributes:
        z: diff / se_diff; None where se_diff is 0 and the AUROCs differ.
        p_value: Two-sided; 1 for equal scores, None where z is None.
        low: Lower end of the Wald interval of ``diff``.
    """

    auc1: float
    auc2: float
    diff: float
    se1: float
    se2: float
    cov12: float
    se_diff: float
    z: float | None
    p_value: float | None
    low: float
    high: float
    confidence: float
    method: str = "DeLong"

    @property
    def ci_diff(self) -> tuple[float, float]:
        """Both ends of the interval of ``diff``."""
        return self.low, self.high


@dataclass(frozen=True, kw_only=True)
class DeLongCovariance(Result):
    """The AUROC of several models on the same cases, with their covariance.

    Attributes:
        aurocs: Shape (models,).
        covariance: Shape (models, models), from which the variance of a difference follows.
    """

    aurocs: Floats
    covariance: Floats
    method: str = "DeLong"


def auroc_interval(targets: ArrayLike, scores: ArrayLike, *, confidence: float = 0.95) -> AurocInterval:
    """Compute the interval of a binary AUROC. Source: DeLong, DeLong and Clarke-Pearson 1988.

    Args:
        targets: Shape (n,), 1 where the case is positive, else 0.
        scores: Shape (n,), higher for positives.
        confidence: Nominal level, between 0 and 1.

    Raises:
        UndefinedMetric: Without at least two positive and two negative cases.
    """
    (auroc,), ((variance,),) = _delong_estimates(targets, scores)
    se = sqrt(variance)
    z = quantile(confidence)
    low, high = None, None
    if 0 < auroc < 1:
        half = z * se / (auroc * (1 - auroc))
        low, high = (float(expit(logit(auroc) + end)) for end in (-half, half))
    return AurocInterval(
        estimate=float(auroc),
        low=max(0.0, float(auroc - z * se)),
        high=min(1.0, float(auroc + z * se)),
        method="DeLong, Wald",
        confidence=confidence,
        n=np.size(targets),
        groups=np.size(targets),
        note=_note(targets, se, separated=bool(auroc in (0, 1))),
        se=se,
        logit_low=low,
        logit_high=high,
    )


def delong(targets: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike, *, confidence: float = 0.95) -> DeLong:
    """Compare two binary AUROCs on the same cases.

    Source: DeLong, DeLong and Clarke-Pearson 1988, by midranks (Sun and Xu 2014).

    Args:
        targets: Shape (n,), 1 where the case is positive, else 0.
        scores_a: Shape (n,), of the first model.
        scores_b: Shape (n,), of the second model.
        confidence: Nominal level, between 0 and 1.

    Raises:
        UndefinedMetric: Without at least two positive and two negative cases.
    """
    aurocs, covariance = _delong_estimates(targets, scores_a, scores_b)
    difference = float(aurocs[0] - aurocs[1])
    # For two equal models the variance is 0 up to rounding, and may be negative.
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    se = sqrt(variance) if variance > 1e-15 * np.trace(covariance) else 0.0
    ratio = difference / se if se else (None if difference else 0.0)
    half = quantile(confidence) * se
    return DeLong(
        auc1=float(aurocs[0]),
        auc2=float(aurocs[1]),
        diff=difference,
        se1=sqrt(covariance[0, 0]),
        se2=sqrt(covariance[1, 1]),
        cov12=float(covariance[0, 1]),
        se_diff=se,
        z=ratio,
        p_value=None if ratio is None else float(2 * ndtr(-abs(ratio))),
        low=difference - half,
        high=difference + half,
        confidence=confidence,
        n=np.size(targets),
        groups=np.size(targets),
        note=_note(targets, se, separated=bool(np.isin(aurocs, (0, 1)).any())),
    )


def delong_covariance(targets: ArrayLike, scores: ArrayLike) -> DeLongCovariance:
    """Compute the covariance of the AUROCs of several models on the same cases.

    Source: DeLong, DeLong and Clarke-Pearson 1988, by midranks (Sun and Xu 2014).

    Args:
        targets: Shape (n,), 1 where the case is positive, else 0.
        scores: Shape (models, n), higher for positives.

    Raises:
        UndefinedMetric: Without at least two positive and two negative cases.
    """
    aurocs, covariance = _delong_estimates(targets, *np.atleast_2d(np.asarray(scores, dtype=np.float64)))
    return DeLongCovariance(
        aurocs=aurocs,
        covariance=covariance,
        n=np.size(targets),
        groups=np.size(targets),
        note=_note(targets, float(np.diag(covariance).min()), separated=bool(np.isin(aurocs, (0, 1)).any())),
    )


def _note(targets: ArrayLike, se: float, *, separated: bool = False) -> str:
    positives = int((np.asarray(targets) == 1).sum())
    fewer = min(positives, np.size(targets) - positives)
    spread = PERFECT_SEPARATION_NOTE if separated else "" if se else ZERO_VARIANCE_NOTE
    few = f"the rarer class has only {fewer} cases: DeLong's variance is too small"
    return join_notes(spread, few if fewer < FEW_PER_CLASS else "")


def _delong_estimates(targets: ArrayLike, *scores: ArrayLike) -> tuple[Floats, Floats]:
    positive = check_binary(targets)
    columns = np.array([np.asarray(score, dtype=np.float64) for score in scores])
    if columns.shape[1:] != positive.shape or not np.isfinite(columns).all():
        raise ValueError(f"scores must be finite and of shape {positive.shape}")
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if min(positives, negatives) < 2:
        raise UndefinedMetric(f"{positives} positive and {negatives} negative cases; each needs at least 2")
    pairs = [_placements(column, positive) for column in columns]
    above, below = (np.array(side) for side in zip(*pairs, strict=True))
    covariance = np.cov(above).reshape(len(columns), -1) / positives
    return above.mean(axis=1), covariance + np.cov(below).reshape(len(columns), -1) / negatives


def _placements(score: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Share of negatives below each positive and of positives above each negative, ties half."""
    positives, negatives = score[positive], score[~positive]
    ranks = scipy.stats.rankdata(score)
    below = (ranks[positive] - scipy.stats.rankdata(positives)) / negatives.size
    above = 1 - (ranks[~positive] - scipy.stats.rankdata(negatives)) / positives.size
    return below, above
