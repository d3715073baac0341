"""Wilcoxon's signed-rank test with the Hodges-Lehmann shift and its interval."""

from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Literal, TypeAlias

import numpy as np
import scipy
from numpy.typing import ArrayLike
from scipy.special import ndtri

from arogya_bench.metrics.binary_counts import check_share
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.t_tests import (
    CONSTANT_NOTE,
    IDENTICAL_NOTE,
    paired_differences,
    remove_rounding_noise,
    standard_deviation,
)
from arogya_bench.types import Floats

MAX_EXACT_CASES = 25  # cases that differ; above, the normal approximation is used
MAX_WALSH_CASES = 1_000  # cases; above, the means of pairs are counted instead of stored

ZeroMethod: TypeAlias = Literal["wilcox", "pratt"]  # zeros dropped before or after ranking


@dataclass(frozen=True, kw_only=True)
class Wilcoxon(Interval):
    """Result of Wilcoxon's signed-rank test.

    Attributes:
        estimate: Hodges-Lehmann shift, the median of the means of all pairs of differences.
        W_min: The smaller of the two rank sums.
        V: Rank sum of the positive differences.
        p_value: Two-sided; exact up to 25 cases that differ, ties included, else normal.
        p_greater: One-sided, for the alternative that the first column is larger.
        p_less: One-sided, for the alternative that it is smaller.
        p_asymptotic: Two-sided, normal approximation with tie but without continuity correction.
        p_pratt: Two-sided, with zeros ranked and then dropped (Pratt 1959).
        rank_biserial: (positive - negative rank sum) / total rank sum, -1 to 1.
        d_z: Cohen's d of all differences; None without spread.
        zeros: Number of cases without a difference, which the test drops.
    """

    W_min: float
    V: float
    p_value: float
    p_greater: float
    p_less: float
    p_asymptotic: float
    p_pratt: float
    rank_biserial: float | None
    d_z: float | None
    zeros: int


def wilcoxon(x: ArrayLike, y: ArrayLike | None = None, *, confidence: float = 0.95) -> Wilcoxon:
    """Test whether paired differences are symmetric around 0.

    With several cases per group, pass the mean of each group. Source: Wilcoxon 1945; shift and
    interval by Hodges and Lehmann 1963.

    Args:
        x: Shape (n,), scores of the first model, or the differences if ``y`` is None.
        y: Shape (n,), scores of the second model on the same cases.
        confidence: Nominal level of the interval, between 0 and 1.

    Raises:
        UndefinedMetric: With fewer than two cases.
    """
    other = np.zeros(np.shape(x)) if y is None else y
    d = paired_differences(x, other)
    largest = max(float(np.abs(np.asarray(column)).max()) for column in (x, other))
    rounded = remove_rounding_noise(d, largest)
    nonzero = rounded[rounded != 0]
    ranks = scipy.stats.rankdata(np.abs(nonzero))
    V, total = float(ranks[nonzero > 0].sum()), float(ranks.sum())
    less, greater = _one_sided_p_values(rounded, "wilcox")
    spread = standard_deviation(rounded)
    shift = _hodges_lehmann(d, confidence)
    return Wilcoxon(
        estimate=shift[0],
        low=shift[1],
        high=shift[2],
        method=f"Wilcoxon signed-rank, {'exact' if nonzero.size <= MAX_EXACT_CASES else 'normal'}",
        confidence=confidence,
        n=d.size,
        groups=d.size,
        note=_note(d, nonzero, shift[1]),
        W_min=min(V, total - V),
        V=V,
        p_value=min(1.0, 2 * min(less, greater)),
        p_greater=greater,
        p_less=less,
        p_asymptotic=min(1.0, 2 * min(_normal_p_values(rounded, "wilcox"))),
        p_pratt=min(1.0, 2 * min(_one_sided_p_values(rounded, "pratt"))),
        rank_biserial=(2 * V - total) / total if total else None,
        d_z=float(rounded.mean()) / spread if spread else None,
        zeros=d.size - nonzero.size,
    )


