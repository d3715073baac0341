"""How many near pairs would be near by chance: images of one kind look alike."""

from dataclasses import dataclass

import scipy

from arogya_bench.gate.near_duplicates import RADIUS, RINGS, Near
from arogya_bench.statistics import wilson

LEVEL = 0.01
# Images of one label look more alike than the pairs that the rate comes from: on chest X-rays they
# were near 1.4 times as often, without being copies.
MARGIN = 2.0


@dataclass(frozen=True, kw_only=True)
class Chance:
    """How a number of near pairs compares with what chance gives.

    Attributes:
        expected: Near pairs by chance among those searched.
        explains: Whether that is reason enough for what was found.
        detail: The same in words.
    """

    expected: float
    explains: bool
    detail: str


def by_control(near: Near, control: Near) -> Chance:
    """Estimate chance from pairs that cannot be copies: other labels, other groups.

    Chance explains what was found unless it is more than twice the expected number and more than
    the rate of the control allows: binomial test of the found among all near pairs, level 1 %.
    Pairs share images, so that the interval is somewhat too narrow. A rate of which the control
    shows no case explains nothing.

    Args:
        near: The pairs in question.
        control: The others; searched at least once.
    """
    rate = wilson(control.count, control.searched)
    expected = rate.estimate * near.searched
    both = near.count + control.count
    p_value = scipy.stats.binom.sf(
        near.count - 1, both, near.searched / (near.searched + control.searched)
    )
    explains = control.count > 0 and (near.count <= MARGIN * expected or p_value >= LEVEL)
    detail = (
        f"{near.count} of {near.searched} pairs; pairs of different labels, which cannot be "
        f"copies, are as near at a rate of {rate.estimate:.2g} (95 % interval {rate.low:.2g} to "
        f"{rate.high:.2g}), so {expected:.3g} are expected by chance{_verdict(bool(explains))}"
    )
    return Chance(expected=expected, explains=bool(explains), detail=detail)


def by_rings(near: Near) -> Chance:
    """Estimate chance from how many pairs are just outside the radius.

    For pairs under another label there is no control: they are what the rate is estimated from.
    Chance pairs fall at least as fast from one distance to the next as they did before, so the
    pairs at 6 and 8 bits bound those within 4: n6 r / (1 - r) with r = n6 / n8. Copies do not
    follow that. The test is that of Poisson, level 1 %.
    """
    inner, outer = (int(near.at[ring]) for ring in RINGS)
    ratio = min(inner / outer, 0.5) if outer else 0.0
    expected = inner * ratio / (1 - ratio)
    explains = expected > 0 and scipy.stats.poisson.sf(near.count - 1, expected) >= LEVEL
    detail = (
        f"{near.count} of {near.searched} pairs; {inner} and {outer} pairs differ by {RINGS[0]} "
        f"and {RINGS[1]} bits, so {expected:.3g} are expected within {RADIUS} bits by chance"
        f"{_verdict(bool(explains))}"
    )
    return Chance(expected=expected, explains=bool(explains), detail=detail)


def _verdict(explains: bool) -> str:
    return ": no more were found than chance explains" if explains else ""
