"""Cases ranked by score, for any weight of the groups: pairs, precision, bins of equal mass."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from arogya_bench.metrics.group_weights import GroupWeights, LeaveOneGroupOut, SparseSums
from arogya_bench.types import Floats, Labels


@dataclass(frozen=True, kw_only=True)
class RankingCurve:
    """One class against the rest, ranked by its score.

    A level is a distinct score of a positive; levels rise. A negative below a positive counts 1
    and a tie 1/2, so a negative adds 1 to every level above its score, which a cumulated sum does.

    Attributes:
        positives: Shape (levels, groups), positives with each score.
        pair_increments: Shape (levels, groups), what negatives add to the pairs in order from a level on.
        negatives: Shape (levels, groups), negatives from this level's score up to the next one's.
    """

    positives: SparseSums
    pair_increments: SparseSums
    negatives: SparseSums

    def concordant_pairs(self, weights: GroupWeights) -> Floats:
        """Pairs of a positive and a negative in order, shape (b,)."""
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
        here = weights.apply(self.positives)
        hits = here[::-1].cumsum(axis=0)[::-1]
        called = hits + weights.apply(self.negatives)[::-1].cumsum(axis=0)[::-1]
        precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
        total = here.sum(axis=0)
        undefined = np.full(total.shape, np.nan)
        mean: Floats = np.divide(np.einsum("lb,lb->b", here, precision), total, out=undefined, where=total > 0)
        return mean

    @cached_property
    def _leave_one_out_pairs(self) -> Floats:
        """Pairs in order when one group is left out, shape (groups,)."""
        here, below = self.positives.total, self.pair_increments.total.cumsum()
        above = here[::-1].cumsum()[::-1]
        touched = self.positives.by_group.T @ below + self.pair_increments.by_group.T @ above
        # Pairs within a group were taken away twice.
        left: Floats = float(here @ below) - touched + self._pairs_within_groups()
        return left

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
        own = np.bincount(steps.col, steps.data, minlength=groups)
        below = so_far[positive] - (own.cumsum() - own)[positives.col]
        pairs = np.bincount(positives.col, positives.data * below, minlength=groups)
        return pairs.astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class ConfidenceBins:
    """Cases in the order of their confidence, to be cut into bins that hold equally many.

    Attributes:
        cases: Shape (levels, groups), cases of each distinct confidence, rising.
        gaps: Shape (levels, groups), their sum of correct minus confidence.
    """

    cases: SparseSums
    gaps: SparseSums

    def sum_equal_mass_gaps(self, weights: GroupWeights, bins: int) -> Floats:
        """Sum over bins of the absolute gap, shape (b,); cases of one level are shared out."""
        mass = weights.apply(self.cases).cumsum(axis=0)
        gap = weights.apply(self.gaps).cumsum(axis=0)
        cut = np.empty((bins + 1, mass.shape[1]))
        for column in range(mass.shape[1]):
            drawn = mass[-1, column]
            reached = np.concatenate([[0.0], mass[:, column]])
            so_far = np.concatenate([[0.0], gap[:, column]])
            # Levels that nobody drew repeat a mass with an unchanged gap, which changes nothing.
            cut[:, column] = np.interp(np.linspace(0, drawn, bins + 1), reached, so_far)
        total: Floats = np.abs(np.diff(cut, axis=0)).sum(axis=0)
        return total


def build_ranking_curve(score: Floats, positive: NDArray[np.bool_], group: Labels, groups: int) -> RankingCurve:
    """Rank one class against the rest.

    Args:
        score: Shape (n,), higher for positives.
        positive: Shape (n,).
        group: Shape (n,), positions 0 to groups - 1.
        groups: Their number.
    """
    levels, level = np.unique(score[positive], return_inverse=True)
    others, theirs = score[~positive], group[~positive]
    left, right = (np.searchsorted(levels, others, side) for side in ("left", "right"))
    row, column = np.concatenate([left, right]), np.tile(theirs, 2)
    seen = row < levels.size  # above every positive, a negative adds nothing
    called = right > 0  # below every positive, it is called by no level
    shape = (levels.size, groups)
    return RankingCurve(
        positives=_sparse_sums(level, group[positive], np.ones(level.size), shape),
        pair_increments=_sparse_sums(row[seen], column[seen], np.full(int(seen.sum()), 0.5), shape),
        negatives=_sparse_sums(right[called] - 1, theirs[called], np.ones(int(called.sum())), shape),
    )


def build_confidence_bins(confidence: Floats, gap: Floats, group: Labels, groups: int) -> ConfidenceBins:
    """Order cases by confidence.

    Args:
        confidence: Shape (n,), 0 to 1.
        gap: Shape (n,), correct minus confidence.
        group: Shape (n,), positions 0 to groups - 1.
        groups: Their number.
    """
    levels, level = np.unique(confidence, return_inverse=True)
    shape = (levels.size, groups)
    return ConfidenceBins(
        cases=_sparse_sums(level, group, np.ones(level.size), shape),
        gaps=_sparse_sums(level, group, gap, shape),
    )


def _sparse_sums(row: Labels, column: Labels, values: Floats, shape: tuple[int, int]) -> SparseSums:
    return SparseSums(by_group=csr_array((values, (row, column)), shape=shape))