def _one_sided_p_values(d: Floats, zeros: ZeroMethod) -> tuple[float, float]:
    if np.count_nonzero(d) > MAX_EXACT_CASES:
        return _normal_p_values(d, zeros)
    # scipy's exact distribution has no ties, and its enumeration of all signs no 25 cases.
    ranked = d if zeros == "pratt" else d[d != 0]
    ranks, positive = scipy.stats.rankdata(np.abs(ranked))[ranked != 0], ranked[ranked != 0] > 0
    # Twice the ranks are integers, ties included.
    doubled = np.rint(2 * ranks).astype(np.int64)
    distribution, statistic = _rank_sum_distribution(doubled), int(doubled[positive].sum())
    less, greater = distribution[: statistic + 1].sum(), distribution[statistic:].sum()
    return float(less), float(greater)


def _normal_p_values(d: Floats, zeros: ZeroMethod) -> tuple[float, float]:
    if not d.any():
        return 1.0, 1.0
    test = partial(scipy.stats.wilcoxon, d, zero_method=zeros, correction=False, method="asymptotic")
    return float(test(alternative="less").pvalue), float(test(alternative="greater").pvalue)


def _rank_sum_distribution(weights: np.ndarray) -> Floats:
    """Probability of every sum of a random subset of the weights, shape (sum + 1,)."""
    chances = np.zeros(int(weights.sum()) + 1)
    chances[0] = 1.0
    for weight in weights:
        shifted = np.zeros_like(chances)
        shifted[weight:] = chances[: chances.size - weight]
        chances = (chances + shifted) / 2
    return chances


def _hodges_lehmann(d: Floats, confidence: float) -> tuple[float, float | None, float | None]:
    n, outside = d.size, (1 - check_share(confidence, "confidence")) / 2
    walsh = _WalshAverages(np.sort(d))
    pairs = n * (n + 1) // 2
    middle = (walsh.order_statistic((pairs + 1) // 2) + walsh.order_statistic(pairs // 2 + 1)) / 2
    if n <= MAX_EXACT_CASES:
        below = _rank_sum_distribution(2 * np.arange(1, n + 1))[::2].cumsum()
        cut = int(np.searchsorted(below, outside, side="right"))
    else:
        sd = sqrt(n * (n + 1) * (2 * n + 1) / 24)
        cut = int(np.floor(n * (n + 1) / 4 + float(ndtri(outside)) * sd))
    if cut < 1:
        return middle, None, None
    return middle, walsh.order_statistic(cut), walsh.order_statistic(pairs - cut + 1)


class _WalshAverages:
    """Means of all pairs of sorted numbers, each with itself too; stored only if they are few."""

    def __init__(self, ordered: Floats) -> None:
        self._sorted_values = ordered
        self._averages: Floats | None = None
        if ordered.size <= MAX_WALSH_CASES:
            first, second = np.triu_indices(ordered.size)
            self._averages = np.sort((ordered[first] + ordered[second]) / 2)

    def order_statistic(self, rank: int) -> float:
        """The mean of this rank, 1 being the smallest; found by bisection if not stored."""
        if self._averages is not None:
            return float(self._averages[rank - 1])
        low, high = float(self._sorted_values[0]), float(self._sorted_values[-1])
        position = np.arange(self._sorted_values.size)
        for _ in range(80):
            middle = (low + high) / 2
            partners = np.searchsorted(self._sorted_values, 2 * middle - self._sorted_values, side="right")
            enough = np.maximum(partners - position, 0).sum() >= rank
            low, high = (low, middle) if enough else (middle, high)
        return high


def _note(d: Floats, nonzero: Floats, low: float | None) -> str:
    if not nonzero.size:
        return IDENTICAL_NOTE
    notes = []
    if nonzero.size < 6:
        notes.append(f"only {nonzero.size} cases differ: p cannot be below .05")
    if low is None:
        notes.append("too few cases for an interval of the shift")
    if np.ptp(nonzero) == 0 and nonzero.size == d.size:
        notes.append(CONSTANT_NOTE)
    return "; ".join(notes)
