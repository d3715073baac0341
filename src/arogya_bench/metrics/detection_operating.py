"""A detector used at one threshold: the choice on validation, and what it then finds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arogya_bench.metrics.detection import (
    METRICS,
    check_box_predictions,
    f1s,
    precisions,
    recalls,
)
from arogya_bench.metrics.detection_matching import IOU_THRESHOLDS, Matches, match_boxes
from arogya_bench.metrics.detection_outcomes import (
    DetectionsLike,
    TrueBoxesLike,
    check_box_outcomes,
)
from arogya_bench.metrics.detection_tally import BoxSufficientStatistics, sum_boxes_by_group
from arogya_bench.metrics.per_class import FEW_POSITIVES, Row
from arogya_bench.types import BoxPredictions, Floats

NO_DETECTION_THRESHOLD = 1.0  # the threshold where none does better than finding nothing


@dataclass(frozen=True, kw_only=True)
class ClassCounts:
    """One class at the threshold, matched at IoU 0.5; None is undefined.

    Attributes:
        name: Of the class.
        tp: Detections that found a box.
        fp: Detections that found none.
        fn: Boxes that nothing found.
        precision: tp / (tp + fp).
        recall: tp / (tp + fn).
        f1: 2 tp / (2 tp + fp + fn).
    """

    name: str
    tp: int
    fp: int
    fn: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, kw_only=True)
class DetectorOperatingPoint:
    """A detector at one threshold; None is undefined.

    Attributes:
        threshold: Least score of a detection that counts.
        precision: Mean over the classes in truth or detections, 0 for one without detections.
        recall: The same mean, 0 for one without boxes.
        f1: The same mean.
        classes: In their order.
    """

    threshold: float
    precision: float | None
    recall: float | None
    f1: float | None
    classes: tuple[ClassCounts, ...]


def operating_point(
    targets: Sequence[TrueBoxesLike],
    detections: Sequence[DetectionsLike],
    *,
    classes: Sequence[str] | int,
    threshold: float,
) -> DetectorOperatingPoint:
    """Count hits and misses among the detections that score at least ``threshold``.

    Takes the columns of ``detection.score``, and matches as it does: the best 100 of each class
    and image, crowds apart.

    Raises:
        ValueError: If a column is missing, unknown, misshapen, not finite, or out of range.
    """
    cases = check_box_outcomes(targets, detections, classes=classes)
    tally = sum_boxes_by_group(match_boxes(cases), threshold=threshold).total()
    precision, recall, f1 = (
        _nan_to_none(METRICS[name](tally)) for name in ("precision", "recall", "f1")
    )
    return DetectorOperatingPoint(
        threshold=threshold,
        precision=precision,
        recall=recall,
        f1=f1,
        classes=_class_counts(cases.classes, tally),
    )


def best_threshold(
    targets: Sequence[TrueBoxesLike],
    detections: Sequence[DetectionsLike],
    *,
    classes: Sequence[str] | int,
) -> float:
    """Find the score from which on detections have the highest macro F1 at IoU 0.5.

    Takes the columns of ``detection.score``, of the validation split; the test split only uses
    what comes out.

    Returns:
        One of the scores, the higher of several equally good ones; 1 if none is better than
        finding nothing.

    Raises:
        ValueError: If a column is missing, unknown, misshapen, not finite, or out of range.
    """
    matches = match_boxes(check_box_outcomes(targets, detections, classes=classes))
    scores = [each.scores for each in matches]
    candidates = np.unique(np.concatenate([[NO_DETECTION_THRESHOLD], *scores]))[::-1]
    tally = _statistics_at_thresholds(candidates, matches)
    f1 = METRICS["f1"](tally)
    # Without true boxes, only a threshold that nothing reaches makes no mistake.
    return float(candidates[np.where(np.isnan(f1), 0.0, f1).argmax()])


def per_class_boxes(predictions: BoxPredictions, *, threshold: float) -> list[Row]:
    """Score each class of a detector.

    Args:
        predictions: Of n images.
        threshold: Least score of a detection in precision, recall and F1; from validation.

    Returns:
        One row per class: ``class``, ``truth_boxes``, ``images`` (those with a true box of it),
        ``AP50``, ``AP50_95``, ``precision``, ``recall``, ``f1`` (None where undefined), ``tp``,
        ``fp``, ``fn``, and ``flag``, empty if there is nothing to say.

    Raises:
        ValueError: If boxes are misshapen, not finite, or of no class.
    """
    cases = check_box_predictions(predictions)
    matches = match_boxes(cases)
    tally = sum_boxes_by_group(matches, threshold=threshold).total()
    rows: list[Row] = []
    for k, counts in enumerate(_class_counts(cases.classes, tally)):
        boxes = int(matches[k].truth.sum())
        rows.append(
            {
                "class": counts.name,
                "truth_boxes": boxes,
                "images": int((matches[k].truth > 0).sum()),
                "AP50": _nan_to_none(tally.average_precision[0, k]),
                "AP50_95": _nan_to_none(tally.average_precision[:, k].mean()),
                "precision": counts.precision,
                "recall": counts.recall,
                "f1": counts.f1,
                "tp": counts.tp,
                "fp": counts.fp,
                "fn": counts.fn,
                "flag": f"fewer than {FEW_POSITIVES} boxes" if boxes < FEW_POSITIVES else "",
            }
        )
    return rows


def _statistics_at_thresholds(
    candidates: Floats, matches: Sequence[Matches]
) -> BoxSufficientStatistics:
    """Tallies from each threshold on; the leading axis is the threshold."""
    hits = [_count_at_least(each.scores[each.hits[0]], candidates) for each in matches]
    found = [_count_at_least(each.scores[~each.ignored[0]], candidates) for each in matches]
    truth = np.array([each.truth.sum() for each in matches], dtype=np.float64)
    return BoxSufficientStatistics(
        average_precision=np.full((candidates.size, IOU_THRESHOLDS.size, len(matches)), np.nan),
        hits=np.stack(hits, axis=1),
        detections=np.stack(found, axis=1),
        truth=np.broadcast_to(truth, (candidates.size, len(matches))),
    )


def _count_at_least(scores: Floats, candidates: Floats) -> Floats:
    """How many of the falling scores are at least each candidate."""
    return np.searchsorted(-scores, -candidates, side="right").astype(np.float64)


def _class_counts(
    classes: Sequence[str], tally: BoxSufficientStatistics
) -> tuple[ClassCounts, ...]:
    precision, recall, f1 = precisions(tally), recalls(tally), f1s(tally)
    return tuple(
        ClassCounts(
            name=name,
            tp=int(tally.hits[k]),
            fp=int(tally.detections[k] - tally.hits[k]),
            fn=int(tally.truth[k] - tally.hits[k]),
            precision=_nan_to_none(precision[k]),
            recall=_nan_to_none(recall[k]),
            f1=_nan_to_none(f1[k]),
        )
        for k, name in enumerate(classes)
    )


def _nan_to_none(value: float | Floats) -> float | None:
    return None if np.isnan(value) else float(value)
