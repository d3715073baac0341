"""Adjustment of p-values for multiple testing."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arogya_bench.metrics.binary_counts import check_share
from arogya_bench.types import Floats

Adjustment = Literal["bonferroni", "holm", "hochberg", "bh", "by"]


@dataclass(frozen=True, kw_only=True)
class HypothesisFamily:
    """A family of tests, and their p-values adjusted for its size.

    Attributes:
        adjusted: Shape (m,), in the order of the input; NaN for a test without a result.
        size: Number of tests with a result, for which the p-values are adjusted.
        rejected: Shape (m,), whether the adjusted p is below ``alpha``.
        alpha: Significance level of the whole family.
    """

    adjusted: Floats
    size: int
    method: Adjustment
    rejected: NDArray[np.bool_]
    alpha: float
    note: str = ""


def family(p_values: ArrayLike, *, method: Adjustment = "holm", alpha: float = 0.05) -> HypothesisFamily:
    """Adjust p-values as ``adjust`` does, and test them at the level ``alpha`` of the whole family."""
    check_share(alpha, "alpha")
    adjusted = adjust(p_values, method=method)
    missing = int(np.isnan(adjusted).sum())
    return HypothesisFamily(
        adjusted=adjusted,
        size=adjusted.size - missing,
        method=method,
        rejected=adjusted < alpha,
        alpha=alpha,
        note=f"{missing} tests without a result are not counted" if missing else "",
    )


def adjust(p_values: ArrayLike, *, method: Adjustment = "holm") -> Floats:
    """Adjust p-values for the size of their family.

    NaN stands for a test without a result: it is not counted, and is NaN in the result.
    Source: Holm 1979, Hochberg 1988, Benjamini and Hochberg 1995, Benjamini and Yekutieli 2001.

    Args:
        p_values: Shape (m,).
        method: ``holm``, ``hochberg`` and ``bonferroni`` control the family-wise
            error rate, ``bh`` and ``by`` the false discovery rate.

    Returns:
        Shape (m,), in the order of ``p_values``.
    """
    raw = np.asarray(p_values, dtype=np.float64)
    if raw.ndim != 1 or (raw < 0).any() or (raw > 1).any():
        raise ValueError(f"p-values must be between 0 and 1, of shape (m,), not {raw}")
    adjusted = np.full(raw.size, np.nan)
    defined = np.flatnonzero(~np.isnan(raw))
    order = defined[np.argsort(raw[defined], kind="stable")]
    scaled = raw[order] * _factors(method, order.size)
    if method == "holm":
        scaled = np.maximum.accumulate(scaled)
    elif method != "bonferroni":
        scaled = np.minimum.accumulate(scaled[::-1])[::-1]
    adjusted[order] = np.minimum(scaled, 1.0)
    return adjusted


def _factors(method: Adjustment, m: int) -> Floats:
    rank = np.arange(1, m + 1, dtype=np.float64)
    factors = {
        "bonferroni": np.full(m, float(m)),
        "holm": m - rank + 1,
        "hochberg": m - rank + 1,
        "bh": m / rank,
        "by": m / rank * (1 / rank).sum(),
    }
    if method not in factors:
        raise ValueError(f"unknown method {method!r}; use one of {', '.join(factors)}")
    chosen: Floats = factors[method]
    return chosen
