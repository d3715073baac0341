"""How many near pairs would be near by chance: images of one kind look alike."""

from dataclasses import dataclass

import scipy

from arogya_bench.gate.near_duplicates import MAX_DISTANCE, OUTER_DISTANCES, NearDuplicates
from arogya_bench.statistics import wilson

SIGNIFICANCE_LEVEL = 0.01
# Images of one label look more alike than the pairs that the rate comes from: on chest X-rays they
# were near 1.4 times as often, without being copies.
RATE_MARGIN = 2.0


@dataclass(frozen=True, kw_only=True)
class ChanceEstimate:
    """How a number of near pairs compares with what chance gives.

    Attributes:
        expected: Near pairs by chance among those searched.
        explains: Whether that is reason enough for what was found.
        detail: The same in words.
    """

    expected: float
    explains: bool
    detail: str


def estimate_from_control(near: NearDuplicates, control: NearDuplicates) -> ChanceEstimate:
    """Estimate chance from pairs that cannot be copies: other labels, other groups.

    Chance explains what was found unless it is more than twice the expected number and more than
    the rate of the control allows: binomial test of the found among all near pairs, level 1 %.
    Pairs share images, so that the interval is somewhat too narrow. A rate of which the control
    shows no case explains nothing.

    Args:
        near: The pairs in question.
        control: The others; searched at least once.
    """
    rate = wilson(control.count, control.pairs_searched)
    expected = rate.estimate * near.pairs_searched
    both = near.count + control.count
    p_value = scipy.stats.binom.sf(
        near.count - 1, both, near.pairs_searched / (near.pairs_searched + control.pairs_searched)
    )
    explains = control.count > 0 and (
        near.count <= RATE_MARGIN * expected or p_value >= SIGNIFICANCE_LEVEL
    )
    detail = (
        f"{near.count} of {near.pairs_searched} pairs; pairs of different labels, which cannot be "
        f"copies, are as near at a rate of {rate.estimate:.2g} (95 % interval {rate.low:.2g} to "
        f"{rate.high:.2g}), so {expected:.3g} are expected by chance{_verdict_text(bool(explains))}"
    )
    return ChanceEstimate(expected=expected, explains=bool(explains), detail=detail)


def estimate_from_outer_distances(near: NearDuplicates) -> ChanceEstimate:
    """Estimate chance from how many pairs are just outside the radius.

    For pairs under another label there is no control: they are what the rate is estimated from.
    Chance pairs fall at least as fast from one distance to the next as they did before, so the
    pairs at 6 and 8 bits bound those within 4: n6 r / (1 - r) with r = n6 / n8. Copies do not
    follow that. The test is that of Poisson, level 1 %.
    """
    inner, outer = (int(near.counts_by_distance[ring]) for ring in OUTER_DISTANCES)
    ratio = min(inner / outer, 0.5) if outer else 0.0
    expected = inner * ratio / (1 - ratio)
    explains = (
        expected > 0 and scipy.stats.poisson.sf(near.count - 1, expected) >= SIGNIFICANCE_LEVEL
    )
    detail = (
        f"{near.count} of {near.pairs_searched} pairs; {inner} and {outer} pairs differ by {OUTER_DISTANCES[0]} "
        f"and {OUTER_DISTANCES[1]} bits, so {expected:.3g} are expected within {MAX_DISTANCE} bits by chance"
        f"{_verdict_text(bool(explains))}"
    )
    return ChanceEstimate(expected=expected, explains=bool(explains), detail=detail)


def _verdict_text(explains: bool) -> str:
    return ": no more were found than chance explains" if explains else ""
