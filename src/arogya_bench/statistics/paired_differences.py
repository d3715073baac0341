"""Differences of rows on the same groups, with intervals and p-values that agree."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import inf, sqrt

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from arogya_bench.statistics.group_variance import GroupStrata, VarianceTerm, add_variances, group_variance
from arogya_bench.statistics.seed_variance import SeedScores, SeedVariance, estimate_seed_variance
from arogya_bench.types import Floats

ALPHA = 0.05
NORMAL_DRAWS = 20_000  # of the largest of all statistics, for simultaneous intervals
NORMAL_DEGREES = 1e9  # above it, Student's t is the normal distribution
POWER = 0.8
ROUNDING_TOLERANCE = 1e-12  # of a difference of two means


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """A difference A - B of two rows on the same groups.

    Attributes:
        low: Lower end of the 95 % interval, as ``high`` is the upper one; 0 lies outside exactly if p_value < .05.
        p_value: Two-sided, by Student's t.
        p_adjusted: For all pairs of the comparison; ``p_value`` for a single pair.
        simultaneous_low: Lower end of the interval that covers the differences of all pairs at once; 0 lies outside
            exactly if p_adjusted < .05.
        se: Standard error, from groups and seeds.
        df: Degrees of freedom.
        group_variance: The part of se² that comes from the sample of groups.
        seed_variance: The part that comes from training seeds; None if both rows have one seed.
    """

    estimate: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    simultaneous_low: float
    simultaneous_high: float
    se: float
    df: float
    group_variance: float
    seed_variance: float | None

    @property
    def shown(self) -> bool:
        """Whether the simultaneous interval leaves out 0."""
        return self.simultaneous_low > 0 or self.simultaneous_high < 0

    @property
    def shown_alone(self) -> bool:
        """Whether the interval of this pair alone leaves out 0."""
        return self.low > 0 or self.high < 0


def paired_difference(
    a: SeedScores, b: SeedScores, strata: GroupStrata, seeds: VarianceTerm | None = None
) -> PairedDifference:
    """Compare two rows by the mean over their seeds.

    The standard error comes from what each group changes (``group_variance``) and from the spread between seeds,
    the degrees of freedom from Satterthwaite's formula. The tail of Student's t has no smallest p-value, which a
    share of resamples has.

    Args:
        a: One metric of the first row.
        b: The same metric of the second row, on the same groups.
        strata: How the groups contribute to the metric.
        seeds: The variance that new seeds add to the difference; None for one seed each.
    """
    estimate = a.mean - b.mean
    if abs(estimate) <= ROUNDING_TOLERANCE:
        estimate = 0.0  # the rounding error of equal means would exceed that of equal predictions
    groups = group_variance(a.mean_changes - b.mean_changes, estimate, strata)
    total = add_variances([groups] if seeds is None else [groups, seeds])
    se, df = sqrt(total.variance), min(total.df, NORMAL_DEGREES)
    p_value = 1.0 if not se else min(1.0, 2 * float(stdtr(df, -abs(estimate) / se)))
    low, high = _interval(estimate, se, df, ALPHA)
    return PairedDifference(
        estimate=estimate,
        low=low,
        high=high,
        p_value=p_value,
        p_adjusted=p_value,
        simultaneous_low=low,
        simultaneous_high=high,
        se=se,
        df=df,
        group_variance=groups.variance,
        seed_variance=None if seeds is None else seeds.variance,
    )


@dataclass(frozen=True, kw_only=True)
class PairedDifferences:
    """Every pair of several rows.

    Attributes:
        by_pair: By positions (i, j) of rows, i < j.
        normal_draws: Shape (draws, rows): correlated normals with the covariance of the rows.
        seeds: The spread between seeds of every row.
    """

    by_pair: dict[tuple[int, int], PairedDifference]
    normal_draws: Floats
    seeds: SeedVariance

    def detectable_lead(self, leader: int, others: Sequence[int]) -> float:
        """Compute the lead over each of several rows that is shown over all of them in 80 % of studies like this one.

        The rule is that of the verdict: each difference must be shown at the 5 % level by itself. A study shows a
        lead if it exceeds the critical value of each pair less the error of that pair.
        """
        needed = []
        for other in others:
            pair = self.by_pair[min(leader, other), max(leader, other)]
            error = self.normal_draws[:, leader] - self.normal_draws[:, other]
            needed.append(-float(stdtrit(pair.df, ALPHA / 2)) * pair.se - error)
        return float(np.quantile(np.max(needed, axis=0), POWER))


def all_paired_differences(
    scores: Sequence[SeedScores], strata: GroupStrata, *, rng: np.random.Generator
) -> PairedDifferences:
    """Compare every pair of rows, with p-values adjusted for all pairs and simultaneous intervals.

    The adjustment is by the distribution of the largest of the correlated statistics, and never more than
    Bonferroni's. Source: Hothorn, Bretz and Westfall 2008; Romano and Wolf 2005, in one step, so that intervals and
    p-values agree.

    Args:
        scores: One metric of each row, on the same groups.
        strata: How the groups contribute to the metric.
        rng: Source of the draws.
    """
    seeds = estimate_seed_variance(scores)
    pairs = {
        (i, j): paired_difference(scores[i], scores[j], strata, seeds.of_mean(i, j))
        for i, j in combinations(range(len(scores)), 2)
    }
    normal = _draw_rows(scores, strata, seeds, rng)
    largest = _largest_statistics(normal, list(pairs))
    adjusted = _adjust(list(pairs.values()), largest)
    return PairedDifferences(by_pair=dict(zip(pairs, adjusted, strict=True)), normal_draws=normal, seeds=seeds)


def _interval(estimate: float, se: float, df: float, alpha: float) -> tuple[float, float]:
    margin = -float(stdtrit(df, alpha / 2)) * se
    return estimate - margin, estimate + margin


def _draw_rows(
    scores: Sequence[SeedScores], strata: GroupStrata, seeds: SeedVariance, rng: np.random.Generator
) -> Floats:
    """Draw errors of the rows, shape (draws, rows), normal with their covariance over groups and seeds."""
    changes = np.array([row.mean_changes for row in scores]).reshape(len(scores), strata.stratum_of.size)
    if not strata.class_mix_varies:
        for stratum in np.unique(strata.stratum_of):
            members = strata.stratum_of == stratum
            changes[:, members] -= changes[:, members].mean(axis=1, keepdims=True)
    sums, stretch = changes @ changes.T, []
    for row, score in enumerate(scores):
        measured = group_variance(score.mean_changes, 0.0, strata).variance
        stretch.append(sqrt(measured / sums[row, row]) if sums[row, row] > 0 else 1.0)
    covariance = sums * np.outer(stretch, stretch)
    for row in range(len(scores)):
        term = seeds.of_mean(row)
        covariance[row, row] += term.variance if term else 0.0
    values, vectors = np.linalg.eigh(covariance)
    normal = rng.standard_normal((NORMAL_DRAWS, len(scores)))
    drawn: Floats = normal @ (vectors * np.sqrt(np.clip(values, 0.0, None))).T
    return drawn


def _largest_statistics(normal: Floats, pairs: Sequence[tuple[int, int]]) -> Floats:
    """The largest absolute statistic of all pairs in each draw, in descending order."""
    largest = np.zeros(len(normal))
    for i, j in pairs:
        error = normal[:, i] - normal[:, j]
        spread = float(error.std())
        if spread > 0:
            np.maximum(largest, np.abs(error) / spread, out=largest)
    return np.sort(largest)[::-1]


def _adjust(differences: Sequence[PairedDifference], largest: Floats) -> list[PairedDifference]:
    """Adjust p-values for all pairs, and widen the intervals to the same level."""
    tests = sum(difference.se > 0 for difference in differences)
    if tests < 2:
        return list(differences)
    # With as many draws at or above a statistic, its p-value (1 + exceeding) / (draws + 1) is still below alpha.
    exceeding = int(np.ceil(ALPHA * (largest.size + 1))) - 2
    level = min(ALPHA, max(ALPHA / tests, 2 * float(ndtr(-largest[exceeding]))))
    return [_adjust_one(difference, largest, tests, level) for difference in differences]


def _adjust_one(difference: PairedDifference, largest: Floats, tests: int, level: float) -> PairedDifference:
    if not difference.se:
        return difference
    score = -float(ndtri(difference.p_value / 2)) if difference.p_value > 0 else inf
    exceeded = int(np.searchsorted(-largest, -score, side="right"))
    p_adjusted = min(tests * difference.p_value, (1 + exceeded) / (largest.size + 1))
    low, high = _interval(difference.estimate, difference.se, difference.df, level)
    return replace(
        difference,
        p_adjusted=min(1.0, max(difference.p_value, p_adjusted)),
        simultaneous_low=low,
        simultaneous_high=high,
    )
