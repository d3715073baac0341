"""Metrics of a detector on resamples, with boxes matched once."""

from collections.abc import Iterable, Sequence

from arogya_bench.metrics.detection import METRICS, check_box_predictions
from arogya_bench.metrics.detection_matching import match_boxes
from arogya_bench.metrics.detection_tally import BoxSufficientStatistics, sum_boxes_by_group
from arogya_bench.metrics.replicates import Replicates, Resamples, concatenate_replicates
from arogya_bench.types import BoxPredictions, Floats


def box_replicates(
    predictions: BoxPredictions, *, threshold: float, draws: Resamples, names: Iterable[str] | None = None
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
    """
    cases = check_box_predictions(predictions)
    if draws.group_of.shape != (cases.n,):
        raise ValueError(f"draws of {draws.group_of.size} cases for {cases.n} images")
    selected = list(METRICS if names is None else names)
    iou_indices = {index for name in selected for index in METRICS[name].iou_indices}
    all_sums = sum_boxes_by_group(match_boxes(cases), threshold=threshold, group_of=draws.group_of)
    sums = all_sums.select_iou_thresholds(iou_indices)
    whole = _compute_metrics(sums.total(), selected)
    drawn = [_compute_metrics(sums.weighted(weights), selected) for weights in draws.chunks()]
    jackknife = [_compute_metrics(tally, selected) for tally in sums.leave_one_group_out()]
    return Replicates(
        estimates={name: float(value) for name, value in whole.items()},
        values=concatenate_replicates(drawn, selected),
        jackknife=concatenate_replicates(jackknife, selected),
        digest=draws.digest,
    )


def _compute_metrics(tally: BoxSufficientStatistics, names: Sequence[str]) -> dict[str, Floats]:
    return {name: METRICS[name](tally) for name in names}
