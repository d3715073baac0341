"""Intervals and p-values by Student's t for a sum of estimated variances."""

from math import exp, log, sqrt
from typing import NamedTuple

from scipy.optimize import brentq
from scipy.special import stdtrit

from arogya_bench.statistics.bootstrap_p_values import TIE_TOLERANCE

SMALLEST_P = 1e-12


class VarianceContribution(NamedTuple):
    """One term of the variance of an estimate.

    Attributes:
        df: Degrees of freedom of ``measured_variance``.
        measured_variance: The estimated variance from which ``variance`` follows by subtraction.
    """

    variance: float
    df: float
    measured_variance: float


def half_width(alpha: float, terms: list[VarianceContribution], *, few_levels: bool) -> float:
    """Return the half-width of a two-sided 1 - alpha interval."""
    if few_levels:
        return sqrt(sum(float(stdtrit(t.df, alpha / 2)) ** 2 * t.variance for t in terms))
    total = sum(term.variance for term in terms)
    degrees = total**2 / sum(term.measured_variance**2 / term.df for term in terms)
    return -float(stdtrit(degrees, alpha / 2)) * sqrt(total)


def two_sided_p_value(distance: float, terms: list[VarianceContribution], *, few_levels: bool) -> float:
    """Return the level at which the interval would just touch 0."""
    if distance <= TIE_TOLERANCE * sqrt(sum(term.variance for term in terms)):
        return 1.0

    def excess_width(logarithm: float) -> float:
        return half_width(exp(logarithm), terms, few_levels=few_levels) - distance

    if excess_width(log(SMALLEST_P)) <= 0:
        return SMALLEST_P
    return min(1.0, exp(float(brentq(excess_width, log(SMALLEST_P), 0.0))))
