"""Operating point of a detector: choice of the threshold, and results at it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arogya_bench.metrics.detection import METRICS, check_box_predictions, f1s, precisions, recalls
from arogya_bench.metrics.detection_matching import IOU_THRESHOLDS, Matches, match_boxes
from arogya_bench.metrics.detection_outcomes import DetectionsLike, TrueBoxesLike, check_box_outcomes
from arogya_bench.metrics.detection_tally import BoxSufficientStatistics, sum_boxes_by_group
from arogya_bench.metrics.per_class import FEW_POSITIVES, Row, nan_to_none
from arogya_bench.types import BoxPredictions, Floats

NO_DETECTION_THRESHOLD = 1.0  # if no threshold is better than detecting nothing


@dataclass(frozen=True, kw_only=True)
class ClassCounts:
    """Counts of one class at the threshold and IoU 0.5; rates are None where undefined.

    Attributes:
        tp: Detections that match a box, as ``fp`` match none.
        fn: Boxes without a detection.
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
    """Results of a detector at one threshold; None where undefined.

    Attributes:
        threshold: Smallest score of a detection that counts.
        precision: Mean over the classes in truth or detections, 0 for one without detections.
        recall: The same mean, 0 for one without boxes.
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
    """Evaluate the detections with a score of at least ``threshold``.

    Arguments and matching are those of ``detection.score``.
    """
    cases = check_box_outcomes(targets, detections, classes=classes)
    tally = sum_boxes_by_group(match_boxes(cases), threshold=threshold).total()
    precision, recall, f1 = (nan_to_none(METRICS[name](tally)) for name in ("precision", "recall", "f1"))
    return DetectorOperatingPoint(
        threshold=threshold, precision=precision, recall=recall, f1=f1, classes=_class_counts(cases.classes, tally)
    )


def best_threshold(
    targets: Sequence[TrueBoxesLike], detections: Sequence[DetectionsLike], *, classes: Sequence[str] | int
) -> float:
    """Choose the threshold with the highest macro F1 at IoU 0.5, on the validation split.

    Arguments are those of ``detection.score``.

    Returns:
        One of the scores, the highest of equally good ones; 1 if none is better than detecting
        nothing.
    """
    matches = match_boxes(check_box_outcomes(targets, detections, classes=classes))
    scores = [of_class.scores for of_class in matches]
    candidates = np.unique(np.concatenate([[NO_DETECTION_THRESHOLD], *scores]))[::-1]
    tally = _statistics_at_thresholds(candidates, matches)
    f1 = METRICS["f1"](tally)
    # Without true boxes, only a threshold above all scores makes no error.
    return float(candidates[np.where(np.isnan(f1), 0.0, f1).argmax()])


def per_class_boxes(predictions: BoxPredictions, *, threshold: float) -> list[Row]:
    """Evaluate each class of a detector; takes the arguments of ``detection.score_with_reasons``.

    Returns:
        One row per class: ``class``, ``truth_boxes``, ``images`` (with a true box of the class),
        ``AP50``, ``AP50_95``, ``precision``, ``recall``, ``f1`` (None where undefined), ``tp``,
        ``fp``, ``fn``, and ``flag``, which may be empty.
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
                "AP50": nan_to_none(tally.average_precision[0, k]),
                "AP50_95": nan_to_none(tally.average_precision[:, k].mean()),
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


def _statistics_at_thresholds(candidates: Floats, matches: Sequence[Matches]) -> BoxSufficientStatistics:
    """Statistics at each threshold, which is the leading axis."""
    hits = [_count_at_least(m.scores[m.hits[0]], candidates) for m in matches]
    detections = [_count_at_least(m.scores[~m.ignored_detections[0]], candidates) for m in matches]
    truth = np.array([m.truth.sum() for m in matches], dtype=np.float64)
    return BoxSufficientStatistics(
        average_precision=np.full((candidates.size, IOU_THRESHOLDS.size, len(matches)), np.nan),
        hits=np.stack(hits, axis=1),
        detections=np.stack(detections, axis=1),
        truth=np.broadcast_to(truth, (candidates.size, len(matches))),
    )


def _count_at_least(scores: Floats, candidates: Floats) -> Floats:
    """Count the descending scores that are at least each candidate."""
    return np.searchsorted(-scores, -candidates, side="right").astype(np.float64)


def _class_counts(classes: Sequence[str], tally: BoxSufficientStatistics) -> tuple[ClassCounts, ...]:
    precision, recall, f1 = precisions(tally), recalls(tally), f1s(tally)
    return tuple(
        ClassCounts(
            name=name,
            tp=int(tally.hits[k]),
            fp=int(tally.detections[k] - tally.hits[k]),
            fn=int(tally.truth[k] - tally.hits[k]),
            precision=nan_to_none(precision[k]),
            recall=nan_to_none(recall[k]),
            f1=nan_to_none(f1[k]),
        )
        for k, name in enumerate(classes)
    )
