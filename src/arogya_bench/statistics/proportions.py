"""Proportions: the interval of one, the paired test of two, the difference that n can show."""

from dataclasses import dataclass, replace
from math import sqrt

import scipy
from scipy.special import betaincinv, ndtri

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.binary_counts import check_share
from arogya_bench.statistics.arguments import quantile
from arogya_bench.statistics.intervals import Interval

FEW_DISCORDANT = 10


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """Whether two models are right equally often on the same cases.

    Attributes:
        p_value: Two-sided mid-p, the headline.
        p_exact: Conditional test, capped at 1; too cautious.
        p_asymptotic: From ``chi2``, without continuity correction.
        p_asymptotic_cc: From ``chi2_cc``, with it.
        odds_ratio: b / c, the effect; None if c is 0.
        difference: (b - c) / total, of the shares that are right; None without a total.
        low: Lower end of its score interval (Tango 1998); None without a total.
        n: Number of discordant cases; the others say nothing about the difference.
        groups: The same, since one case per group is assumed.
        seed: None: nothing is drawn.
        note: What a reader should know; empty if nothing.
    """

    b: int
    c: int
    p_value: float
    p_exact: float
    p_asymptotic: float
    p_asymptotic_cc: float
    chi2: float
    chi2_cc: float
    odds_ratio: float | None
    difference: float | None
    low: float | None
    high: float | None
    confidence: float
    n: int
    groups: int
    method: str = "McNemar mid-p"
    seed: int | None = None
    note: str = ""

    @property
    def ci(self) -> tuple[float | None, float | None]:
        """Both ends of the interval of the difference."""
        return self.low, self.high


def wilson(successes: int, total: int, *, confidence: float = 0.95) -> Interval:
    """Interval of a proportion, for one case per group.

    Source: Wilson 1927; centre (p + z²/2n)/(1 + z²/n), half-width
    z/(1 + z²/n) · √(p(1-p)/n + z²/4n²).

    Args:
        successes: 0 to ``total``.
        total: Number of independent cases.
        confidence: Share of such intervals that hold the truth, 0 to 1.

    Raises:
        UndefinedMetric: If there are no cases.
        ValueError: If ``successes`` is not between 0 and ``total``.
    """
    if not 0 <= successes <= total:
        raise ValueError(f"{successes} successes of {total}")
    if total == 0:
        raise UndefinedMetric("a proportion of no cases")
    share = successes / total
    z = quantile(confidence)
    shrink = 1 + z**2 / total
    centre = (share + z**2 / (2 * total)) / shrink
    half = z / shrink * sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return Interval(
        estimate=share,
        # At the ends the formula gives 0 or 1 but for rounding.
        low=0.0 if successes == 0 else max(0.0, centre - half),
        high=1.0 if successes == total else min(1.0, centre + half),
        method="wilson",
        confidence=confidence,
        n=int(total),
        groups=int(total),
    )


def clopper_pearson(successes: int, total: int, *, confidence: float = 0.95) -> Interval:
    """Exact interval of a proportion, never too narrow, for one case per group.

    Source: Clopper and Pearson 1934: quantiles of Beta(x, n - x + 1) and Beta(x + 1, n - x).

    Takes the arguments of ``wilson`` and raises as it does.
    """
    share = wilson(successes, total, confidence=confidence)
    outside, misses = (1 - confidence) / 2, total - successes
    low = float(betaincinv(successes, misses + 1, outside)) if successes else 0.0
    high = float(betaincinv(successes + 1, misses, 1 - outside)) if misses else 1.0
    return replace(share, low=low, high=high, method="clopper-pearson")


