"""Calibration of probabilities: whether cases with confidence 80 % are right in 80 %."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arogya_bench.errors import UndefinedMetric
from arogya_bench.types import Floats


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """One bin of a reliability diagram.

    Attributes:
        low: Lower edge, excluded unless it is 0.
        high: Upper edge, included.
        correct: Number of cases that were right.
        confidence: Mean confidence; None in an empty bin.
        accuracy: correct / n; None in an empty bin.
    """

    low: float
    high: float
    n: int
    correct: int
    confidence: float | None
    accuracy: float | None


def bin_indices(confidence: Floats, bins: int) -> NDArray[np.int64]:
    """Find the bin of each confidence: equal width, right-closed, the first closed at 0 too."""
    if bins < 1:
        raise ValueError(f"bins is {bins}, below 1")
    edges = np.linspace(0, 1, bins + 1)
    return np.maximum(np.searchsorted(edges, confidence, side="left") - 1, 0).astype(np.int64)


def expected_calibration_error(confidence: ArrayLike, correct: ArrayLike, *, bins: int = 15) -> float:
    """Compute the mean distance between confidence and accuracy, weighted by cases per bin.

    Source: Guo et al. 2017; Σ (n_b/n)·|accuracy_b - mean confidence_b|, 0 to 1.

    Args:
        confidence: Shape (n,), 0 to 1; for the metric ``ece``, that of the top label.
        correct: Shape (n,), 1 where the case was right, else 0.
        bins: Number of bins of equal width, (low, high], the first including 0.

    Raises:
        UndefinedMetric: If there are no cases.
    """
    confidences, right = _check_columns(confidence, correct)
    if not confidences.size:
        raise UndefinedMetric("no cases")
    gaps = np.bincount(bin_indices(confidences, bins), right - confidences, minlength=bins)
    return float(np.abs(gaps).sum() / confidences.size)


def reliability_bins(confidence: ArrayLike, correct: ArrayLike, *, bins: int = 15) -> tuple[ReliabilityBin, ...]:
    """Compute the rows of a reliability diagram, including empty bins.

    Args:
        confidence: Shape (n,), 0 to 1.
        correct: Shape (n,), 1 where the case was right, else 0.
        bins: As in ``expected_calibration_error``.
    """
    confidences, right = _check_columns(confidence, correct)
    edges = np.linspace(0, 1, bins + 1)
    where = bin_indices(confidences, bins)
    n = np.bincount(where, minlength=bins)
    hits = np.bincount(where, right, minlength=bins)
    total = np.bincount(where, confidences, minlength=bins)
    return tuple(
        ReliabilityBin(
            low=float(edges[b]),
            high=float(edges[b + 1]),
            n=int(n[b]),
            correct=int(hits[b]),
            confidence=float(total[b] / n[b]) if n[b] else None,
            accuracy=float(hits[b] / n[b]) if n[b] else None,
        )
        for b in range(bins)
    )


def _check_columns(confidence: ArrayLike, correct: ArrayLike) -> tuple[Floats, Floats]:
    confidences = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if confidences.ndim != 1 or confidences.shape != right.shape:
        raise ValueError(f"confidence has shape {confidences.shape}, correct {right.shape}")
    if not ((confidences >= 0) & (confidences <= 1)).all():
        raise ValueError("confidence must be a number from 0 to 1")
    if not ((right >= 0) & (right <= 1)).all():
        raise ValueError("correct must be 1 where a case was right, else 0")
    return confidences, right
