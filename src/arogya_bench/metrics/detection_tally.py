"""Counts and average precisions of a detector, for any weight of the groups.

Boxes are matched once per image. A resample is a weight per group, so that every metric of a
resample follows from weighted counts.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from arogya_bench.metrics.detection_matching import IOU_THRESHOLDS, Matches
from arogya_bench.types import Floats, Labels

if TYPE_CHECKING:
    Sparse: TypeAlias = csr_array[np.float64]

# As in COCO, which compares floats: r/100 differs in ten of them.
RECALL_POINTS = np.linspace(0.0, 1.0, 101)
BLOCK_CELLS = 2**15  # 256 KiB per array, which stays in the cache
GROUPS_PER_BATCH = 500  # groups whose absence is computed at a time


@dataclass(frozen=True, kw_only=True)
class BoxSufficientStatistics:
    """Sufficient statistics of a detector; leading axes (...) are resamples, if any.

    Attributes:
        average_precision: Shape (..., 10, K), at each IoU threshold; NaN for a class without a
            box in the truth, and where it was not requested.
        hits: Shape (..., K), detections at the operating point that match a box, IoU 0.5.
        detections: Shape (..., K), detections at the operating point, without those in a crowd.
        truth: Shape (..., K), true boxes, without crowds.
    """

    average_precision: Floats
    hits: Floats
    detections: Floats
    truth: Floats


@dataclass(frozen=True, kw_only=True)
class BoxPrecisionRecallCurve:
    """Precision and recall of one class at one IoU threshold, in order of descending scores.

    One row stands for a run of hits and the misses before it. Precision rises within a run, so that
    its maxima are at the ends of runs for any weights. Misses after the last hit have no effect.

    Attributes:
        hits: Shape (runs, groups), hits of the run.
        detections: Shape (runs, groups), hits of the run and misses before them.
    """

    hits: "Sparse"
    detections: "Sparse"

    def average_precision(self, weights: Floats, truth: Floats) -> Floats:
        """Compute the mean over 101 recalls of the best precision at that recall or above.

        From weights of groups, shape (groups, b), and numbers of true boxes, shape (b,); NaN without any.
        """
        step = max(1, BLOCK_CELLS // max(1, self.hits.shape[0]))
        values = np.empty(truth.size)
        for start in range(0, truth.size, step):
            part = slice(start, start + step)
            values[part] = self._average_precision_block(np.ascontiguousarray(weights[:, part]), truth[part])
        return np.where(truth > 0, values, np.nan)

    def _average_precision_block(self, weights: Floats, truth: Floats) -> Floats:
        hits, detections = (np.asarray(m @ weights).cumsum(axis=0) for m in (self.hits, self.detections))
        precision = np.divide(hits, detections, out=np.zeros_like(hits), where=detections > 0)
        best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        reached = _count_recalls_reached(hits / np.maximum(truth, 1.0))
        total: Floats = np.einsum("rb,rb->b", best, np.diff(reached, axis=0, prepend=0.0))
        return total / RECALL_POINTS.size


@dataclass(frozen=True, kw_only=True)
class BoxGroupSums:
    """Contribution of each group to the sufficient statistics.

    Attributes:
        curves: By IoU threshold, then class; empty for thresholds that are not needed.
        sums: Shape (3 K, groups): hits, detections and true boxes at the operating point.
    """

    curves: tuple[tuple[BoxPrecisionRecallCurve, ...], ...]
    sums: Floats

    @property
    def n_classes(self) -> int:
        """Number of classes, K."""
        return len(self.sums) // 3

    @property
    def groups(self) -> int:
        """Number of groups."""
        return int(self.sums.shape[1])

    def select_iou_thresholds(self, iou_indices: Collection[int]) -> "BoxGroupSums":
        """Drop the curves of other IoU thresholds, which take most of the time."""
        curves = (row if i in iou_indices else () for i, row in enumerate(self.curves))
        return replace(self, curves=tuple(curves))

    def total(self) -> BoxSufficientStatistics:
        """Statistics of all images, without leading axes."""
        one = self.apply_weights(np.ones((1, self.groups)))
        return BoxSufficientStatistics(**{name: values[0] for name, values in vars(one).items()})

    def apply_weights(self, weights: Floats) -> BoxSufficientStatistics:
        """Statistics of resamples, given how often each group enters, shape (b, groups)."""
        hits, detections, truth = np.split(weights @ self.sums.T, 3, axis=1)
        upright = np.ascontiguousarray(weights.T)
        precision = np.full((len(weights), IOU_THRESHOLDS.size, self.n_classes), np.nan)
        for overlap, row in enumerate(self.curves):
            for label, curve in enumerate(row):
                precision[:, overlap, label] = curve.average_precision(upright, truth[:, label])
        return BoxSufficientStatistics(average_precision=precision, hits=hits, detections=detections, truth=truth)

    def leave_one_group_out(self) -> Iterator[BoxSufficientStatistics]:
        """Yield statistics that leave out each group in turn, in batches."""
        return map(self.apply_weights, leave_one_out_weights(self.groups))


def leave_one_out_weights(groups: int) -> Iterator[Floats]:
    """Yield weights that leave out each group in turn, in batches of shape (b, groups)."""
    for start in range(0, groups, GROUPS_PER_BATCH):
        left_out = np.arange(start, min(start + GROUPS_PER_BATCH, groups))
        yield (left_out[:, None] != np.arange(groups)).astype(np.float64)


def sum_boxes_by_group(
    matches: Sequence[Matches], *, threshold: float, group_of: NDArray[np.int64] | None = None
) -> BoxGroupSums:
    """Sum up each group once.

    Args:
        matches: One per class.
        threshold: Smallest score of a detection at the operating point.
        group_of: Shape (images,), positions 0 to groups - 1; all are one group if None.
    """
    images = matches[0].truth.size
    group = np.zeros(images, dtype=np.int64) if group_of is None else group_of
    groups = int(group.max()) + 1 if group.size else 1
    sums = np.zeros((3, len(matches), groups))
    for label, of_class in enumerate(matches):
        chosen = (of_class.scores >= threshold) & ~of_class.ignored_detections[0]
        sums[0, label] = np.bincount(group[of_class.image[chosen & of_class.hits[0]]], minlength=groups)
        sums[1, label] = np.bincount(group[of_class.image[chosen]], minlength=groups)
        sums[2, label] = np.bincount(group, of_class.truth, minlength=groups)
    return BoxGroupSums(
        curves=tuple(
            tuple(_build_curve(of_class, overlap, group, groups) for of_class in matches)
            for overlap in range(IOU_THRESHOLDS.size)
        ),
        sums=sums.reshape(-1, groups),
    )


def _build_curve(matches: Matches, iou_index: int, group: Labels, groups: int) -> BoxPrecisionRecallCurve:
    counted = ~matches.ignored_detections[iou_index]
    hit = matches.hits[iou_index][counted]
    column = group[matches.image[counted]]
    run_ends = hit & ~np.append(hit[1:], False)
    run = run_ends.cumsum() - run_ends
    before = run < run_ends.sum()
    shape = (int(run_ends.sum()), groups)
    return BoxPrecisionRecallCurve(
        hits=csr_array((np.ones(int(hit.sum())), (run[hit], column[hit])), shape=shape),
        detections=csr_array((np.ones(int(before.sum())), (run[before], column[before])), shape=shape),
    )


def _count_recalls_reached(recall: Floats) -> Floats:
    """Count the 101 recalls that are at most the given one, comparing floats exactly."""
    near = np.rint(recall * 100)
    return near + (RECALL_POINTS[near.astype(np.intp)] <= recall)
