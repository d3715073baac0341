"""How sure a claim is, and how many cases or groups it takes to be surer."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, ndtri

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics.bootstrap_p_values import TIE_TOLERANCE
from arogya_bench.statistics.intervals import MAX_UNDEFINED_SHARE
from arogya_bench.statistics.proportions import few_discordant_note
from arogya_bench.statistics.resampling import Draws

ROUNDING_TOLERANCE = 1e-12  # differences below it come from arithmetic


@dataclass(frozen=True, kw_only=True)
class FalseClaim:
    """How probable it is that the claim "A is better than B" is false.

    Attributes:
        probability: That B is at least as good as A, 0 to 1; 1/2 for a model against itself.
        n: Number of cases, of which only the discordant count in the closed form.
        groups: Number of independent units among them.
        seed: Of the resamples; None for the closed form, or if they are replayed.
        note: What a reader should know; empty if nothing.
    """

    probability: float
    method: str
    n: int
    groups: int
    seed: int | None = None
    note: str = ""


def false_claim_probability(b: int, c: int) -> FalseClaim:
    """Give the probability that B is at least as good as A, for one case per group.

    Formula: BetaCDF(1/2; b + 1, c + 1), from a uniform Dirichlet prior over the four cells of a
    paired table, whose concordant cells cancel. Source: after arXiv 2505.04720.

    Args:
        b: Cases where only A is right.
        c: Cases where only B is right.

    Raises:
        ValueError: If a count is negative.
    """
    if b < 0 or c < 0:
        raise ValueError(f"counts of cases cannot be negative: {b}, {c}")
    return FalseClaim(
        probability=0.5 if b == c else float(betainc(b + 1, c + 1, 0.5)),
        method="beta posterior",
        n=int(b + c),
        groups=int(b + c),
        note=few_discordant_note(b + c),
    )


def false_claim_from_replicates(difference_replicates: ArrayLike, *, draws: Draws) -> FalseClaim:
    """Give the share of group resamples in which B is at least as good as A.

    A tie counts half, so that a model against itself gives 1/2. Source: after arXiv 2505.04720.

    Args:
        difference_replicates: Shape (B,), above 0 where A is better; NaN where undefined.
        draws: What the replicates were drawn with.

    Raises:
        UndefinedMetric: If no class has two groups, or too many resamples are undefined.
        ValueError: If there is not one replicate per resample.
    """
    replicates = np.asarray(difference_replicates, dtype=np.float64)
    if replicates.shape != (draws.resamples,):
        raise ValueError(f"replicates have shape {replicates.shape}, not ({draws.resamples},)")
    if np.bincount(draws.stratum_of).max() < 2:
        raise UndefinedMetric("no class has two groups: every resample is the same")
    defined = replicates[np.isfinite(replicates)]
    undefined = 1 - defined.size / replicates.size
    if undefined > MAX_UNDEFINED_SHARE:
        raise UndefinedMetric(f"undefined in {undefined:.1%} of the resamples")
    tied = np.abs(defined) <= TIE_TOLERANCE * float(np.ptp(defined))
    share = float(((defined < 0) & ~tied).sum() + tied.sum() / 2) / defined.size
    left_out = f"{undefined:.2%} of the resamples are undefined and left out" if undefined else ""
    beyond = f"below what {defined.size} resamples can tell" if share in (0, 1) else ""
    return FalseClaim(
        probability=share,
        method="share of group resamples",
        n=draws.n,
        groups=draws.groups,
        seed=draws.seed,
        note="; ".join(note for note in (beyond, left_out, draws.note) if note),
    )


def sample_size(
    difference: float, discordant_share: float, *, power: float = 0.8, alpha: float = 0.05
) -> int:
    """Count the independent cases with which a paired test shows a difference of proportions.

    Formula: (z of 1 - alpha/2 + z of power)² · d / difference², rounded up; the inverse of
    ``minimum_detectable_difference``.

    Args:
        difference: Of two proportions, -1 to 1; its sign does not matter.
        discordant_share: d, share of cases that only one of the two models gets right, 0 to 1.
        power: Chance of showing such a difference, alpha/2 to 1.
        alpha: Two-sided level of the test, 0 to 1.

    Raises:
        UndefinedMetric: If the difference is 0, which no number of cases shows.
        ValueError: If a share is none, or the difference exceeds the share of discordant cases.
    """
    if not 0 <= discordant_share <= 1:
        raise ValueError(f"a share of {discordant_share} is not between 0 and 1")
    if not (0 < alpha < 1 and alpha / 2 < power < 1):
        raise ValueError(f"a power of {power} at a level of {alpha}")
    if not abs(difference) <= discordant_share + ROUNDING_TOLERANCE:
        raise ValueError(f"a difference of {difference} needs more discordant cases than there are")
    if difference == 0:
        raise UndefinedMetric("a difference of 0 is not shown by any number of cases")
    # Twice divided: the square of a tiny difference would vanish.
    cases = float(ndtri(1 - alpha / 2) + ndtri(power)) ** 2 * discordant_share
    return ceil(cases / abs(difference) / abs(difference) * (1 - ROUNDING_TOLERANCE))


def design_effect(cases_per_group: float, icc: float) -> float:
    """Say how many times as many cases are needed because they come in groups.

    Formula: 1 + (m - 1) · ICC. Source: Kish 1965. An ICC below 0 counts as 0: chance alone makes
    estimates of it negative, and no case is worth more than one.

    Args:
        cases_per_group: m, the mean, at least 1.
        icc: Intraclass correlation, -1 to 1.

    Raises:
        ValueError: If an argument is out of range.
    """
    if not 1 <= cases_per_group < np.inf:
        raise ValueError(f"{cases_per_group} cases per group: at least 1 is needed")
    if not -1 <= icc <= 1:
        raise ValueError(f"a correlation of {icc} is not between -1 and 1")
    return 1 + (cases_per_group - 1) * max(0.0, icc)


def effective_sample_size(n: int, cases_per_group: float, icc: float) -> float:
    """Count the independent cases that are worth as much as n grouped ones.

    Formula: n / design effect. Source: Kish 1965.

    Args:
        n: Number of cases.
        cases_per_group: m, the mean, at least 1.
        icc: Intraclass correlation, -1 to 1.

    Raises:
        UndefinedMetric: If there are no cases.
        ValueError: If an argument is out of range.
    """
    if n < 0:
        raise ValueError(f"{n} cases: a number of cases cannot be negative")
    if n == 0:
        raise UndefinedMetric("no cases, so nothing to discount")
    return n / design_effect(cases_per_group, icc)


def intraclass_correlation(values: ArrayLike, groups: ArrayLike) -> float:
    """Say how alike the cases of a group are, by one-way analysis of variance.

    Formula: (MSB - MSW) / (MSB + (n0 - 1) · MSW), n0 = (N - Σ nᵢ² / N) / (k - 1) for k groups of
    unequal sizes nᵢ. Below 0 if cases of a group are less alike than others. Source: Fisher 1925;
    Donner 1986.

    Args:
        values: Shape (N,), one per case, such as 0 or 1 for wrong or right.
        groups: Shape (N,), one label per case, the patient or lesion.

    Raises:
        UndefinedMetric: With one group, without a group of two cases, or without any spread.
        ValueError: If the columns differ in shape or a value is not finite.
    """
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1 or np.shape(groups) != column.shape or not np.isfinite(column).all():
        raise ValueError(f"values {column.shape} and groups {np.shape(groups)}: finite (n,) each")
    _, group_of, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    n, k = column.size, sizes.size
    if k < 2 or n == k:
        raise UndefinedMetric(f"{n} cases in {k} groups: several groups, one of two cases or more")
    if np.ptp(column) <= ROUNDING_TOLERANCE * float(np.abs(column).max()):
        raise UndefinedMetric("every case has the same value: no spread to compare")
    centred = column - column.mean()
    means = np.bincount(group_of, weights=centred) / sizes
    between = float((sizes * means**2).sum()) / (k - 1)
    within = float(((centred - means[group_of]) ** 2).sum()) / (n - k)
    typical = (n - float((sizes**2).sum()) / n) / (k - 1)
    return (between - within) / (between + (typical - 1) * within)
