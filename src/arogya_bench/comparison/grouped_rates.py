"""Shares and means over cases, with intervals that hold where patients have several images."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import few_groups_note
from arogya_bench.types import Floats, Labels

CONFIDENCE = 0.95


def grouped_share(flags: NDArray[np.bool_], group_of: Labels) -> Interval:
    """Compute a share of cases with Wilson's interval on the number of cases that count as independent.

    That number is p (1 - p) over the variance between groups, at most n; it is the number of groups for a share of 0
    or 1, which shows no variance. With one case per group the interval is Wilson's.

    Source: Wilson 1927; the effective sample size by Dean and Pagano 2015.

    Args:
        flags: Shape (n,).
        group_of: Shape (n,), any integer per group.

    Raises:
        UndefinedMetric: If there are no cases.
    """
    share = _mean(flags)
    groups = np.unique(group_of).size
    spread, independent = share * (1 - share), _independent_cases(flags, group_of)
    z = float(ndtri((1 + CONFIDENCE) / 2))
    center = (share + z**2 / (2 * independent)) / (1 + z**2 / independent)
    margin = z / (1 + z**2 / independent) * sqrt(spread / independent + z**2 / (4 * independent**2))
    low = center - margin if share > 0 else 0.0  # which rounding would miss
    high = center + margin if share < 1 else 1.0
    return _interval(share, (low, high), flags.size, groups, "wilson")


def _independent_cases(flags: NDArray[np.bool_], group_of: Labels) -> float:
    groups, share = np.unique(group_of).size, _mean(flags)
    spread, variance = share * (1 - share), _variance(flags.astype(np.float64), group_of)
    if groups == flags.size:
        return float(flags.size)
    if spread == 0:
        return float(groups)
    return float(min(flags.size, spread / variance)) if variance else float(flags.size)


def grouped_mean(values: Floats, group_of: Labels) -> Interval:
    """Compute a mean over cases with Student's t on the variance between groups; no interval from one group.

    Raises:
        UndefinedMetric: If there are no cases.
    """
    mean = _mean(values)
    groups = np.unique(group_of).size
    if groups < 2:
        return _interval(mean, (None, None), values.size, groups, "none")
    margin = float(stdtrit(groups - 1, (1 + CONFIDENCE) / 2)) * sqrt(_variance(values, group_of))
    return _interval(mean, (mean - margin, mean + margin), values.size, groups, "t, variance over groups")


def _mean(values: Floats | NDArray[np.bool_]) -> float:
    if not values.size:
        raise UndefinedMetric("no cases")
    return float(values.mean())


def _variance(values: Floats, group_of: Labels) -> float:
    """The variance of the mean, from the sums of the deviations of each group; 0 for one group."""
    index = np.unique(group_of, return_inverse=True)[1]
    deviations = np.bincount(index, values - values.mean())
    groups = deviations.size
    return float(groups / (groups - 1) * (deviations**2).sum() / values.size**2) if groups > 1 else 0.0


def _interval(estimate: float, ends: tuple[float | None, float | None], n: int, groups: int, method: str) -> Interval:
    low, high = ends
    return Interval(
        estimate=estimate,
        low=low,
        high=high,
        confidence=CONFIDENCE,
        method=method,
        n=n,
        groups=groups,
        note=few_groups_note(groups),
    )
