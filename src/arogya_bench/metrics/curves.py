"""Cases ranked by score, for any weights of the groups: pairs, precision, bins of equal mass."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from arogya_bench.metrics.group_weights import GroupWeights, LeaveOneGroupOut, SparseSums
from arogya_bench.types import Floats, Labels


@dataclass(frozen=True, kw_only=True)
class RankingCurve:
    """Cases of one class and of the rest, ranked by score.

    A level is a distinct score of a positive; levels ascend. A negative below a positive is one
    concordant pair and a tie is half of one, so that a cumulative sum over levels counts the pairs.

    Attributes:
        positives: Shape (levels, groups), positives with each score.
        pair_increments: Shape (levels, groups), concordant pairs with a positive that begin at a level.
        negatives: Shape (levels, groups), negatives from the score of this level up to the next.
    """

    positives: SparseSums
    pair_increments: SparseSums
    negatives: SparseSums

    def concordant_pairs(self, weights: GroupWeights) -> Floats:
        """Pairs of a positive and a negative in the right order, shape (b,)."""
        if isinstance(weights, LeaveOneGroupOut):
            return self._leave_one_out_pairs[weights.excluded]
        below = weights.apply(self.pair_increments).cumsum(axis=0)
        pairs: Floats = np.einsum("lb,lb->b", weights.apply(self.positives), below)
        return pairs

    def average_precision(self, weights: GroupWeights) -> Floats:
        """Mean precision at the positives, shape (b,); NaN without any.

        Positives with one score share the precision of all cases that score at least as much:
        Σ (recall_l - recall_(l+1)) · precision_l, as in scikit-learn.
        """
        positives = weights.apply(self.positives)
        hits = positives[::-1].cumsum(axis=0)[::-1]
        called = hits + weights.apply(self.negatives)[::-1].cumsum(axis=0)[::-1]
        precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
        total = positives.sum(axis=0)
        undefined = np.full(total.shape, np.nan)
        mean: Floats = np.divide(np.einsum("lb,lb->b", positives, precision), total, out=undefined, where=total > 0)
        return mean

    @cached_property
    def _leave_one_out_pairs(self) -> Floats:
        """Concordant pairs without each group, shape (groups,)."""
        positives, below = self.positives.total, self.pair_increments.total.cumsum()
        above = positives[::-1].cumsum()[::-1]
        of_group = self.positives.by_group.T @ below + self.pair_increments.by_group.T @ above
        # Pairs within a group are subtracted twice.
        remaining: Floats = float(positives @ below) - of_group + self._pairs_within_groups()
        return remaining

    def _pairs_within_groups(self) -> Floats:
        positives, steps = self.positives.by_group.tocoo(), self.pair_increments.by_group.tocoo()
        groups = positives.shape[1]
        group = np.concatenate([steps.col, positives.col])
        level = np.concatenate([steps.row, positives.row])
        positive = np.repeat([False, True], [steps.nnz, positives.nnz])
        order = np.lexsort((positive, level, group))  # at one level, negatives first
        added = np.concatenate([steps.data, np.zeros(positives.nnz)])
        so_far = np.empty(order.size)
        so_far[order] = added[order].cumsum()
        of_group = np.bincount(steps.col, steps.data, minlength=groups)
        below = so_far[positive] - (of_group.cumsum() - of_group)[positives.col]
        pairs = np.bincount(positives.col, positives.data * below, minlength=groups)
        return pairs.astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class ConfidenceBins:
    """Cases by ascending confidence, to be cut into bins of equal numbers of cases.

    Attributes:
        cases: Shape (levels, groups), number of cases with each distinct confidence.
        gaps: Shape (levels, groups), their sum of correct minus confidence.
    """

    cases: SparseSums
    gaps: SparseSums

    def sum_equal_mass_gaps(self, weights: GroupWeights, bins: int) -> Floats:
        """Sum the absolute gaps of bins, shape (b,); a level at an edge is divided between bins."""
        mass = weights.apply(self.cases).cumsum(axis=0)
        gap = weights.apply(self.gaps).cumsum(axis=0)
        cut = np.empty((bins + 1, mass.shape[1]))
        for column in range(mass.shape[1]):
            drawn = mass[-1, column]
            reached = np.concatenate([[0.0], mass[:, column]])
            so_far = np.concatenate([[0.0], gap[:, column]])
            # Levels without drawn cases repeat a mass with the same gap, which has no effect.
            cut[:, column] = np.interp(np.linspace(0, drawn, bins + 1), reached, so_far)
        total: Floats = np.abs(np.diff(cut, axis=0)).sum(axis=0)
        return total


def build_ranking_curve(score: Floats, positive: NDArray[np.bool_], group: Labels, groups: int) -> RankingCurve:
    """Rank one class against the rest, from columns of shape (n,); ``group`` is 0 to groups - 1."""
    levels, level = np.unique(score[positive], return_inverse=True)
    negative_group = group[~positive]
    left, right = (np.searchsorted(levels, score[~positive], side) for side in ("left", "right"))
    row, column = np.concatenate([left, right]), np.tile(negative_group, 2)
    counted = row < levels.size  # a negative above every positive is in no concordant pair
    called = right > 0  # a negative below every positive is called positive at no level
    shape = (levels.size, groups)
    return RankingCurve(
        positives=_sparse_sums(level, group[positive], np.ones(level.size), shape),
        pair_increments=_sparse_sums(row[counted], column[counted], np.full(int(counted.sum()), 0.5), shape),
        negatives=_sparse_sums(right[called] - 1, negative_group[called], np.ones(int(called.sum())), shape),
    )


def build_confidence_bins(confidence: Floats, gap: Floats, group: Labels, groups: int) -> ConfidenceBins:
    """Order cases by confidence, from columns of shape (n,); ``gap`` is correct minus confidence."""
    levels, level = np.unique(confidence, return_inverse=True)
    shape = (levels.size, groups)
    return ConfidenceBins(
        cases=_sparse_sums(level, group, np.ones(level.size), shape), gaps=_sparse_sums(level, group, gap, shape)
    )


def _sparse_sums(row: Labels, column: Labels, values: Floats, shape: tuple[int, int]) -> SparseSums:
    return SparseSums(by_group=csr_array((values, (row, column)), shape=shape))
