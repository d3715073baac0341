"""Metrics of a detector with replicates, and COCO's scores for other tools."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from arogya_bench.metrics.catalogue import MetricFunction
from arogya_bench.metrics.classification import MetricScores, collect_scores
from arogya_bench.metrics.detection_coco import CocoScores, coco_scores
from arogya_bench.metrics.detection_flags import flag_box_metrics
from arogya_bench.metrics.detection_matching import IOU_THRESHOLDS, match_boxes
from arogya_bench.metrics.detection_outcomes import BoxOutcomes, DetectionsLike, TrueBoxesLike, check_box_outcomes
from arogya_bench.metrics.detection_tally import BoxSufficientStatistics, sum_boxes_by_group
from arogya_bench.metrics.per_class import safe_divide
from arogya_bench.metrics.replicates import Replicates, Resamples, concatenate_replicates
from arogya_bench.types import BoxPredictions, Floats

DETECTION_METRICS_VERSION = 1  # rises when any number for the same predictions changes


@dataclass(frozen=True, kw_only=True)
class BoxMetric(MetricFunction[[BoxSufficientStatistics], Floats]):
    """A metric of a detector; ``probabilistic`` if it ranks detections instead of using one threshold.

    Attributes:
        iou_indices: Indices of the IoU thresholds whose average precision it uses.
    """

    iou_indices: tuple[int, ...]


def precisions(tally: BoxSufficientStatistics) -> Floats:
    """Share of the detections that found a box, shape (..., K); NaN without detections."""
    return safe_divide(tally.hits, tally.detections)


def recalls(tally: BoxSufficientStatistics) -> Floats:
    """Share of the true boxes that were found, shape (..., K); NaN without true boxes."""
    return safe_divide(tally.hits, tally.truth)


def f1s(tally: BoxSufficientStatistics) -> Floats:
    """2 tp / (2 tp + fp + fn), shape (..., K); NaN without true boxes."""
    values = safe_divide(2 * tally.hits, tally.detections + tally.truth)
    return np.where(tally.truth > 0, values, np.nan)


def _mean_average_precision(name: str, iou_indices: tuple[int, ...], at: str) -> BoxMetric:
    def compute(tally: BoxSufficientStatistics) -> Floats:
        values = tally.average_precision[..., list(iou_indices), :]
        return _nan_mean(values.reshape(*values.shape[:-2], -1))

    return _box_metric(
        name, compute, f"Mean average precision (COCO, 101 points) {at}, classes in the truth.", iou_indices
    )


def _macro_average(name: str, per_class_values: Callable[[BoxSufficientStatistics], Floats], what: str) -> BoxMetric:
    def compute(tally: BoxSufficientStatistics) -> Floats:
        values = per_class_values(tally)
        seen = tally.detections + tally.truth > 0
        # By convention 0/0 counts as 0 in an average, which is flagged.
        return _nan_mean(np.where(seen & np.isnan(values), 0.0, values))

    return _box_metric(name, compute, f"Mean {what} over the classes seen, IoU 0.5, at the threshold of validation.")


def _box_metric(
    name: str, compute: Callable[[BoxSufficientStatistics], Floats], summary: str, iou_indices: tuple[int, ...] = ()
) -> BoxMetric:
    return BoxMetric(
        name=name,
        best="high",
        low=0.0,
        high=1.0,
        probabilistic=bool(iou_indices),
        summary=summary,
        iou_indices=iou_indices,
        compute=compute,
    )


METRICS: dict[str, BoxMetric] = {
    metric.name: metric
    for metric in (
        _mean_average_precision("mAP50_95", tuple(range(IOU_THRESHOLDS.size)), "over IoU 0.5 to 0.95"),
        _mean_average_precision("mAP50", (0,), "at IoU 0.5"),
        _mean_average_precision("mAP75", (5,), "at IoU 0.75"),
        _macro_average("precision", precisions, "precision"),
        _macro_average("recall", recalls, "recall"),
        _macro_average("f1", f1s, "F1"),
    )
}


def score(
    targets: Sequence[TrueBoxesLike], detections: Sequence[DetectionsLike], *, classes: Sequence[str] | int
) -> CocoScores:
    """Score detections by the rules of COCO; None where undefined.

    Classes without a box in the truth are left out, detections in a crowd do not count, and only
    the best 100 detections of each class and image do.

    Args:
        targets: True boxes per image, or a mapping of ``boxes`` (g, 4), ``labels`` (g,) and
            optionally ``crowd`` (g,). A box is left, top, width, height; edges are continuous.
        detections: Detections per image, or a mapping of ``boxes`` (m, 4), ``labels`` (m,)
            and ``scores`` (m,). Equal scores rank in the order given.
        classes: Their names, or their number; labels are indices from 0.

    Returns:
        ``mAP50_95``, ``mAP50``, ``mAP75``, ``AR1``, ``AR10``, ``AR100`` (the mean recall with
        so many detections per class and image), and, in the order of the classes,
        ``AP_per_class`` and ``AP50_per_class``.
    """
    return coco_scores(check_box_outcomes(targets, detections, classes=classes))


def score_with_reasons(predictions: BoxPredictions, *, threshold: float) -> MetricScores:
    """Score predictions, with reasons where a metric is undefined or degenerate.

    Args:
        predictions: Predictions for n images.
        threshold: Smallest score of a detection in precision, recall and F1, from validation.
    """
    cases = check_box_predictions(predictions)
    matches = match_boxes(cases)
    tally = sum_boxes_by_group(matches, threshold=threshold).total()
    return collect_scores(
        {name: float(metric(tally)) for name, metric in METRICS.items()},
        flag_box_metrics(cases.classes, matches, tally),
        explain_undefined=lambda name: _explain_undefined(METRICS[name], cases),
    )


def box_replicates(
    predictions: BoxPredictions,
    *,
    threshold: float,
    draws: Resamples,
    names: Iterable[str] | None = None,
    true_classes_only: bool = False,
) -> Replicates:
    """Resample all metrics; results are those of ``detection.score`` on the drawn images.

    Detections with equal scores are ranked before drawing, by the order of the images and of the
    detections in their image. COCO could rank copies of an image with equal scores of one class
    differently.

    Args:
        predictions: Predictions for n images.
        threshold: Smallest score of a detection in precision, recall and F1, from validation.
        draws: Which groups enter each resample.
        names: Names of the metrics; all if None. Those over ten IoU thresholds take longest.
        true_classes_only: Whether a macro average leaves out a class that is detected without a true box.
    """
    cases = check_box_predictions(predictions)
    if draws.group_of.shape != (cases.n,):
        raise ValueError(f"draws of {draws.group_of.size} cases for {cases.n} images")
    selected = list(METRICS if names is None else names)
    iou_indices = {index for name in selected for index in METRICS[name].iou_indices}
    all_sums = sum_boxes_by_group(match_boxes(cases), threshold=threshold, group_of=draws.group_of)
    sums = all_sums.select_iou_thresholds(iou_indices)

    def compute(tally: BoxSufficientStatistics) -> dict[str, Floats]:
        return _compute_metrics(_ignore_other_classes(tally) if true_classes_only else tally, selected)

    whole = compute(sums.total())
    drawn = [compute(sums.apply_weights(weights)) for weights in draws.chunks()]
    jackknife = [compute(tally) for tally in sums.leave_one_group_out()]
    return Replicates(
        estimates={name: float(value) for name, value in whole.items()},
        values=concatenate_replicates(drawn, selected),
        jackknife=concatenate_replicates(jackknife, selected),
        digest=draws.digest,
    )


def check_box_predictions(predictions: BoxPredictions) -> BoxOutcomes:
    """Validate the boxes of stored predictions."""
    return check_box_outcomes(predictions.truth, predictions.detections, classes=predictions.classes)


def _ignore_other_classes(tally: BoxSufficientStatistics) -> BoxSufficientStatistics:
    """Drop the detections of classes without a true box, which counted as classes seen."""
    return replace(tally, detections=np.where(tally.truth > 0, tally.detections, 0.0))


def _explain_undefined(undefined: BoxMetric, cases: BoxOutcomes) -> str:
    if not cases.n:
        return "no cases"
    if undefined.iou_indices:
        return "no box in the truth"
    return "no box in the truth, and no detection at the threshold"


def _nan_mean(values: Floats) -> Floats:
    defined = np.isfinite(values)
    total = np.where(defined, values, 0.0).sum(axis=-1)
    return safe_divide(total, defined.sum(axis=-1).astype(np.float64))


def _compute_metrics(tally: BoxSufficientStatistics, names: Sequence[str]) -> dict[str, Floats]:
    return {name: METRICS[name](tally) for name in names}
