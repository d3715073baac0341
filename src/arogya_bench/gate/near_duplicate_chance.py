"""Estimates how many near duplicates are expected by chance, since similar images look alike."""

from dataclasses import dataclass

import scipy

from arogya_bench.gate.near_duplicates import MAX_DISTANCE, OUTER_DISTANCES, NearDuplicates
from arogya_bench.statistics import wilson

SIGNIFICANCE_LEVEL = 0.01
# Images with the same label look more alike than the control pairs: on chest X-rays, they were near 1.4 times as often
# without being copies.
RATE_MARGIN = 2.0


@dataclass(frozen=True, kw_only=True)
class ChanceEstimate:
    """Comparison of the number of near pairs with the number expected by chance.

    Attributes:
        expected: Number of near pairs expected by chance.
        explains: Whether chance explains the observed number.
    """

    expected: float
    explains: bool
    detail: str


def estimate_from_control(near: NearDuplicates, control: NearDuplicates) -> ChanceEstimate:
    """Estimate chance from control pairs that cannot be copies: other labels, other groups.

    Chance explains the near pairs unless there are more than twice the expected number and a binomial test of their
    share of all near pairs rejects the rate of the control (level 1 %). Pairs share images, so the interval of the rate
    is somewhat too narrow. A control without near pairs explains nothing.

    Args:
        near: The pairs in question.
        control: The control pairs; at least one was searched.
    """
    rate = wilson(control.count, control.pairs_searched)
    expected = rate.estimate * near.pairs_searched
    n_near = near.count + control.count
    p_value = scipy.stats.binom.sf(
        near.count - 1, n_near, near.pairs_searched / (near.pairs_searched + control.pairs_searched)
    )
    explains = control.count > 0 and (near.count <= RATE_MARGIN * expected or p_value >= SIGNIFICANCE_LEVEL)
    comparison = (
        f"pairs with different labels, which cannot be copies, are as similar at a rate of {rate.estimate:.2g} "
        f"(95 % interval {rate.low:.2g} to {rate.high:.2g}), so {expected:.3g} are expected by chance"
    )
    return _build_estimate(near, expected, bool(explains), comparison)


def estimate_from_outer_distances(near: NearDuplicates) -> ChanceEstimate:
    """Estimate chance from the number of pairs just outside the radius.

    Pairs under another label have no control, since they are the control. The number of chance pairs falls at least as
    fast from one distance to the next as before, so the pairs at 6 and 8 bits bound those within 4 bits: n6 r / (1 - r)
    with r = n6 / n8. Copies do not follow this bound. The test is a Poisson test at level 1 %.
    """
    inner, outer = (int(near.counts_by_distance[distance]) for distance in OUTER_DISTANCES)
    ratio = min(inner / outer, 0.5) if outer else 0.0
    expected = inner * ratio / (1 - ratio)
    explains = expected > 0 and scipy.stats.poisson.sf(near.count - 1, expected) >= SIGNIFICANCE_LEVEL
    comparison = (
        f"{inner} and {outer} pairs differ by {OUTER_DISTANCES[0]} and {OUTER_DISTANCES[1]} bits, "
        f"so {expected:.3g} are expected within {MAX_DISTANCE} bits by chance"
    )
    return _build_estimate(near, expected, bool(explains), comparison)


def _build_estimate(near: NearDuplicates, expected: float, explains: bool, comparison: str) -> ChanceEstimate:
    conclusion = ": chance explains all of them" if explains else ""
    detail = f"{near.count} of {near.pairs_searched} pairs; {comparison}{conclusion}"
    return ChanceEstimate(expected=expected, explains=explains, detail=detail)
