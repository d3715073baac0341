"""p-values of a family of tests, adjusted so that the family keeps its level."""

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
        adjusted: Shape (m,), in the order they were given; NaN for a test that could not be made.
        size: Tests that were made, which the adjustment counts.
        method: How they were adjusted.
        rejected: Shape (m,), whether the adjusted p is below ``alpha``.
        alpha: Level of the whole family.
        note: What a reader should know; empty if nothing.
    """

    adjusted: Floats
    size: int
    method: Adjustment
    rejected: NDArray[np.bool_]
    alpha: float
    note: str = ""


def family(
    p_values: ArrayLike, *, method: Adjustment = "holm", alpha: float = 0.05
) -> HypothesisFamily:
    """Adjust p-values, and say how large the family is and which tests reject.

    Args:
        p_values: Any number of them, shape (m,); NaN for a test that could not be made.
        method: As of ``adjust``.
        alpha: Level of the whole family.

    Raises:
        ValueError: If a value is no probability, or the method is unknown.
    """
    check_share(alpha, "alpha")
    adjusted = adjust(p_values, method=method)
    missing = int(np.isnan(adjusted).sum())
    return HypothesisFamily(
        adjusted=adjusted,
        size=adjusted.size - missing,
        method=method,
        rejected=adjusted < alpha,
        alpha=alpha,
        note=f"{missing} tests could not be made and are not counted" if missing else "",
    )


def adjust(p_values: ArrayLike, *, method: Adjustment = "holm") -> Floats:
    """Adjust p-values for the size of their family.

    A NaN is a test that could not be made: it is set aside, not counted, and put back.
    Source: Holm 1979, Hochberg 1988, Benjamini and Hochberg 1995, Benjamini and Yekutieli 2001.

    Args:
        p_values: Any number of them, shape (m,).
        method: ``holm``, ``hochberg`` and ``bonferroni`` bound the chance of any false
            rejection, ``bh`` and ``by`` the share of false ones among the rejected.

    Returns:
        Shape (m,), in the order of ``p_values``.

    Raises:
        ValueError: If a value is no probability, or the method is unknown.
    """
    raw = np.asarray(p_values, dtype=np.float64)
    if raw.ndim != 1 or (raw < 0).any() or (raw > 1).any():
        raise ValueError(f"p-values must be one row of numbers from 0 to 1, not {raw}")
    adjusted = np.full(raw.size, np.nan)
    made = np.flatnonzero(~np.isnan(raw))
    order = made[np.argsort(raw[made], kind="stable")]
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
        raise ValueError(f"unknown method {method!r}; known are {', '.join(factors)}")
    chosen: Floats = factors[method]
    return chosen
