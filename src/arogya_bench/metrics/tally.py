"""Counts and sums from which every metric of a classifier follows, for any weight of the groups.

A resample is a weight per group. Because a metric reads only the tally, one definition serves
the score, all resamples, and all scores that leave one group out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from arogya_bench.metrics.calibration import bin_of
from arogya_bench.metrics.curves import Curve, Ladder, curve, ladder
from arogya_bench.metrics.group_weights import Sums, Weights, without_each
from arogya_bench.metrics.outcomes import Outcomes, predicted_classes
from arogya_bench.types import Floats, Labels, Probabilities

SMALLEST = float(np.finfo(np.float64).eps)  # a probability of 0 would make the NLL infinite


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What each group adds to a tally; nothing is prepared before a metric asks for it.

    Attributes:
        cases: n of them.
        group: Shape (n,), positions 0 to groups - 1.
        groups: Their number.
        bins: Of the confidence.
    """

    cases: Outcomes
    group: Labels
    groups: int
    bins: int

    def whole(self) -> "Tally":
        """Tally of all cases, without leading axes."""
        return Tally(of=self, weights=Weights(counts=np.ones((1, self.groups))), single=True)

    def weighted(self, counts: Floats) -> "Tally":
        """Tally of resamples: how often each group enters, shape (b, groups)."""
        return Tally(of=self, weights=Weights(counts=counts))

    def without_each_group(self) -> "Iterator[Tally]":
        """Tallies that leave one group out, for all groups in turn; the leading axis is those."""
        widest = max(self.k * (self.k + 1), self.k * self.bins, self.cases.n)
        return (Tally(of=self, weights=weights) for weights in without_each(self.groups, widest))

    @property
    def k(self) -> int:
        """Number of classes."""
        return len(self.cases.classes)

    @cached_property
    def confusion(self) -> Sums:
        """Shape (k (k + 1), groups): cases by truth and prediction, the last: no answer."""
        answer = np.where(self.cases.predicted < 0, self.k, self.cases.predicted)
        cell = self.cases.targets * (self.k + 1) + answer
        return self._summed(cell, None, self.k * (self.k + 1), self.group)

    @cached_property
    def margins(self) -> Sums:
        """Shape (4 k, groups): hits, support, predicted and no answer, by class."""
        truth, answer = self.cases.targets, self.cases.predicted
        right, silent = answer == truth, answer < 0
        rows = [truth[right], self.k + truth, 2 * self.k + answer[~silent]]
        rows.append(3 * self.k + truth[silent])
        members = [self.group[right], self.group, self.group[~silent], self.group[silent]]
        return self._summed(np.concatenate(rows), None, 4 * self.k, np.concatenate(members))

    @cached_property
    def beliefs(self) -> Sums:
        """Shape (2 + bins, groups): -ln of the true probability, squared error, gaps.

        The squared error is that of one of two classes, or of all of more. A gap is correct minus
        confidence of the top label, by the bin of that confidence.
        """
        believed = self._table[np.arange(self.cases.n), self.cases.targets]
        error = self._table - np.eye(self.k)[self.cases.targets]
        squared = ((error[:, 1:] if self.k == 2 else error) ** 2).sum(axis=1)
        confidence, gap = self._top
        first = np.zeros(self.cases.n, dtype=np.int64)
        rows = np.concatenate([first, first + 1, 2 + bin_of(confidence, self.bins)])
        values = np.concatenate([-np.log(np.clip(believed, SMALLEST, 1.0)), squared, gap])
        return self._summed(rows, values, 2 + self.bins, np.tile(self.group, 3))

    @cached_property
    def class_gaps(self) -> Sums:
        """Shape (k bins, groups): true minus probability of each class, by that probability."""
        gap = np.eye(self.k)[self.cases.targets] - self._table
        cell = np.arange(self.k) * self.bins + bin_of(self._table, self.bins)
        group = np.repeat(self.group, self.k)
        return self._summed(cell.ravel(), gap.ravel(), self.k * self.bins, group)

    @cached_property
    def ladder(self) -> Ladder:
        """Cases by the confidence of their top label."""
        confidence, gap = self._top
        return ladder(confidence, gap, self.group, self.groups)

    @cached_property
    def curves(self) -> tuple[Curve, ...]:
        """Each class against the rest."""
        return tuple(
            curve(self._table[:, c], self.cases.targets == c, self.group, self.groups)
            for c in range(self.k)
        )

    @property
    def probable(self) -> bool:
        """Whether every case has class probabilities."""
        return self.cases.probabilities is not None and not self.cases.silent

    @property
    def _table(self) -> Probabilities:
        if self.cases.probabilities is None:
            raise ValueError("no class probabilities")
        return self.cases.probabilities

    @property
    def _top(self) -> tuple[Floats, Floats]:
        confidence = self._table.max(axis=1)
        return confidence, (predicted_classes(self._table) == self.cases.targets) - confidence

    def _summed(
        self, row: NDArray[np.int64], values: Floats | None, rows: int, group: Labels
    ) -> Sums:
        entries = np.ones(row.size) if values is None else values
        table = csr_array((entries, (row, group)), shape=(rows, self.groups))
        return Sums(by_group=table, whole=values is None)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Sufficient statistics; leading axes (...) are resamples, or none.

    Each is found when it is first read. Those from probabilities are NaN without them.
    """

    of: Evidence
    weights: Weights
    single: bool = False

    @cached_property
    def confusion(self) -> Floats:
        """Shape (..., K, K + 1), cases by truth and prediction; the last column: no answer."""
        k = self.of.k
        counts = self._sums(self.of.confusion)
        return counts.reshape(*counts.shape[:-1], k, k + 1)

    @property
    def hits(self) -> Floats:
        """Shape (..., K), cases of a class that were predicted as it."""
        return self._margins[..., : self.of.k]

    @property
    def support(self) -> Floats:
        """Shape (..., K), cases of a class."""
        return self._margins[..., self.of.k : 2 * self.of.k]

    @property
    def predicted(self) -> Floats:
        """Shape (..., K), cases predicted as a class."""
        return self._margins[..., 2 * self.of.k : 3 * self.of.k]

    @property
    def unanswered(self) -> Floats:
        """Shape (..., K), cases of a class without a prediction; they count as wrong."""
        return self._margins[..., 3 * self.of.k :]

    @property
    def n(self) -> Floats:
        """Number of cases, shape (...)."""
        total: Floats = self.support.sum(axis=-1)
        return total

    @property
    def nll(self) -> Floats:
        """Shape (...), sum of -ln(probability of the true class)."""
        return self._beliefs[..., 0]

    @property
    def brier(self) -> Floats:
        """Shape (...), sum of the squared error of the probabilities."""
        return self._beliefs[..., 1]

    @property
    def gap(self) -> Floats:
        """Shape (...), sum over bins of equal width of |correct minus confidence|."""
        total: Floats = np.abs(self._beliefs[..., 2:]).sum(axis=-1)
        return total

    @property
    def class_gap(self) -> Floats:
        """Shape (...), the same of each class's probability, a mean over the classes."""
        if not self.of.probable:
            return self._missing
        total: Floats = np.abs(self._sums(self.of.class_gaps)).sum(axis=-1)
        return total / self.of.k

    @property
    def equal_mass_gap(self) -> Floats:
        """Shape (...), as ``gap``, over bins that hold equally many cases."""
        if not self.of.probable or not self.of.cases.n:
            return self._missing
        return self._shaped(self.of.ladder.gap_of_equal_bins(self.weights, self.of.bins))

    @cached_property
    def auroc(self) -> Floats:
        """Shape (..., K), one against the rest; NaN without positives or negatives."""
        if not self.of.probable:
            return np.full(self.support.shape, np.nan)
        curves = self.of.curves[-1:] if self.of.k == 2 else self.of.curves
        pairs = [self._shaped(each.ordered_pairs(self.weights)) for each in curves]
        ordered = np.stack(pairs * 2 if self.of.k == 2 else pairs, axis=-1)
        possible = self.support * (self.n[..., None] - self.support)
        undefined = np.full(self.support.shape, np.nan)
        values: Floats = np.divide(ordered, possible, out=undefined, where=possible > 0)
        return values

    @cached_property
    def average_precision(self) -> Floats:
        """Shape (..., K), one against the rest; NaN without positives."""
        if not self.of.probable:
            return np.full(self.support.shape, np.nan)
        each = [self._shaped(c.average_precision(self.weights)) for c in self.of.curves]
        return np.stack(each, axis=-1)

    @cached_property
    def _margins(self) -> Floats:
        return self._sums(self.of.margins)

    @cached_property
    def _beliefs(self) -> Floats:
        if not self.of.probable:
            return np.full((*self.n.shape, 2 + self.of.bins), np.nan)
        return self._sums(self.of.beliefs)

    @property
    def _missing(self) -> Floats:
        return np.full(self.n.shape, np.nan)

    def _sums(self, sums: Sums) -> Floats:
        summed = self.weights.times(sums).T
        return summed[0] if self.single else summed

    def _shaped(self, values: Floats) -> Floats:
        return np.asarray(values[0]) if self.single else values


def evidence(
    outcomes: Outcomes,
    *,
    group_of: NDArray[np.int64] | None = None,
    bins: int = 15,
    groups: int | None = None,
) -> Evidence:
    """Make ready to sum up groups.

    Args:
        outcomes: n cases.
        group_of: Shape (n,), positions 0 to groups - 1; all cases are one group if None.
        bins: Of the confidence, for the calibration.
        groups: Their number, if some hold none of these cases; else the highest position decides.
    """
    group = np.zeros(outcomes.n, dtype=np.int64) if group_of is None else group_of
    highest = int(group.max()) + 1 if group.size else 1
    return Evidence(cases=outcomes, group=group, groups=groups or highest, bins=bins)
