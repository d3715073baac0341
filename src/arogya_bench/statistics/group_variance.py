"""The variance of an estimate between samples of groups, from what each group changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np

from arogya_bench.types import Floats, Labels

BORROWED_GROUPS = 5  # weight of the spread that a class borrows from all classes, in groups
NO_STRATUM = -1  # of groups that a metric does not read, such as negatives for the sensitivity


class VarianceTerm(NamedTuple):
    """An estimated variance and how well it is known.

    Attributes:
        df: Degrees of freedom of the estimate.
    """

    variance: float
    df: float


@dataclass(frozen=True, kw_only=True)
class GroupStrata:
    """How groups contribute to a metric.

    Attributes:
        stratum_of: Shape (groups,): the class of each group for a metric that averages over classes, 0 for one
            that averages over cases, ``NO_STRATUM`` for groups that the metric does not read.
        class_mix_varies: Whether the class frequencies differ between samples, and the metric with them.
        weights: Shape (strata,): how much the metric rises from the worst to the best answers in a stratum, such as the
            recall of a class; 1 over the number of strata if None.
    """

    stratum_of: Labels
    class_mix_varies: bool
    weights: Floats | None = None


def group_variance(changes: Floats, estimate: float, strata: GroupStrata) -> VarianceTerm:
    """Estimate the variance of an estimate between samples of groups.

    A group g of stratum h with m groups contributes e(g) = (m - 1) (change(g) - mean change of h), which for a mean
    over classes is the deviation of the group, times the weight w(h) of its class. The variance is Σ v(h), with
    v(h) = (m/(m - 1) Σ e² + 5 p w²) / ((m + 5) m) on m + 4 degrees of freedom, plus the variance that comes from the
    class frequencies where these vary. p is the mean over all groups of (e/w)², at most 1, plus the squared estimate:
    the spread of few groups alone is 0 too often, and a class of two would then name a winner in one null study of
    ten. Degrees of freedom follow from Satterthwaite's formula, and are not more than the fourth moment of the
    changes allows, so that a difference which rests on few groups is judged with care.

    Source: Efron and Stein 1981 (the jackknife), Satterthwaite 1946.

    Args:
        changes: Shape (groups,): the estimate minus the estimate without the group.
        estimate: The estimate, such as a difference of two models.
        strata: How the groups contribute.

    Returns:
        Variance 0 only if the estimate and all changes are 0, or if no group contributes.
    """
    used = strata.stratum_of != NO_STRATUM
    if not used.any():
        return VarianceTerm(0.0, inf)
    labels, stratum, sizes = np.unique(strata.stratum_of[used], return_inverse=True, return_counts=True)
    change, count = changes[used], sizes.size
    # The change by a group that is alone in its class says what the metric is without that class: not used.
    change = np.where(sizes[stratum] > 1, change, 0.0)
    means = np.bincount(stratum, change) / sizes
    deviations = (sizes[stratum] - 1) * (change - means[stratum])
    squares = deviations**2
    weights = np.full(count, 1 / count) if strata.weights is None else strata.weights[labels]
    relative = np.divide(squares, weights[stratum] ** 2, out=np.zeros(change.size), where=weights[stratum] > 0)
    bounded = np.minimum(relative, 1.0) if count > 1 else relative
    borrowed = BORROWED_GROUPS * weights**2 * (bounded.mean() + estimate**2)
    unbiased = np.bincount(stratum, squares) * sizes / np.maximum(sizes - 1, 1)
    variances: Floats = (unbiased + borrowed) / ((sizes + BORROWED_GROUPS) * sizes)
    degrees: Floats = sizes.astype(np.float64) + BORROWED_GROUPS - 1
    if count > 1 and strata.class_mix_varies:
        groups = int(sizes.sum())
        mix = float((sizes * (means * (groups - 1) / groups) ** 2).sum())
        variances, degrees = np.append(variances, mix), np.append(degrees, groups - 1.0)
    influence = change if strata.class_mix_varies else deviations / sizes[stratum]
    total = add_variances([VarianceTerm(float(v), float(df)) for v, df in zip(variances, degrees, strict=True)])
    return VarianceTerm(total.variance, min(total.df, _degrees_of_moments(influence)))


def add_variances(terms: Sequence[VarianceTerm]) -> VarianceTerm:
    """Add independent parts of a variance; degrees of freedom by Satterthwaite's formula."""
    variance = sum(term.variance for term in terms)
    spread = sum(term.variance**2 / term.df for term in terms)
    return VarianceTerm(variance, variance**2 / spread if spread else inf)


def smallest_stratum(strata: GroupStrata) -> int:
    """Number of groups in the smallest stratum that a metric reads; 0 if it reads none."""
    used = strata.stratum_of[strata.stratum_of != NO_STRATUM]
    return int(np.unique(used, return_counts=True)[1].min()) if used.size else 0


def _degrees_of_moments(influence: Floats) -> float:
    """Degrees of freedom of Σ x² as an estimate, from its own variance Σ x⁴ - (Σ x²)²/n."""
    second = float((influence**2).sum())
    spread = float((influence**4).sum()) - second**2 / influence.size
    return max(1.0, 2 * second**2 / spread) if spread > 0 else inf
