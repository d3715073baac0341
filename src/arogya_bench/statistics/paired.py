"""Two models on the same cases, or on the same splits: t, signed ranks, corrected resampled t."""

from dataclasses import dataclass
from math import ceil, log10, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtr, stdtrit
from scipy.stats import rankdata

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.inversion import FLAT
from arogya_bench.types import Floats

EXACT = 25  # differences up to which signed ranks are counted out, not approximated
DIGITS = 12  # float noise beyond them would split ties and make up differences
WALSH_LIMIT = 2_000  # above it the Walsh averages need more than 16 MB

IDENTICAL = "all differences are 0: the models cannot be told apart here"
CONSTANT = "no spread: all differences are the same, so none of this can be tested"


@dataclass(frozen=True, kw_only=True)
class PairedT(Interval):
    """Mean difference of two models, and Student's test of it; one case per group is assumed.

    Attributes:
        t: None without spread.
        df: Degrees of freedom, n - 1.
        p_value: Two-sided; 1 for identical models, None for a constant difference that is not 0.
        d_z: Effect, mean / standard deviation of the differences; None without spread.
    """

    t: float | None
    df: int
    p_value: float | None
    d_z: float | None


@dataclass(frozen=True, kw_only=True)
class CorrectedT(Interval):
    """Mean difference of two learning algorithms over resampled splits.

    Attributes:
        t: With the variance that overlapping training sets call for; None without spread.
        df: Degrees of freedom, n - 1.
        p_value: Two-sided, the headline.
        p_one_sided: For the first algorithm being better.
        t_uncorrected: As if the splits were independent; rejects too often.
        n: Number of splits.
        groups: The same; the correction stands for their overlap.
    """

    t: float | None
    df: int
    p_value: float | None
    p_one_sided: float | None
    t_uncorrected: float | None
    p_uncorrected: float | None
    p_uncorrected_one_sided: float | None

    @property
    def mean(self) -> float:
        """The estimate, a mean of differences."""
        return self.estimate


@dataclass(frozen=True, kw_only=True)
class Wilcoxon:
    """Whether differences lie around 0, by their signed ranks; one case per group is assumed.

    Attributes:
        W_min: The smaller of the two rank sums.
        V: Rank sum of the positive differences.
        p_value: Two-sided, differences of 0 dropped: exact up to 25 others, ties included; then
            normal, corrected for ties, without continuity correction.
        p_greater: For positive differences; ``p_less`` for negative ones.
        p_pratt: Two-sided, with zeros ranked before they are dropped; a check of ``p_value``.
        p_asymptotic: Always normal; ``_cc`` with continuity correction.
        rank_biserial: Effect, -1 to 1: (V - the other rank sum) / their sum; None if all are 0.
        hodges_lehmann: Shift, the median Walsh average; zeros count. None above 2,000 cases.
        low: Lower end of the interval of the shift; None where ``note`` says why.
        n: Number of differences that are not 0.
        groups: The same.
        zeros: Number of those that are.
        seed: None: nothing is drawn.
        note: What a reader should know; empty if nothing.
    """

    W_min: float
    V: float
    p_value: float
    p_greater: float
    p_less: float
    p_pratt: float
    p_asymptotic: float
    p_asymptotic_cc: float
    p_pratt_asymptotic: float
    rank_biserial: float | None
    hodges_lehmann: float | None
    low: float | None
    high: float | None
    confidence: float
    n: int
    groups: int
    zeros: int
    method: str
    seed: int | None = None
    note: str = ""

    @property
    def ci(self) -> tuple[float | None, float | None]:
        """Both ends of the interval of the shift."""
        return self.low, self.high


class _T(NamedTuple):
    t: float | None = None
    p_value: float | None = None
    p_greater: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


class _Ranks(NamedTuple):
    exact: bool
    V: float
    two_sided: float
    greater: float
    less: float
    asymptotic: float
    asymptotic_cc: float


class _Shift(NamedTuple):
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


def rounded(values: ArrayLike, largest: float) -> Floats:
    """Cut float noise: keep 12 digits of the largest score, and no more than 12 decimals.

    Args:
        values: Any shape.
        largest: The largest absolute score that the values come from.
    """
    kept: Floats = np.round(np.asarray(values, float), DIGITS - ceil(log10(max(1.0, largest))))
    return kept


