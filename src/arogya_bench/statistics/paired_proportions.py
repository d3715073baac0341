"""Intervals of the difference of two proportions on the same cases."""

from math import sqrt

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.proportions import few_discordant_note, tango_bounds, wilson


def tango_interval(b: int, c: int, total: int, *, confidence: float = 0.95) -> Interval:
    """Score interval of the difference (b - c)/total.

    Source: Tango 1998; it leaves 0 out just when McNemar's chi-squared exceeds z².

    Args:
        b: Cases where only the first model is right.
        c: Cases where only the second model is right.
        total: Number of cases, one per group.
        confidence: Share of such intervals that hold the truth, 0 to 1.

    Raises:
        UndefinedMetric: If there are no cases.
        ValueError: If the counts do not fit.
    """
    low, high = tango_bounds(b, c, total, confidence)
    return Interval(
        estimate=(b - c) / total,
        low=low,
        high=high,
        method="Tango",
        confidence=confidence,
        n=total,
        groups=total,
        note=few_discordant_note(b + c),
    )


def newcombe_paired(a: int, b: int, c: int, d: int, *, confidence: float = 0.95) -> Interval:
    """Interval of the difference of two accuracies, from the Wilson interval of each.

    Source: Newcombe 1998, method 10: δ = √((p1 - l1)² - 2φ(p1 - l1)(u2 - p2) + (u2 - p2)²) below,
    likewise above, with a correlation φ that is corrected for continuity.

    Args:
        a: Cases where both models are right.
        b: Cases where only the first model is right.
        c: Cases where only the second model is right.
        d: Cases where neither is right.
        confidence: Share of such intervals that hold the truth, 0 to 1.

    Raises:
        UndefinedMetric: If there are no cases.
        ValueError: If a count is negative.
    """
    if min(a, b, c, d) < 0:
        raise ValueError(f"counts of cases cannot be negative: {a}, {b}, {c}, {d}")
    n = a + b + c + d
    if not n:
        raise UndefinedMetric("a difference of no cases")
    first, second = (wilson(hits, n, confidence=confidence) for hits in (a + b, a + c))
    down1, up1 = first.estimate - float(first.low or 0), float(first.high or 0) - first.estimate
    down2, up2 = second.estimate - float(second.low or 0), float(second.high or 0) - second.estimate
    phi = _correlation(a, b, c, d)
    difference = (b - c) / n
    below = sqrt(max(0.0, down1**2 - 2 * phi * down1 * up2 + up2**2))
    above = sqrt(max(0.0, up1**2 - 2 * phi * up1 * down2 + down2**2))
    return Interval(
        estimate=difference,
        low=max(-1.0, difference - below),
        high=min(1.0, difference + above),
        method="Newcombe, paired",
        confidence=confidence,
        n=n,
        groups=n,
        note=few_discordant_note(b + c),
    )


def _correlation(a: int, b: int, c: int, d: int) -> float:
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if not margins:
        return 0.0
    product = a * d - b * c
    corrected = max(0.0, product - (a + b + c + d) / 2) if product > 0 else float(product)
    return corrected / sqrt(margins)
