"""Wilcoxon's signed-rank test, with the shift that it tests."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import scipy
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

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

MAX_EXACT_CASES = 25  # cases that differ; beyond, the normal distribution is close
MAX_WALSH_CASES = 1_000  # cases; beyond, the means of pairs are counted and not made


@dataclass(frozen=True, kw_only=True)
class Wilcoxon(Interval):
    """Whether differences lie around 0, and the shift around which they lie.

    Attributes:
        estimate: Hodges-Lehmann shift, the median of the means of all pairs of differences.
        W_min: The smaller of the two sums of ranks.
        V: Sum of the ranks of positive differences.
        p_value: Two-sided; exact up to 25 cases that differ, ties included, else normal.
        p_greater: One-sided, that the first column is larger; as exact as ``p_value``.
        p_less: One-sided, that it is smaller.
        p_asymptotic: Two-sided, from the normal distribution, tie-corrected, not continuity.
        p_pratt: Two-sided with zeros ranked and then dropped (Pratt 1959), as a check.
        rank_biserial: (positive - negative sum of ranks) / their total, -1 to 1.
        d_z: Cohen's d of all the differences; None without spread.
        zeros: Cases without a difference, which the test drops.
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

    With several cases per group, give the mean of each group. Source: Wilcoxon 1945; shift and
    interval after Hodges and Lehmann 1963.

    Args:
        x: Shape (n,), of the first model; the differences themselves if ``y`` is None.
        y: Shape (n,), of the second model on the same cases.
        confidence: Share of such intervals that hold the truth, 0 to 1.

    Raises:
        UndefinedMetric: With fewer than two cases.
        ValueError: If the columns differ in shape or are not finite.
    """
    other = np.zeros(np.shape(x)) if y is None else y
    d = paired_differences(x, other)
    largest = max(float(np.abs(np.asarray(each)).max()) for each in (x, other))
    clear = remove_rounding_noise(d, largest)
    moved = clear[clear != 0]
    ranks = scipy.stats.rankdata(np.abs(moved))
    V = float(ranks[moved > 0].sum())
    pratt = scipy.stats.rankdata(np.abs(clear))[clear != 0]
    less, greater = _tail_probabilities(ranks, V)
    total, spread = float(ranks.sum()), standard_deviation(clear)
    shift = _hodges_lehmann(d, confidence)
    return Wilcoxon(
        estimate=shift[0],
        low=shift[1],
        high=shift[2],
        method=f"Wilcoxon signed-rank, {'exact' if moved.size <= MAX_EXACT_CASES else 'normal'}",
        confidence=confidence,
        n=d.size,
        groups=d.size,
        note=_note(d, moved, shift[1]),
        W_min=min(V, total - V),
        V=V,
        p_value=min(1.0, 2 * min(less, greater)),
        p_greater=greater,
        p_less=less,
        p_asymptotic=min(1.0, 2 * min(_normal_tail_probabilities(ranks, V))),
        p_pratt=min(1.0, 2 * min(_tail_probabilities(pratt, float(pratt[moved > 0].sum())))),
        rank_biserial=(2 * V - total) / total if total else None,
        d_z=float(clear.mean()) / spread if spread else None,
        zeros=d.size - moved.size,
    )


def _tail_probabilities(ranks: Floats, statistic: float) -> tuple[float, float]:
    if ranks.size > MAX_EXACT_CASES:
        return _normal_tail_probabilities(ranks, statistic)
    # Twice the ranks are whole numbers, ties included: count the signs that give each sum.
    chances = _rank_sum_distribution(np.rint(2 * ranks).astype(np.int64))
    place = round(2 * statistic)
    return float(chances[: place + 1].sum()), float(chances[place:].sum())


def _rank_sum_distribution(weights: np.ndarray) -> Floats:
    """Chance of every sum of a random half of the weights, shape (sum + 1,)."""
    chances = np.zeros(int(weights.sum()) + 1)
    chances[0] = 1.0
    for weight in weights:
        shifted = np.zeros_like(chances)
        shifted[weight:] = chances[: chances.size - weight]
        chances = (chances + shifted) / 2
    return chances


def _normal_tail_probabilities(ranks: Floats, statistic: float) -> tuple[float, float]:
    # Σ r²/4 is the variance with ties already in it.
    sd = sqrt(float((ranks**2).sum()) / 4)
    if not sd:
        return 1.0, 1.0
    z = (statistic - float(ranks.sum()) / 2) / sd
    return float(ndtr(z)), float(ndtr(-z))


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
    """Means of all pairs of sorted numbers, each with itself too; made only if they are few."""

    def __init__(self, ordered: Floats) -> None:
        self._sorted_values = ordered
        self._averages: Floats | None = None
        if ordered.size <= MAX_WALSH_CASES:
            first, second = np.triu_indices(ordered.size)
            self._averages = np.sort((ordered[first] + ordered[second]) / 2)

    def order_statistic(self, rank: int) -> float:
        """The mean of this rank, 1 is the smallest; of many by bisection over their count."""
        if self._averages is not None:
            return float(self._averages[rank - 1])
        low, high = float(self._sorted_values[0]), float(self._sorted_values[-1])
        own = np.arange(self._sorted_values.size)
        for _ in range(80):
            middle = (low + high) / 2
            upto = np.searchsorted(
                self._sorted_values, 2 * middle - self._sorted_values, side="right"
            )
            low, high = (low, middle) if np.maximum(upto - own, 0).sum() >= rank else (middle, high)
        return high


def _note(d: Floats, moved: Floats, low: float | None) -> str:
    if not moved.size:
        return IDENTICAL_NOTE
    notes = []
    if moved.size < 6:
        notes.append(f"only {moved.size} cases differ: a p below .05 is impossible")
    if low is None:
        notes.append("too few cases for an interval of the shift")
    if np.ptp(moved) == 0 and moved.size == d.size:
        notes.append(CONSTANT_NOTE)
    return "; ".join(notes)
