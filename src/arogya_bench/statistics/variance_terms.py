"""Student's t for a sum of variances, some of which are hardly known."""

from math import exp, log, sqrt
from typing import NamedTuple

from scipy.optimize import brentq
from scipy.special import stdtrit

from arogya_bench.statistics.bootstrap_p_values import TIE

SMALLEST_P = 1e-12


class Term(NamedTuple):
    """Part of the variance of the estimate, and how surely it is known.

    Attributes:
        variance: Its part.
        degrees: Of freedom, of ``measured``.
        measured: The variance that was estimated, of which ``variance`` is what is left after
            something known was taken away.
    """

    variance: float
    degrees: float
    measured: float


def half_width(outside: float, terms: list[Term], *, few: bool) -> float:
    """Of the interval that leaves ``outside`` on both sides together."""
    if few:
        return sqrt(sum(float(stdtrit(t.degrees, outside / 2)) ** 2 * t.variance for t in terms))
    total = sum(term.variance for term in terms)
    degrees = total**2 / sum(term.measured**2 / term.degrees for term in terms)
    return -float(stdtrit(degrees, outside / 2)) * sqrt(total)


def p_value(distance: float, terms: list[Term], *, few: bool) -> float:
    """The level at which the interval would just touch 0."""
    if distance <= TIE * sqrt(sum(term.variance for term in terms)):
        return 1.0

    def gap(logarithm: float) -> float:
        return half_width(exp(logarithm), terms, few=few) - distance

    if gap(log(SMALLEST_P)) <= 0:
        return SMALLEST_P
    return min(1.0, exp(float(brentq(gap, log(SMALLEST_P), 0.0))))
