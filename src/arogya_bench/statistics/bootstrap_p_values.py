"""p-values from bootstrap replicates, with a correction for small numbers of groups."""

from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from arogya_bench.statistics.resampling import Draws
from arogya_bench.types import Floats

SPREAD_TOLERANCE = 1e-12  # spread of resamples that differ by rounding only
TIE_TOLERANCE = 1e-9  # relative to the spread; far above rounding noise, far below relevant steps


class SmallSampleCorrection(NamedTuple):
    """Correction for the spread of resamples of few groups.

    The spread of resamples of m groups is too small by √((m - 1)/m) and itself uncertain. z-scores
    are therefore multiplied by this factor and referred to Student's t.

    Attributes:
        scale: √((m - 1)/m), for the smallest stratum.
        df: Degrees of freedom, groups - strata.
    """

    scale: float
    df: float

    def tail_probability(self, score: float) -> float:
        """One-sided p-value of a z-score."""
        return float(stdtr(self.df, score * self.scale))

    def quantile_level(self, tail_share: float) -> float:
        """Quantile level of the resamples that leaves ``tail_share`` on one side."""
        return float(ndtr(stdtrit(self.df, tail_share) / self.scale))

    def critical_value(self, tail_share: float) -> float:
        """Positive number of standard errors that leaves ``tail_share`` on one side."""
        return float(-stdtrit(self.df, tail_share) / self.scale)


def small_sample_correction(draws: Draws) -> SmallSampleCorrection:
    """Return the correction for these draws, of which some stratum must hold two groups or more.

    Source: Hesterberg 2015, "What teachers should know about the bootstrap".
    """
    sizes = np.bincount(draws.stratum_of)
    smallest = int(sizes[sizes > 1].min())
    return SmallSampleCorrection(sqrt((smallest - 1) / smallest), float(draws.groups - sizes.size))


def percentile_p_value(replicates: Floats) -> float:
    """Return the level at which a percentile interval would just touch 0.

    Formula: 2 (1 + count) / (B + 1), where count is of the rarer side of 0, ties included.
    """
    near = TIE_TOLERANCE * float(np.ptp(replicates))
    rarer = min(int((replicates <= near).sum()), int((replicates >= -near).sum()))
    return min(1.0, 2 * (1 + rarer) / (replicates.size + 1))


def small_sample_p_value(
    percentile_p: float, estimate: float, replicates: Floats, correction: SmallSampleCorrection
) -> float:
    """Return a two-sided p-value of a difference that keeps its nominal level on few groups.

    It is the larger of the percentile p-value and the p-value of estimate / standard error, both
    corrected. Without correction, 7 % of true hypotheses are rejected with 50 groups.

    Args:
        percentile_p: Result of ``percentile_p_value``.
        estimate: The difference on the original cases.
        replicates: Shape (B,), all defined.
        correction: From ``small_sample_correction``.
    """
    scores = [float(ndtri(percentile_p / 2))]
    se = float(replicates.std())
    if se > SPREAD_TOLERANCE:
        scores.append(-abs(estimate) / se)
    # The score closer to 0 has the larger p-value.
    return min(1.0, 2 * correction.tail_probability(max(scores)))
