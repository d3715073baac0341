"""Validation of arguments that many functions share."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.binary_counts import check_share
from arogya_bench.types import Floats


def quantile(confidence: float) -> float:
    """Return the quantile of the standard normal for a two-sided interval."""
    return float(ndtri((1 + check_share(confidence, "confidence")) / 2))


def sign(best: Literal["high", "low"]) -> float:
    """Return 1 where high values are better and -1 where low values are."""
    if best not in ("high", "low"):
        raise ValueError(f"best is {best!r}, neither 'high' nor 'low'")
    return 1.0 if best == "high" else -1.0


def check_binary(targets: ArrayLike) -> NDArray[np.bool_]:
    """Validate a column of 0 and 1 and return it as booleans."""
    column = np.asarray(targets)
    if column.dtype != np.bool_ and not np.isin(column, (0, 1)).all():
        raise ValueError(f"targets must be 0 or 1, not {np.unique(column)[:5]}")
    flags: NDArray[np.bool_] = column == 1
    return flags


def check_repeated_scores(
    estimates: ArrayLike, replicates: ArrayLike, resamples: int, *axes: str
) -> tuple[Floats, Floats]:
    """Validate scores with one axis per name, and their replicates with a last axis of resamples."""
    scores, resampled = np.asarray(estimates, dtype=np.float64), np.asarray(replicates, dtype=np.float64)
    if scores.ndim != len(axes) or not scores.size:
        raise ValueError(f"estimates have shape {scores.shape}, not ({', '.join(axes)})")
    if resampled.shape != (*scores.shape, resamples):
        raise ValueError(f"replicates have shape {resampled.shape}, not {(*scores.shape, resamples)}")
    undefined = int((~np.isfinite(scores)).sum())
    if undefined:
        raise UndefinedMetric(f"undefined for {undefined} of {scores.size} {' and '.join(axes)}")
    return scores, resampled