def mcnemar(b: int, c: int, *, total: int | None = None, confidence: float = 0.95) -> McNemar:
    """Test whether two models are right equally often, from the cases where only one is.

    Source: McNemar 1947; mid-p after Fagerland, Lydersen and Laake 2013.

    Args:
        b: Cases where only the first model is right.
        c: Cases where only the second model is right.
        total: Number of all cases, for the interval of the difference.
        confidence: Of that interval, 0 to 1.

    Raises:
        ValueError: If a count is negative, or ``total`` smaller than the two.
    """
    if b != int(b) or c != int(c) or b < 0 or c < 0:
        raise ValueError(f"counts of cases cannot be negative or broken: {b}, {c}")
    m = int(b + c)
    fewer = int(min(b, c))
    exact = min(1.0, 2 * float(scipy.stats.binom.cdf(fewer, m, 0.5)))
    at_most = float(scipy.stats.binom.pmf(fewer, m, 0.5))
    tied = 1 - at_most / 2 if m else 1.0
    plain = (b - c) ** 2 / m if m else 0.0
    corrected = max(0, abs(b - c) - 1) ** 2 / m if m else 0.0
    no_odds = "no odds ratio: the second model is never right alone" if b and not c else ""
    low, high = (None, None) if total is None else tango_bounds(b, c, total, confidence)
    return McNemar(
        b=int(b),
        c=int(c),
        p_value=tied if b == c else 2 * float(scipy.stats.binom.cdf(fewer, m, 0.5)) - at_most,
        p_exact=exact,
        p_asymptotic=float(scipy.stats.chi2.sf(plain, 1)),
        p_asymptotic_cc=float(scipy.stats.chi2.sf(corrected, 1)),
        chi2=float(plain),
        chi2_cc=float(corrected),
        odds_ratio=b / c if c else None,
        difference=None if total is None else (b - c) / total,
        low=low,
        high=high,
        confidence=confidence,
        n=m,
        groups=m,
        note="; ".join(text for text in (few_discordant_note(m), no_odds) if text),
    )


def minimum_detectable_difference(
    discordant_share: float, n: int, *, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Difference of two proportions that a paired test shows with the given power.

    Formula: (z of 1 - alpha/2 + z of power) · √(d/n), about 2.80 · √(d/n) by default.

    Args:
        discordant_share: d, share of cases that only one of the two models gets right, 0 to 1.
        n: Number of independent cases.
        power: Chance of showing such a difference, 0 to 1.
        alpha: Two-sided level of the test.

    Raises:
        UndefinedMetric: If there are no cases.
        ValueError: If the share is none.
    """
    if not 0 <= discordant_share <= 1:
        raise ValueError(f"a share of {discordant_share} is not between 0 and 1")
    if not n >= 1:
        raise UndefinedMetric("no cases, so no difference can be seen")
    if check_share(power, "power") < 0.5:
        raise ValueError(f"power is {power}: a test that is more likely to miss than to see")
    check_share(alpha, "alpha")
    return float(ndtri(1 - alpha / 2) + ndtri(power)) * sqrt(discordant_share / n)


def tango_bounds(b: int, c: int, total: int, confidence: float) -> tuple[float, float]:
    """Both ends of the score interval of (b - c)/total. See ``paired_proportions``."""
    if min(b, c) < 0 or b + c > total:
        raise ValueError(f"{b} and {c} discordant of {total} cases")
    if not total:
        raise UndefinedMetric("a difference of no cases")
    z = quantile(confidence)
    return _tango_lower_bound(b, c, total, z), -_tango_lower_bound(c, b, total, z)


def _tango_lower_bound(b: int, c: int, n: int, z: float) -> float:
    """The smallest difference that a score test does not reject, by bisection."""
    low, high = -1.0, (b - c) / n
    for _ in range(60):
        middle = (low + high) / 2
        linear = (2 * n - b + c) * middle - b - c
        root = sqrt(max(0.0, linear**2 + 8 * n * c * middle * (1 - middle)))
        only_second = (root - linear) / (4 * n)
        spread = n * (2 * only_second + middle * (1 - middle))
        rejected = b - c - n * middle > z * sqrt(max(0.0, spread))
        low, high = (middle, high) if rejected else (low, middle)
    return (low + high) / 2


def few_discordant_note(m: int) -> str:
    """A note on few cases in which two models differ; empty if there are enough."""
    if m == 0:
        return "no case is discordant: the models are right and wrong on the same cases"
    if m < FEW_DISCORDANT:
        return f"only {m} discordant cases: a difference could hardly be seen"
    return ""
