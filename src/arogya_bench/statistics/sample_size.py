"""False-claim probability, sample size, and the design effect of groups."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, ndtri

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.result import Result
from arogya_bench.runtime.console import plural
from arogya_bench.statistics.bootstrap_p_values import TIE_TOLERANCE
from arogya_bench.statistics.intervals import MAX_UNDEFINED_SHARE
from arogya_bench.statistics.notes import join_notes, undefined_note
from arogya_bench.statistics.proportions import few_discordant_note
from arogya_bench.statistics.resampling import Draws

MIN_VERDICT_GROUPS = 30  # independent groups in the test split; with fewer, no verdict is given
ROUNDING_TOLERANCE = 1e-12  # differences below it come from arithmetic


@dataclass(frozen=True, kw_only=True)
class FalseClaim(Result):
    """Probability that the claim "A is better than B" is false.

    Attributes:
        probability: That B is at least as good as A, 0 to 1; 1/2 for a model against itself.
        n: Number of cases; in the closed form, of discordant cases.
    """

    probability: float


def false_claim_probability(b: int, c: int) -> FalseClaim:
    """Compute the probability that B is at least as good as A, for one case per group.

    Formula: BetaCDF(1/2; b + 1, c + 1), from a uniform Dirichlet prior over the four cells of a
    paired table, where concordant cells cancel. Source: after arXiv 2505.04720.

    Args:
        b: Number of cases that only A gets right.
        c: Number of cases that only B gets right.
    """
    if b < 0 or c < 0:
        raise ValueError(f"counts must be 0 or more, not {b} and {c}")
    return FalseClaim(
        probability=0.5 if b == c else float(betainc(b + 1, c + 1, 0.5)),
        method="beta posterior",
        n=int(b + c),
        groups=int(b + c),
        note=few_discordant_note(b + c),
    )


def false_claim_from_replicates(difference_replicates: ArrayLike, *, draws: Draws) -> FalseClaim:
    """Compute the share of resamples in which B is at least as good as A.

    Ties count half. Source: after arXiv 2505.04720.

    Args:
        difference_replicates: Shape (B,), above 0 where A is better; NaN where undefined.
        draws: The resamples that the replicates were computed on.

    Raises:
        UndefinedMetric: If no stratum has two groups, or too many resamples are undefined.
    """
    replicates = np.asarray(difference_replicates, dtype=np.float64)
    if replicates.shape != (draws.resamples,):
        raise ValueError(f"replicates have shape {replicates.shape}, not ({draws.resamples},)")
    if not draws.varies:
        raise UndefinedMetric("no stratum holds two groups: every resample is the same")
    defined = replicates[np.isfinite(replicates)]
    undefined = 1 - defined.size / replicates.size
    if undefined > MAX_UNDEFINED_SHARE:
        raise UndefinedMetric(f"undefined in {undefined:.1%} of the resamples")
    tied = np.abs(defined) <= TIE_TOLERANCE * float(np.ptp(defined))
    share = float(((defined < 0) & ~tied).sum() + tied.sum() / 2) / defined.size
    extreme = f"below the resolution of {defined.size} resamples" if share in (0, 1) else ""
    return FalseClaim(
        probability=share,
        method="share of group resamples",
        n=draws.n,
        groups=draws.groups,
        seed=draws.seed,
        note=join_notes(extreme, undefined_note(undefined), draws.note),
    )


def too_few_groups_reason(groups: int, unit: str) -> str:
    """Say why a test split is too small for a verdict; an empty string if it is large enough.

    Args:
        groups: Number of independent groups in the test split.
        unit: What they are, such as ``patient``, or ``case`` where the dataset names no patients.
    """
    if groups >= MIN_VERDICT_GROUPS:
        return ""
    return f"The test split has {plural(groups, unit)}; a verdict needs at least {MIN_VERDICT_GROUPS}."


def sample_size(difference: float, discordant_share: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """Compute the number of independent cases for a paired test of two accuracies.

    Formula: (z of 1 - alpha/2 + z of power)² · d / difference², rounded up; the inverse of
    ``minimum_detectable_difference``.

    Args:
        difference: Of the two accuracies, -1 to 1; its sign is ignored.
        discordant_share: d, share of cases that only one of the two models gets right, 0 to 1.
        power: Probability of detecting the difference, alpha/2 to 1.
        alpha: Two-sided significance level, between 0 and 1.

    Raises:
        UndefinedMetric: If the difference is 0.
    """
    if not 0 <= discordant_share <= 1:
        raise ValueError(f"discordant_share is {discordant_share}, not between 0 and 1")
    if not (0 < alpha < 1 and alpha / 2 < power < 1):
        raise ValueError(f"power is {power} at alpha {alpha}: alpha / 2 < power < 1 is needed")
    if not abs(difference) <= discordant_share + ROUNDING_TOLERANCE:
        raise ValueError(f"difference {difference} exceeds discordant_share {discordant_share}")
    if difference == 0:
        raise UndefinedMetric("a difference of 0 is not detectable with any number of cases")
    # Divided twice, since the square of a tiny difference would underflow.
    cases = float(ndtri(1 - alpha / 2) + ndtri(power)) ** 2 * discordant_share
    return ceil(cases / abs(difference) / abs(difference) * (1 - ROUNDING_TOLERANCE))


def design_effect(cases_per_group: float, icc: float) -> float:
    """Compute the factor by which grouping increases the number of cases needed.

    Formula: 1 + (m - 1) · ICC. Source: Kish 1965. A negative ICC, which estimates have by chance,
    counts as 0.

    Args:
        cases_per_group: m, mean number of cases per group, at least 1.
        icc: Intraclass correlation, -1 to 1.
    """
    if not 1 <= cases_per_group < np.inf:
        raise ValueError(f"cases_per_group is {cases_per_group}, below 1 or not finite")
    if not -1 <= icc <= 1:
        raise ValueError(f"icc is {icc}, not between -1 and 1")
    return 1 + (cases_per_group - 1) * max(0.0, icc)


def effective_sample_size(n: int, cases_per_group: float, icc: float) -> float:
    """Compute the number of independent cases equivalent to n grouped ones.

    Formula: n / ``design_effect``. Source: Kish 1965.

    Raises:
        UndefinedMetric: If there are no cases.
    """
    if n < 0:
        raise ValueError(f"n is {n}, below 0")
    if n == 0:
        raise UndefinedMetric("no cases")
    return n / design_effect(cases_per_group, icc)


def intraclass_correlation(values: ArrayLike, groups: ArrayLike) -> float:
    """Estimate the intraclass correlation by one-way analysis of variance.

    Formula: (MSB - MSW) / (MSB + (n0 - 1) · MSW), n0 = (N - Σ nᵢ² / N) / (k - 1) for k groups of
    unequal sizes nᵢ. Source: Fisher 1925; Donner 1986.

    Args:
        values: Shape (N,), one per case, such as 0 or 1 for wrong or right.
        groups: Shape (N,), one label per case, the patient or lesion.

    Raises:
        UndefinedMetric: With one group, without a group of two cases, or without any spread.
    """
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1 or np.shape(groups) != column.shape or not np.isfinite(column).all():
        raise ValueError(f"values {column.shape} and groups {np.shape(groups)} must be finite, (n,) each")
    _, group_of, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    n, k = column.size, sizes.size
    if k < 2 or n == k:
        raise UndefinedMetric(f"{n} cases in {k} groups: two groups, and one of two cases, are needed")
    if np.ptp(column) <= ROUNDING_TOLERANCE * float(np.abs(column).max()):
        raise UndefinedMetric("every case has the same value: no spread")
    centred = column - column.mean()
    means = np.bincount(group_of, weights=centred) / sizes
    between = float((sizes * means**2).sum()) / (k - 1)
    within = float(((centred - means[group_of]) ** 2).sum()) / (n - k)
    mean_size = (n - float((sizes**2).sum()) / n) / (k - 1)
    return (between - within) / (between + (mean_size - 1) * within)