def paired_t(x: ArrayLike, y: ArrayLike, *, confidence: float = 0.95) -> PairedT:
    """Test whether the mean difference x - y is 0.

    Formula: t = mean(d) / (sd(d) / √n), d_z = mean(d) / sd(d), with n - 1 in sd.
    Source: Student 1908; Cohen 1988.

    Args:
        x: Shape (n,), one value of the first model per case.
        y: Shape (n,), of the second model.
        confidence: Share of such intervals that hold the truth, 0 to 1.

    Raises:
        UndefinedMetric: If there are no cases.
        ValueError: If shapes differ, or a value is not finite.
    """
    differences, largest = _differences(x, y)
    n = differences.size
    found = _t_test(differences, 1 / n, largest, confidence)
    return PairedT(
        estimate=_mean(differences, largest),
        low=found.low,
        high=found.high,
        method="paired t",
        confidence=confidence,
        n=n,
        groups=n,
        note=found.note,
        t=found.t,
        df=n - 1,
        p_value=found.p_value,
        d_z=None if found.t is None else found.t / sqrt(n),
    )


def corrected_resampled_t(
    differences: ArrayLike, *, test_train_ratio: float, confidence: float = 0.95
) -> CorrectedT:
    """Test whether one learning algorithm beats another, over splits that share training cases.

    Formula: t = mean(d) / √((1/J + n_test/n_train) · var(d)), J - 1 degrees of freedom.
    Source: Nadeau and Bengio 2003; Bouckaert and Frank 2004 for repeated cross-validation.

    Args:
        differences: Shape (J,), first minus second score, one per split.
        test_train_ratio: Test cases divided by training cases, such as 1/9 in ten folds.
        confidence: Share of such intervals that hold the truth, 0 to 1.

    Raises:
        UndefinedMetric: If there are no splits.
        ValueError: If the ratio is not above 0, or a difference is not finite.
    """
    if not 0 < test_train_ratio < np.inf:
        raise ValueError(f"test_train_ratio is {test_train_ratio}, not above 0")
    d, largest = _differences(differences, None)
    found = _t_test(d, 1 / d.size + test_train_ratio, largest, confidence)
    plain = _t_test(d, 1 / d.size, largest, confidence)
    return CorrectedT(
        estimate=_mean(d, largest),
        low=found.low,
        high=found.high,
        method="corrected resampled t",
        confidence=confidence,
        n=d.size,
        groups=d.size,
        note=found.note,
        t=found.t,
        df=d.size - 1,
        p_value=found.p_value,
        p_one_sided=found.p_greater,
        t_uncorrected=plain.t,
        p_uncorrected=plain.p_value,
        p_uncorrected_one_sided=plain.p_greater,
    )


def wilcoxon(x: ArrayLike, y: ArrayLike | None = None, *, confidence: float = 0.95) -> Wilcoxon:
    """Test whether differences lie around 0.

    Source: Wilcoxon 1945; Pratt 1959 for zeros; Hodges and Lehmann 1963 for the shift, its ends by
    Tukey's order statistics of the Walsh averages.

    Args:
        x: Shape (n,), one value of the first model per case, or the differences.
        y: Shape (n,), of the second model; None if ``x`` are differences.
        confidence: Share of such intervals that hold the truth, 0 to 1.

    Raises:
        UndefinedMetric: If there are no cases.
        ValueError: If shapes differ, or a value is not finite.
    """
    d = rounded(*_differences(x, y))
    moved = d != 0
    up = d[moved] > 0
    dropped = _ranked(rankdata(np.abs(d[moved])), up)
    pratt = _ranked(rankdata(np.abs(d))[moved], up)
    shift = _shift(d, confidence)
    n = up.size
    total = n * (n + 1) / 2
    return Wilcoxon(
        W_min=min(dropped.V, total - dropped.V),
        V=dropped.V,
        p_value=dropped.two_sided,
        p_greater=dropped.greater,
        p_less=dropped.less,
        p_pratt=pratt.two_sided,
        p_asymptotic=dropped.asymptotic,
        p_asymptotic_cc=dropped.asymptotic_cc,
        p_pratt_asymptotic=pratt.asymptotic,
        rank_biserial=(2 * dropped.V - total) / total if n else None,
        hodges_lehmann=shift.estimate,
        low=shift.low,
        high=shift.high,
        confidence=confidence,
        n=n,
        groups=n,
        zeros=d.size - n,
        method=f"Wilcoxon signed-rank, {'exact' if dropped.exact else 'normal'}",
        note=shift.note,
    )


