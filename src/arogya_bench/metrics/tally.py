"""Counts and sums from which every metric of a classifier follows, for any weight of the groups.

A resample is a weight per group. Because a metric reads only the tally, one definition serves
the score, all resamples, and all scores that leave one group out.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from arogya_bench.metrics.calibration import bin_of
from arogya_bench.metrics.outcomes import Outcomes, predicted_classes
from arogya_bench.types import Floats, Labels, Probabilities

if TYPE_CHECKING:
    from scipy.sparse import csc_array

    Sparse: TypeAlias = csr_array[np.float64] | csc_array[np.float64]

SMALLEST = float(np.finfo(np.float64).eps)  # a probability of 0 would make the NLL infinite


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Sufficient statistics; leading axes (...) are resamples, or none.

    Attributes:
        hits: Shape (..., K), cases of a class that were predicted as it.
        support: Shape (..., K), cases of a class.
        predicted: Shape (..., K), cases predicted as a class.
        nll: Shape (...), sum of -ln(probability of the true class); NaN without probabilities,
            as everything below.
        brier: Shape (...), sum over cases of the squared error; over one of two classes, or
            over all of more than two.
        gaps: Shape (..., bins), sum of correct minus confidence in each bin of confidence.
        auroc: Shape (..., K), one against the rest; NaN without positives or negatives.
    """

    hits: Floats
    support: Floats
    predicted: Floats
    nll: Floats
    brier: Floats
    gaps: Floats
    auroc: Floats

    @property
    def n(self) -> Floats:
        """Number of cases, shape (...)."""
        total: Floats = self.support.sum(axis=-1)
        return total


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The pairs of a positive and a negative that one AUROC counts.

    Sorted by score, a negative below a positive counts 1 and a tie 1/2. So a negative adds 1 to
    every level of the positives above its score, which a cumulated sum does.

    Attributes:
        positives: Shape (levels, groups), positives with each distinct score of a positive.
        steps: Shape (levels, groups), what negatives add from a level on.
    """

    positives: "Sparse"
    steps: "Sparse"

    def ordered_pairs(self, weights: Floats) -> Floats:
        """Pairs in order, for weights of shape (groups, b); shape (b,)."""
        below = _times(self.steps, weights).cumsum(axis=0)
        pairs: Floats = np.einsum("lb,lb->b", _times(self.positives, weights), below)
        return pairs

    def ordered_pairs_without_each(self) -> Floats:
        """Pairs in order when one group is left out, shape (groups,)."""
        everyone = np.ones(self.steps.shape[1])
        here = _times(self.positives, everyone)
        below = _times(self.steps, everyone).cumsum()
        above = here[::-1].cumsum()[::-1]
        touched = _times(self.positives.T, below) + _times(self.steps.T, above)
        # Pairs within a group were taken away twice.
        return float(here @ below) - touched + self._pairs_within_groups()

    def _pairs_within_groups(self) -> Floats:
        positives, steps = self.positives.tocoo(), self.steps.tocoo()
        groups = self.positives.shape[1]
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
class Evidence:
    """What each group adds to a tally.

    Attributes:
        classes: Their number, K.
        bins: Of the confidence.
        sums: Shape (3 K + 2 + bins, groups): hits, support, predicted, nll, brier, gaps.
        curves: One per class, or a single one for two classes; none without probabilities.
    """

    classes: int
    bins: int
    sums: "Sparse"
    curves: tuple[Curve, ...]

    def whole(self) -> Tally:
        """Tally of all cases, without leading axes."""
        one = self.weighted(np.ones((1, self.sums.shape[1])))
        return Tally(**{name: values[0] for name, values in vars(one).items()})

    def weighted(self, weights: Floats) -> Tally:
        """Tally of resamples: how often each group enters, shape (b, groups)."""
        upright = np.ascontiguousarray(weights.T)
        pairs = [curve.ordered_pairs(upright) for curve in self.curves]
        return self._tally(_times(self.sums, upright).T, pairs)

    def without_each_group(self) -> Tally:
        """Tallies that leave one group out; the leading axis is the group."""
        whole = _times(self.sums, np.ones(self.sums.shape[1]))
        sums = whole - self.sums.toarray().T
        return self._tally(sums, [curve.ordered_pairs_without_each() for curve in self.curves])

    def _tally(self, sums: Floats, pairs: list[Floats]) -> Tally:
        k = self.classes
        support = sums[:, k : 2 * k]
        missing = np.nan if not self.curves else 0.0
        return Tally(
            hits=sums[:, :k],
            support=support,
            predicted=sums[:, 2 * k : 3 * k],
            nll=sums[:, 3 * k] + missing,
            brier=sums[:, 3 * k + 1] + missing,
            gaps=sums[:, 3 * k + 2 :] + missing,
            auroc=_auroc(support, pairs),
        )


def evidence(
    outcomes: Outcomes, *, group_of: NDArray[np.int64] | None = None, bins: int = 15
) -> Evidence:
    """Sum up each group once.

    Args:
        outcomes: n cases.
        group_of: Shape (n,), positions 0 to groups - 1; all cases are one group if None.
        bins: Of equal width, for the calibration.
    """
    group = np.zeros(outcomes.n, dtype=np.int64) if group_of is None else group_of
    groups = int(group.max()) + 1 if group.size else 1
    k = len(outcomes.classes)
    correct = outcomes.predicted == outcomes.targets
    rows = [outcomes.targets, k + outcomes.targets, 2 * k + outcomes.predicted]
    values = [correct.astype(np.float64), np.ones(outcomes.n), np.ones(outcomes.n)]
    curves: tuple[Curve, ...] = ()
    if outcomes.probabilities is not None:
        table, truth = outcomes.probabilities, outcomes.targets
        confidence = table.max(axis=1)
        rows += [np.full(outcomes.n, 3 * k), np.full(outcomes.n, 3 * k + 1)]
        rows += [3 * k + 2 + bin_of(confidence, bins)]
        values += [_surprise(table, truth), _squared_error(table, truth)]
        values += [(predicted_classes(table) == truth) - confidence]
        ranked = (1,) if k == 2 else range(k)
        curves = tuple(_curve(table[:, c], truth == c, group, groups) for c in ranked)
    entries = np.concatenate(values), (np.concatenate(rows), np.tile(group, len(rows)))
    shape = (3 * k + 2 + bins, groups)
    return Evidence(classes=k, bins=bins, sums=csr_array(entries, shape=shape), curves=curves)


def _surprise(table: Probabilities, truth: Labels) -> Floats:
    believed = table[np.arange(truth.size), truth]
    return -np.log(np.clip(believed, SMALLEST, 1.0))


def _squared_error(table: Probabilities, truth: Labels) -> Floats:
    error = table - np.eye(table.shape[1])[truth]
    squared: Floats = (error[:, 1:] if table.shape[1] == 2 else error) ** 2
    total: Floats = squared.sum(axis=1)
    return total


def _curve(score: Floats, positive: NDArray[np.bool_], group: Labels, groups: int) -> Curve:
    levels, level = np.unique(score[positive], return_inverse=True)
    others = score[~positive]
    starts = [np.searchsorted(levels, others, side) for side in ("left", "right")]
    row = np.concatenate(starts)
    column = np.tile(group[~positive], 2)
    seen = row < levels.size  # above every positive, a negative adds nothing
    halves = np.full(int(seen.sum()), 0.5)
    shape = (levels.size, groups)
    ones = np.ones(level.size)
    return Curve(
        positives=csr_array((ones, (level, group[positive])), shape=shape),
        steps=csr_array((halves, (row[seen], column[seen])), shape=shape),
    )


def _auroc(support: Floats, pairs: list[Floats]) -> Floats:
    if not pairs:
        return np.full(support.shape, np.nan)
    ordered = np.stack(pairs * 2 if support.shape[-1] == 2 else pairs, axis=-1)
    possible = support * (support.sum(axis=-1, keepdims=True) - support)
    undefined = np.full(support.shape, np.nan)
    values: Floats = np.divide(ordered, possible, out=undefined, where=possible > 0)
    return values


def _times(matrix: "Sparse", weights: Floats) -> Floats:
    product: Floats = np.asarray(matrix @ weights)
    return product
