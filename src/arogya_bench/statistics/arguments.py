"""Validation of arguments that many functions share."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from arogya_bench.metrics.binary_counts import check_share


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
