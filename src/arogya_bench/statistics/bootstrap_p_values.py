"""From resamples of a difference to a p-value, and how much few groups widen both."""

from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from arogya_bench.statistics.resampling import Draws
from arogya_bench.types import Floats

SPREAD_TOLERANCE = 1e-12  # spread of resamples that differ by rounding alone
TIE_TOLERANCE = 1e-9  # of the spread: far above rounding noise, far below any step that matters


class SmallSampleCorrection(NamedTuple):
    """How far resamples of few groups are to be spread.

    Resamples of m groups are too narrow by √((m - 1)/m), and their spread is itself uncertain:
    scores are shrunk by the first and read from Student's t for the second.

    Attributes:
        scale: √((m - 1)/m), of the smallest stratum.
        df: Of freedom, groups - strata.
    """

    scale: float
    df: float

    def tail_probability(self, score: float) -> float:
        """One-sided p of a score that the normal distribution would have read."""
        return float(stdtr(self.df, score * self.scale))

    def quantile_level(self, tail_share: float) -> float:
        """Quantile of the resamples at which an interval leaves ``tail_share`` on one side."""
        return float(ndtr(stdtrit(self.df, tail_share) / self.scale))

    def critical_value(self, tail_share: float) -> float:
        """Standard errors of the resamples that leave ``tail_share`` on one side; above 0."""
        return float(-stdtrit(self.df, tail_share) / self.scale)


def small_sample_correction(draws: Draws) -> SmallSampleCorrection:
    """How much the resamples of these draws are to be widened.

    Source: after Hesterberg 2015, "What teachers should know about the bootstrap".

    Args:
        draws: Some stratum holds two groups or more.
    """
    sizes = np.bincount(draws.stratum_of)
    smallest = int(sizes[sizes > 1].min())
    return SmallSampleCorrection(sqrt((smallest - 1) / smallest), float(draws.groups - sizes.size))


def percentile_p_value(replicates: Floats) -> float:
    """The level at which a percentile interval would just touch 0.

    Formula: (1 + count) / (B + 1), doubled for two sides, with the rarer side of 0 and ties in it.

    Args:
        replicates: Shape (B,), all defined.
    """
    near = TIE_TOLERANCE * float(np.ptp(replicates))
    rarer = min(int((replicates <= near).sum()), int((replicates >= -near).sum()))
    return min(1.0, 2 * (1 + rarer) / (replicates.size + 1))


def small_sample_p_value(
    percentile_p: float, estimate: float, replicates: Floats, correction: SmallSampleCorrection
) -> float:
    """The two-sided p-value of a difference, honest on few groups.

    The larger of two: the inverted percentile, and that of estimate / standard error, both
    widened. At 50 groups a plain inversion rejects 7 % of true hypotheses.

    Args:
        percentile_p: What ``percentile_p_value`` gave.
        estimate: The difference on the cases themselves.
        replicates: Shape (B,), all defined.
        correction: From ``small_sample_correction``.
    """
    scores = [float(ndtri(percentile_p / 2))]
    se = float(replicates.std())
    if se > SPREAD_TOLERANCE:
        scores.append(-abs(estimate) / se)
    # The score nearer to 0 is the larger p.
    return min(1.0, 2 * correction.tail_probability(max(scores)))
