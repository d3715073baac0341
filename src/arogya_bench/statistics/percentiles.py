"""Percentiles of request times with bounds that assume no distribution, and rates and ratios by round."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import exp

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit
from scipy.stats import binom

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.binary_counts import check_share
from arogya_bench.metrics.result import Result
from arogya_bench.types import Floats

# Requests needed at 99 % confidence with one request above the limit, as in MLPerf LoadGen.
MIN_REQUESTS = {50: 11, 90: 64, 95: 130, 99: 662}


@dataclass(frozen=True, kw_only=True)
class PercentileEstimate(Result):
    """A percentile with its interval.

    Attributes:
        value: By linear interpolation; None below the least number of requests, with the reason in ``note``.
        low: None without a value, or if the interval has no lower end.
        high: None without a value, or if the interval has no upper end.
        n: Number of requests; ``groups`` is the number of blocks where they are dependent.
    """

    percent: float
    value: float | None
    low: float | None
    high: float | None
    confidence: float


@dataclass(frozen=True, kw_only=True)
class RateEstimate(Result):
    """Images per second, with an interval over rounds; no interval from a single round."""

    value: float
    low: float | None
    high: float | None
    confidence: float


@dataclass(frozen=True, kw_only=True)
class RatioEstimate(Result):
    """The ratio of two series that were measured in the same rounds; no interval from a single round."""

    value: float
    low: float | None
    high: float | None
    confidence: float


@cache
def least_requests(percent: float, *, confidence: float = 0.99) -> int:
    """Compute how many requests a percentile needs: the least n with BinomCDF(1; n, 1 - p) <= 1 - c.

    Source: early stopping of MLPerf LoadGen, with one request above the limit.
    """
    share, alpha = _share(percent), 1 - check_share(confidence, "confidence")
    n = 1
    while binom.cdf(1, n, 1 - share) > alpha:
        n *= 2
    low = n // 2  # too few
    while n - low > 1:
        middle = (low + n) // 2
        low, n = (low, middle) if binom.cdf(1, middle, 1 - share) <= alpha else (middle, n)
    return n


def linear_percentile(values: ArrayLike, percent: float) -> float:
    """Interpolate a percentile linearly, however few values there are; the tables use ``percentile``.

    Raises:
        UndefinedMetric: If there are no values.
    """
    return float(np.quantile(_column(values), _share(percent)))


def percentile(values: ArrayLike, percent: float, *, confidence: float = 0.95) -> PercentileEstimate:
    """Estimate a percentile of independent requests.

    Interval: order statistics l and u, counted from 1, with l = BinomPPF(alpha/2; n, p) and
    u = BinomPPF(1 - alpha/2; n, p) + 1; there is no end at l = 0 and u = n + 1.

    Args:
        values: Shape (n,), time of each request.
        percent: Between 0 and 100.
        confidence: Nominal level of the interval, between 0 and 1.

    Raises:
        UndefinedMetric: If there are no values.
    """
    times, share, alpha = np.sort(_column(values)), _share(percent), 1 - check_share(confidence, "confidence")
    n, least = times.size, least_requests(percent)
    estimate = PercentileEstimate(
        percent=float(percent),
        value=None,
        low=None,
        high=None,
        confidence=confidence,
        method="linear interpolation; order statistics",
        n=n,
        groups=n,
    )
    if n < least:
        return replace(estimate, note=f"n/a (n={n}, needs {least})")
    lower, upper = int(binom.ppf(alpha / 2, n, share)), int(binom.ppf(1 - alpha / 2, n, share)) + 1
    return replace(
        estimate,
        value=linear_percentile(times, percent),
        low=float(times[lower - 1]) if lower >= 1 else None,
        high=float(times[upper - 1]) if upper <= n else None,
        note="" if upper <= n else "no upper end: too few requests",
    )


def percentile_upper_bound(values: ArrayLike, percent: float, *, confidence: float = 0.99) -> float | None:
    """Bound a percentile of independent requests from above.

    Source: early stopping of MLPerf LoadGen. With the largest t such that BinomCDF(t; n, 1 - p) <= 1 - c,
    the bound is the largest of the values without the t - 1 largest.

    Returns:
        None if there are too few requests for any bound.

    Raises:
        UndefinedMetric: If there are no values.
    """
    times, share, alpha = np.sort(_column(values)), _share(percent), 1 - check_share(confidence, "confidence")
    above = int(binom.ppf(alpha, times.size, 1 - share))  # the least with a CDF of alpha or more
    if binom.cdf(above, times.size, 1 - share) > alpha:
        above -= 1
    return float(times[times.size - above]) if above >= 1 else None


def rate_interval(
    images: Sequence[float] | Floats, seconds: Sequence[float] | Floats, *, confidence: float = 0.95
) -> RateEstimate:
    """Compute images per second as all images over the total time, with an interval over rounds.

    Source: jackknife over rounds with Student's t; never the mean of the rates.

    Raises:
        UndefinedMetric: If there are no rounds.
    """
    counts, times = _column(images), _column(seconds)
    if counts.size != times.size:
        raise ValueError(f"{counts.size} counts of images and {times.size} durations")
    n, rate = counts.size, float(counts.sum() / times.sum())
    low = high = None
    if n > 1:
        without = (counts.sum() - counts) / (times.sum() - times)
        se = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
        margin = _t_quantile(n - 1, confidence) * se
        low, high = max(0.0, rate - margin), rate + margin
    return RateEstimate(
        value=rate,
        low=low,
        high=high,
        confidence=confidence,
        method="images / total time; jackknife over rounds",
        n=n,
        groups=n,
        note="" if n > 1 else "a single round: no interval",
    )


def paired_ratio(
    a_by_round: Sequence[float] | Floats, b_by_round: Sequence[float] | Floats, *, confidence: float = 0.95
) -> RatioEstimate:
    """Compute the geometric mean of a / b over rounds, with Student's t on the logarithms.

    Raises:
        UndefinedMetric: If there are no rounds.
    """
    a, b = _column(a_by_round), _column(b_by_round)
    if a.size != b.size:
        raise ValueError(f"{a.size} and {b.size} rounds: both need the same ones")
    logs, n = np.log(a) - np.log(b), a.size
    center = float(logs.mean())
    margin = _t_quantile(n - 1, confidence) * float(logs.std(ddof=1)) / n**0.5 if n > 1 else None
    return RatioEstimate(
        value=exp(center),
        low=None if margin is None else exp(center - margin),
        high=None if margin is None else exp(center + margin),
        confidence=confidence,
        method="geometric mean of ratios; t over rounds",
        n=n,
        groups=n,
        note="" if n > 1 else "a single round: no interval",
    )


def lag_one_autocorrelation(values: ArrayLike) -> float | None:
    """Compute the correlation of each request with the next; None for fewer than 3 requests or equal ones."""
    times = np.asarray(values, dtype=np.float64)
    deviations = times - times.mean() if times.size else times
    total = float((deviations**2).sum())
    if times.size < 3 or np.ptp(times) == 0:
        return None
    return float((deviations[1:] * deviations[:-1]).sum() / total)


def half_drift(values: ArrayLike) -> float | None:
    """Compute median of the second half / median of the first half - 1; None for fewer than 2 requests."""
    times = np.asarray(values, dtype=np.float64)
    if times.size < 2:
        return None
    middle = times.size // 2
    first = float(np.median(times[:middle]))
    return float(np.median(times[middle:])) / first - 1 if first > 0 else None


def _share(percent: float) -> float:
    return check_share(percent / 100, "percent / 100")


def _t_quantile(df: int, confidence: float) -> float:
    return float(stdtrit(df, (1 + check_share(confidence, "confidence")) / 2))


def _column(values: ArrayLike) -> Floats:
    """Times, counts or durations: one column, all above 0."""
    column = np.asarray(values, dtype=np.float64)
    if not column.size:
        raise UndefinedMetric("no timed requests")
    if column.ndim != 1 or not (np.isfinite(column) & (column > 0)).all():
        raise ValueError(f"shape {column.shape}, lowest {column.min()}: values must be one column above 0")
    return column
