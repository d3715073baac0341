"""The interval of a proportion, McNemar's test, and the minimum detectable difference."""

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Literal

import scipy
from scipy.special import ndtri

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.binary_counts import check_share
from arogya_bench.metrics.result import Result
from arogya_bench.statistics.arguments import quantile
from arogya_bench.statistics.intervals import Interval

FEW_DISCORDANT = 10


@dataclass(frozen=True, kw_only=True)
class McNemar(Result):
    """Result of McNemar's test of whether two models are right equally often.

    Attributes:
        b: Cases that only the first model gets right, as ``c`` only the second.
        p_value: Two-sided mid-p.
        p_exact: Two-sided p-value of the exact conditional test, capped at 1; conservative.
        p_asymptotic: From ``chi2``, without continuity correction.
        p_asymptotic_cc: From ``chi2_cc``, with continuity correction.
        odds_ratio: b / c; None if c is 0.
        difference: (b - c) / total, the difference of the accuracies; None without a total.
        low: Lower end of the score interval of the difference (Tango 1998).
        n: Number of discordant cases, the only ones that the test uses.
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
    method: str = "McNemar mid-p"

    @property
    def ci(self) -> tuple[float | None, float | None]:
        """Both ends of the interval of the difference."""
        return self.low, self.high


def wilson(successes: int, total: int, *, confidence: float = 0.95) -> Interval:
    """Compute the Wilson interval of a proportion, for one case per group.

    Source: Wilson 1927, by ``scipy.stats.binomtest``.

    Args:
        successes: 0 to ``total``.
        total: Number of independent cases.
        confidence: Nominal level, between 0 and 1.

    Raises:
        UndefinedMetric: If there are no cases.
    """
    return _proportion_interval(successes, total, confidence, "wilson", "wilson")


def clopper_pearson(successes: int, total: int, *, confidence: float = 0.95) -> Interval:
    """Compute the exact interval of a proportion, which is never too narrow, as ``wilson`` does.

    Source: Clopper and Pearson 1934, by ``scipy.stats.binomtest``.
    """
    return _proportion_interval(successes, total, confidence, "exact", "clopper-pearson")


@lru_cache(maxsize=10_000)  # scipy takes a millisecond, and hundreds of small classes have few different counts
def _proportion_interval(
    successes: int, total: int, confidence: float, scipy_method: Literal["wilson", "exact"], method: str
) -> Interval:
    check_share(confidence, "confidence")
    if not 0 <= successes <= total:
        raise ValueError(f"{successes} successes in {total} cases")
    if total == 0:
        raise UndefinedMetric("a proportion of no cases")
    result = scipy.stats.binomtest(int(successes), int(total))
    bounds = result.proportion_ci(confidence_level=confidence, method=scipy_method)
    return Interval(
        estimate=successes / total,
        low=float(bounds.low),
        high=float(bounds.high),
        method=method,
        confidence=confidence,
        n=int(total),
        groups=int(total),
    )


def mcnemar(b: int, c: int, *, total: int | None = None, confidence: float = 0.95) -> McNemar:
    """Test whether two models are right equally often on the same cases.

    Source: McNemar 1947; mid-p by Fagerland, Lydersen and Laake 2013.

    Args:
        b: Number of cases that only the first model gets right.
        c: Number of cases that only the second model gets right.
        total: Number of all cases, for the interval of the difference.
        confidence: Nominal level of that interval, between 0 and 1.
    """
    if b != int(b) or c != int(c) or b < 0 or c < 0:
        raise ValueError(f"counts must be integers of 0 or more, not {b} and {c}")
    m = int(b + c)
    fewer = int(min(b, c))
    two_tails = 2 * float(scipy.stats.binom.cdf(fewer, m, 0.5))
    point = float(scipy.stats.binom.pmf(fewer, m, 0.5))
    mid_p_of_tie = 1 - point / 2 if m else 1.0
    chi2 = (b - c) ** 2 / m if m else 0.0
    chi2_cc = max(0, abs(b - c) - 1) ** 2 / m if m else 0.0
    no_odds = "no odds ratio: no case that only the second model gets right" if b and not c else ""
    low, high = (None, None) if total is None else tango_bounds(b, c, total, confidence)
    return McNemar(
        b=int(b),
        c=int(c),
        p_value=mid_p_of_tie if b == c else two_tails - point,
        p_exact=min(1.0, two_tails),
        p_asymptotic=float(scipy.stats.chi2.sf(chi2, 1)),
        p_asymptotic_cc=float(scipy.stats.chi2.sf(chi2_cc, 1)),
        chi2=float(chi2),
        chi2_cc=float(chi2_cc),
        odds_ratio=b / c if c else None,
        difference=None if total is None else (b - c) / total,
        low=low,
        high=high,
        confidence=confidence,
        n=m,
        groups=m,
        note="; ".join(text for text in (few_discordant_note(m), no_odds) if text),
    )


def minimum_detectable_difference(discordant_share: float, n: int, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """Compute the difference of two accuracies that a paired test detects with the given power.

    Formula: (z of 1 - alpha/2 + z of power) · √(d/n), about 2.80 · √(d/n) by default.

    Args:
        discordant_share: d, share of cases that only one of the two models gets right, 0 to 1.
        n: Number of independent cases.
        power: Probability of detecting the difference, at least 0.5.
        alpha: Two-sided significance level, between 0 and 1.

    Raises:
        UndefinedMetric: If there are no cases.
    """
    if not 0 <= discordant_share <= 1:
        raise ValueError(f"discordant_share is {discordant_share}, not between 0 and 1")
    if not n >= 1:
        raise UndefinedMetric("no cases, so no difference is detectable")
    if check_share(power, "power") < 0.5:
        raise ValueError(f"power is {power}, below 0.5")
    check_share(alpha, "alpha")
    return float(ndtri(1 - alpha / 2) + ndtri(power)) * sqrt(discordant_share / n)


def tango_bounds(b: int, c: int, total: int, confidence: float) -> tuple[float, float]:
    """Compute both ends of Tango's score interval of (b - c)/total."""
    if min(b, c) < 0 or b + c > total:
        raise ValueError(f"{b} + {c} discordant cases out of {total}")
    if not total:
        raise UndefinedMetric("a difference of no cases")
    z = quantile(confidence)
    return _tango_lower_bound(b, c, total, z), -_tango_lower_bound(c, b, total, z)


def _tango_lower_bound(b: int, c: int, n: int, z: float) -> float:
    """Find the smallest difference that a score test does not reject, by bisection."""
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
    """Return a caveat if there are few discordant cases, else an empty string."""
    if m == 0:
        return "no discordant cases: the models are right and wrong on the same cases"
    if m < FEW_DISCORDANT:
        return f"only {m} discordant cases: a difference is hardly detectable"
    return ""
