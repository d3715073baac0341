"""Counts and sums from which every metric of a classifier is computed, for any weights of the groups.

A resample is a weight per group. Since metrics read nothing but these sums, one definition serves
scores, resamples, and scores that leave one group out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from arogya_bench.metrics.calibration import bin_indices
from arogya_bench.metrics.curves import ConfidenceBins, RankingCurve, build_confidence_bins, build_ranking_curve
from arogya_bench.metrics.group_weights import DrawnGroups, GroupWeights, SparseSums, leave_one_group_out
from arogya_bench.metrics.outcomes import Outcomes, predicted_classes
from arogya_bench.types import Floats, Labels, Probabilities

MIN_PROBABILITY = float(np.finfo(np.float64).eps)  # a probability of 0 would make the NLL infinite


@dataclass(frozen=True, kw_only=True)
class GroupSums:
    """Contribution of each group to the sufficient statistics, computed when first needed.

    Attributes:
        group: Shape (n,), positions 0 to groups - 1.
        bins: Number of bins of the confidence.
        true_classes_only: Whether a macro average leaves out a class that is predicted without a case.
    """

    cases: Outcomes
    group: Labels
    groups: int
    bins: int
    true_classes_only: bool = False

    def total(self) -> "SufficientStatistics":
        """Statistics of all cases, without leading axes."""
        return SufficientStatistics(
            group_sums=self, weights=DrawnGroups(counts=np.ones((1, self.groups))), is_single=True
        )

    def apply_weights(self, counts: Floats) -> "SufficientStatistics":
        """Statistics of resamples, given how often each group enters, shape (b, groups)."""
        return SufficientStatistics(group_sums=self, weights=DrawnGroups(counts=counts))

    def leave_one_group_out(self, *, by_level: bool = True) -> "Iterator[SufficientStatistics]":
        """Yield statistics that leave out each group in turn, along the leading axis, in batches.

        Without ``by_level`` the batches are too large for metrics that need a table of all distinct scores.
        """
        levels = self.cases.n if by_level else 0
        widest = max(self.n_classes * (self.n_classes + 1), self.n_classes * self.bins, levels)
        return (
            SufficientStatistics(group_sums=self, weights=weights)
            for weights in leave_one_group_out(self.groups, widest)
        )

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.cases.classes)

    @cached_property
    def confusion(self) -> SparseSums:
        """Shape (k (k + 1), groups): cases by truth and prediction, of which the last is no answer."""
        answer = np.where(self.cases.predicted < 0, self.n_classes, self.cases.predicted)
        cell = self.cases.targets * (self.n_classes + 1) + answer
        return self._sum_by_group(cell, None, self.n_classes * (self.n_classes + 1), self.group)

    @cached_property
    def class_counts(self) -> SparseSums:
        """Shape (4 k, groups): hits, support, predicted and unanswered cases, by class."""
        truth, answer = self.cases.targets, self.cases.predicted
        correct, unanswered = answer == truth, answer < 0
        rows = [truth[correct], self.n_classes + truth, 2 * self.n_classes + answer[~unanswered]]
        rows.append(3 * self.n_classes + truth[unanswered])
        members = [self.group[correct], self.group, self.group[~unanswered], self.group[unanswered]]
        return self._sum_by_group(np.concatenate(rows), None, 4 * self.n_classes, np.concatenate(members))

    @cached_property
    def probability_sums(self) -> SparseSums:
        """Shape (2 + bins, groups): -ln of the probability of the true class, squared error, gaps.

        The squared error is of the second of two classes, or of all of three or more. A gap is
        correct minus confidence of the top label, by the bin of that confidence.
        """
        of_true_class = self._probabilities[np.arange(self.cases.n), self.cases.targets]
        error = self._probabilities - np.eye(self.n_classes)[self.cases.targets]
        squared = ((error[:, 1:] if self.n_classes == 2 else error) ** 2).sum(axis=1)
        confidence, gap = self._top_label
        first = np.zeros(self.cases.n, dtype=np.int64)
        rows = np.concatenate([first, first + 1, 2 + bin_indices(confidence, self.bins)])
        values = np.concatenate([-np.log(np.clip(of_true_class, MIN_PROBABILITY, 1.0)), squared, gap])
        return self._sum_by_group(rows, values, 2 + self.bins, np.tile(self.group, 3))

    @cached_property
    def classwise_calibration_gaps(self) -> SparseSums:
        """Shape (k bins, groups): correct minus probability of each class, by the bin of that probability."""
        gap = np.eye(self.n_classes)[self.cases.targets] - self._probabilities
        cell = np.arange(self.n_classes) * self.bins + bin_indices(self._probabilities, self.bins)
        group = np.repeat(self.group, self.n_classes)
        return self._sum_by_group(cell.ravel(), gap.ravel(), self.n_classes * self.bins, group)

    @cached_property
    def confidence_bins(self) -> ConfidenceBins:
        """Cases by the confidence of their top label."""
        confidence, gap = self._top_label
        return build_confidence_bins(confidence, gap, self.group, self.groups)

    @cached_property
    def ranking_curves(self) -> tuple[RankingCurve, ...]:
        """One curve per class, against the rest."""
        return tuple(
            build_ranking_curve(self._probabilities[:, c], self.cases.targets == c, self.group, self.groups)
            for c in range(self.n_classes)
        )

    @property
    def has_probabilities(self) -> bool:
        """Whether every case has class probabilities."""
        return self.cases.probabilities is not None and not self.cases.unanswered

    @property
    def _probabilities(self) -> Probabilities:
        if self.cases.probabilities is None:
            raise ValueError("no class probabilities")
        return self.cases.probabilities

    @property
    def _top_label(self) -> tuple[Floats, Floats]:
        confidence = self._probabilities.max(axis=1)
        return confidence, (predicted_classes(self._probabilities) == self.cases.targets) - confidence

    def _sum_by_group(self, row: NDArray[np.int64], values: Floats | None, rows: int, group: Labels) -> SparseSums:
        entries = np.ones(row.size) if values is None else values
        table = csr_array((entries, (row, group)), shape=(rows, self.groups))
        return SparseSums(by_group=table, integer_valued=values is None)


@dataclass(frozen=True, kw_only=True)
class SufficientStatistics:
    """Sufficient statistics of a classifier; leading axes (...) are resamples, if any.

    They are computed when first read. Those of probabilities are NaN without probabilities.
    """

    group_sums: GroupSums
    weights: GroupWeights
    is_single: bool = False

    @cached_property
    def confusion(self) -> Floats:
        """Shape (..., K, K + 1), cases by truth and prediction; the last column counts no answer."""
        k = self.group_sums.n_classes
        counts = self._weighted_sums(self.group_sums.confusion)
        return counts.reshape(*counts.shape[:-1], k, k + 1)

    @property
    def hits(self) -> Floats:
        """Shape (..., K), cases of a class that are predicted as this class."""
        return self._class_counts[..., : self.group_sums.n_classes]

    @property
    def support(self) -> Floats:
        """Shape (..., K), cases of a class."""
        return self._class_counts[..., self.group_sums.n_classes : 2 * self.group_sums.n_classes]

    @property
    def predicted_counts(self) -> Floats:
        """Shape (..., K), cases predicted as a class."""
        return self._class_counts[..., 2 * self.group_sums.n_classes : 3 * self.group_sums.n_classes]

    @property
    def unanswered_counts(self) -> Floats:
        """Shape (..., K), cases of a class without a prediction; they count as wrong."""
        return self._class_counts[..., 3 * self.group_sums.n_classes :]

    @property
    def n(self) -> Floats:
        """Number of cases, shape (...)."""
        total: Floats = self.support.sum(axis=-1)
        return total

    @property
    def nll(self) -> Floats:
        """Shape (...), sum of -ln(probability of the true class)."""
        return self._probability_sums[..., 0]

    @property
    def brier(self) -> Floats:
        """Shape (...), sum of the squared error of the probabilities."""
        return self._probability_sums[..., 1]

    @property
    def calibration_gap(self) -> Floats:
        """Shape (...), sum over bins of equal width of |correct minus confidence|."""
        total: Floats = np.abs(self._probability_sums[..., 2:]).sum(axis=-1)
        return total

    @property
    def classwise_calibration_gap(self) -> Floats:
        """Shape (...), the same for the probability of each class, averaged over the classes."""
        if not self.group_sums.has_probabilities:
            return self._all_nan
        total: Floats = np.abs(self._weighted_sums(self.group_sums.classwise_calibration_gaps)).sum(axis=-1)
        return total / self.group_sums.n_classes

    @property
    def equal_mass_calibration_gap(self) -> Floats:
        """Shape (...), as ``calibration_gap``, over bins with equal numbers of cases."""
        if not self.group_sums.has_probabilities or not self.group_sums.cases.n:
            return self._all_nan
        return self._squeeze(self.group_sums.confidence_bins.sum_equal_mass_gaps(self.weights, self.group_sums.bins))

    @cached_property
    def auroc(self) -> Floats:
        """Shape (..., K), one against the rest; NaN without positives or negatives."""
        if not self.group_sums.has_probabilities:
            return np.full(self.support.shape, np.nan)
        binary = self.group_sums.n_classes == 2  # both classes have the same pairs
        curves = self.group_sums.ranking_curves[-1:] if binary else self.group_sums.ranking_curves
        pairs = [self._squeeze(curve.concordant_pairs(self.weights)) for curve in curves]
        ordered = np.stack(pairs * 2 if binary else pairs, axis=-1)
        possible = self.support * (self.n[..., None] - self.support)
        undefined = np.full(self.support.shape, np.nan)
        values: Floats = np.divide(ordered, possible, out=undefined, where=possible > 0)
        return values

    @cached_property
    def average_precision(self) -> Floats:
        """Shape (..., K), one against the rest; NaN without positives."""
        if not self.group_sums.has_probabilities:
            return np.full(self.support.shape, np.nan)
        curves = self.group_sums.ranking_curves
        return np.stack([self._squeeze(curve.average_precision(self.weights)) for curve in curves], axis=-1)

    @cached_property
    def _class_counts(self) -> Floats:
        return self._weighted_sums(self.group_sums.class_counts)

    @cached_property
    def _probability_sums(self) -> Floats:
        if not self.group_sums.has_probabilities:
            return np.full((*self.n.shape, 2 + self.group_sums.bins), np.nan)
        return self._weighted_sums(self.group_sums.probability_sums)

    @property
    def _all_nan(self) -> Floats:
        return np.full(self.n.shape, np.nan)

    def _weighted_sums(self, sums: SparseSums) -> Floats:
        summed = self.weights.apply(sums).T
        return summed[0] if self.is_single else summed

    def _squeeze(self, values: Floats) -> Floats:
        return np.asarray(values[0]) if self.is_single else values


def sum_by_group(
    outcomes: Outcomes,
    *,
    group_of: NDArray[np.int64] | None = None,
    bins: int = 15,
    groups: int | None = None,
    true_classes_only: bool = False,
) -> GroupSums:
    """Prepare the sums of each group.

    Args:
        outcomes: n cases.
        group_of: Shape (n,), positions 0 to groups - 1; all cases are one group if None.
        bins: Number of bins of the confidence, for the calibration errors.
        groups: Number of groups, if the last ones hold none of these cases.
        true_classes_only: Whether a macro average leaves out a class that is predicted without a case.
    """
    group = np.zeros(outcomes.n, dtype=np.int64) if group_of is None else group_of
    highest = int(group.max()) + 1 if group.size else 1
    return GroupSums(
        cases=outcomes, group=group, groups=groups or highest, bins=bins, true_classes_only=true_classes_only
    )