def _differences(x: ArrayLike, y: ArrayLike | None) -> tuple[Floats, float]:
    """The differences, and the largest absolute score behind them."""
    scores = [np.asarray(side, dtype=np.float64) for side in (x, y) if side is not None]
    if any(side.ndim != 1 or side.shape != scores[0].shape for side in scores):
        raise ValueError(f"scores have shapes {[side.shape for side in scores]}, not twice (n,)")
    if not scores[0].size:
        raise UndefinedMetric("a difference of no cases")
    if not np.isfinite(scores).all():
        raise ValueError(f"{int((~np.isfinite(scores)).sum())} scores are not finite")
    differences = scores[0] if y is None else scores[0] - scores[1]
    return differences, max(1.0, float(np.abs(scores).max()))


def _mean(differences: Floats, largest: float) -> float:
    mean = float(differences.mean())
    return 0.0 if abs(mean) <= FLAT * largest else mean


def _t_test(differences: Floats, factor: float, largest: float, confidence: float) -> _T:
    """Test a mean whose variance is ``factor`` times that of one difference."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}, not between 0 and 1")
    mean, df = _mean(differences, largest), differences.size - 1
    if df < 1:
        return _T(note="a single difference says nothing about the spread")
    sd = float(differences.std(ddof=1))
    if sd <= FLAT * largest:
        same = _T(p_value=1.0, p_greater=0.5, low=0.0, high=0.0, note=IDENTICAL)
        return _T(note=CONSTANT) if mean else same
    se = sqrt(factor) * sd
    t = mean / se
    half = float(stdtrit(df, (1 + confidence) / 2)) * se
    two_sided, greater = 2 * float(stdtr(df, -abs(t))), float(stdtr(df, -t))
    return _T(t, two_sided, greater, mean - half, mean + half)


def _ranked(ranks: Floats, up: Floats) -> _Ranks:
    """Tails of the sum of the ranks that go up, if each were as likely to go down."""
    v, mean, sd = float(ranks[up].sum()), float(ranks.sum() / 2), sqrt((ranks**2).sum() / 4)
    if not ranks.size:
        return _Ranks(True, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    z, z_cc = (v - mean) / sd, max(0.0, abs(v - mean) - 0.5) / sd
    exact = ranks.size <= EXACT
    if exact:
        # Midranks are whole or half numbers.
        null, at = _rank_sums(np.rint(2 * ranks).astype(np.int64)), round(2 * v)
        greater, less = float(null[at:].sum()), float(null[: at + 1].sum())
    else:
        greater, less = float(ndtr(-z)), float(ndtr(z))
    return _Ranks(
        exact=exact,
        V=v,
        two_sided=min(1.0, 2 * min(greater, less)),
        greater=greater,
        less=less,
        asymptotic=2 * float(ndtr(-abs(z))),
        asymptotic_cc=2 * float(ndtr(-z_cc)),
    )


def _rank_sums(ranks: Floats) -> Floats:
    """Chance of each sum 0, 1, ... of whole ranks, each taken or left at even odds."""
    chances = np.zeros(int(ranks.sum()) + 1)
    chances[0] = 1.0
    for rank in ranks:
        taken = chances[:-rank] / 2
        chances /= 2
        chances[rank:] += taken
    return chances


def _shift(differences: Floats, confidence: float) -> _Shift:
    if not differences.any():
        return _Shift(0.0, 0.0, 0.0, IDENTICAL)
    n = differences.size
    if n > WALSH_LIMIT:
        return _Shift(note=f"no shift: {n} cases, above the limit of {WALSH_LIMIT}")
    first, second = np.triu_indices(n)
    walsh = np.sort((differences[first] + differences[second]) / 2)
    estimate = float(np.median(walsh))
    outside = _outside(n, (1 - confidence) / 2)
    if outside < 1:
        return _Shift(estimate, note=f"no interval: {n} cases are too few for {confidence:.0%}")
    return _Shift(estimate, float(walsh[outside - 1]), float(walsh[-outside]))


def _outside(n: int, tail: float) -> int:
    """Rank of the Walsh average from either end at which the interval ends; 0 if it has none."""
    if n <= EXACT:
        return int(np.searchsorted(np.cumsum(_rank_sums(np.arange(1, n + 1))), tail))
    spread = sqrt(n * (n + 1) * (2 * n + 1) / 24)
    return int(n * (n + 1) / 4 + ndtri(tail) * spread + 0.5)
