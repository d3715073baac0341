"""Whether a model that says 80 % is right in 80 % of the cases."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arogya_bench.errors import UndefinedMetric
from arogya_bench.types import Floats


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """One bin of a reliability diagram.

    Attributes:
        low: Not in the bin, unless it is 0.
        high: In the bin.
        n: Number of cases.
        correct: How many of them were right.
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
        raise ValueError(f"{bins} bins: there must be at least 1")
    edges = np.linspace(0, 1, bins + 1)
    return np.maximum(np.searchsorted(edges, confidence, side="left") - 1, 0).astype(np.int64)


def expected_calibration_error(
    confidence: ArrayLike, correct: ArrayLike, *, bins: int = 15
) -> float:
    """Mean distance between confidence and accuracy over bins, weighted by their cases.

    Source: Guo et al. 2017; Σ (n_b/n)·|accuracy_b - mean confidence_b|, 0 to 1.

    Args:
        confidence: Shape (n,), 0 to 1; of the top label for the metric ``ece``.
        correct: Shape (n,), 1 where the case was right, else 0.
        bins: Of equal width, (low, high], the first closed at 0 too.

    Raises:
        UndefinedMetric: If there are no cases.
        ValueError: If a confidence is not a number from 0 to 1.
    """
    sure, right = _check_columns(confidence, correct)
    if not sure.size:
        raise UndefinedMetric("no cases")
    gaps = np.bincount(bin_indices(sure, bins), right - sure, minlength=bins)
    return float(np.abs(gaps).sum() / sure.size)


def reliability_bins(
    confidence: ArrayLike, correct: ArrayLike, *, bins: int = 15
) -> tuple[ReliabilityBin, ...]:
    """Rows of a reliability diagram, empty bins included.

    Args:
        confidence: Shape (n,), 0 to 1.
        correct: Shape (n,), 1 where the case was right, else 0.
        bins: As in ``expected_calibration_error``.
    """
    sure, right = _check_columns(confidence, correct)
    edges = np.linspace(0, 1, bins + 1)
    where = bin_indices(sure, bins)
    n = np.bincount(where, minlength=bins)
    hits = np.bincount(where, right, minlength=bins)
    total = np.bincount(where, sure, minlength=bins)
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
    sure = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if sure.ndim != 1 or sure.shape != right.shape:
        raise ValueError(f"confidence has shape {sure.shape}, correct {right.shape}")
    if not ((sure >= 0) & (sure <= 1)).all():
        raise ValueError("confidence must be a number from 0 to 1")
    if not ((right >= 0) & (right <= 1)).all():
        raise ValueError("correct must be 1 where a case was right, else 0")
    return sure, right
