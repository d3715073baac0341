"""Every metric of a detector on every resample, from boxes that are matched only once."""

from collections.abc import Iterable, Sequence

import numpy as np

from arogya_bench.metrics.detection import METRICS, check_box_predictions
from arogya_bench.metrics.detection_matching import match_boxes
from arogya_bench.metrics.detection_tally import BoxSufficientStatistics, sum_boxes_by_group
from arogya_bench.metrics.replicates import Replicates, Resamples
from arogya_bench.types import BoxPredictions, Floats


def box_replicates(
    predictions: BoxPredictions,
    *,
    threshold: float,
    draws: Resamples,
    names: Iterable[str] | None = None,
) -> Replicates:
    """Resample every metric at once; an image that is drawn twice counts twice.

    The numbers are those of ``detection.score`` on the drawn images. Detections with equal
    scores are ranked once, before anything is drawn: by the order of the images, then of the
    detections in their image. So a resample keeps that rank, and only where an image holds equal
    scores of one class could COCO, on copies of that image, mix the ranks of the copies.

    Args:
        predictions: Of n images.
        threshold: Least score of a detection in precision, recall and F1; from validation.
        draws: Which groups enter each resample.
        names: The metrics wanted; None means all. Those over ten IoU thresholds are the work.

    Raises:
        ValueError: If boxes are misshapen, or the draws are of another number of images.
    """
    cases = check_box_predictions(predictions)
    if draws.group_of.shape != (cases.n,):
        raise ValueError(f"draws of {draws.group_of.size} cases for {cases.n} images")
    wanted = list(METRICS if names is None else names)
    overlaps = {each for name in wanted for each in METRICS[name].iou_indices}
    evidence = sum_boxes_by_group(match_boxes(cases), threshold=threshold, group_of=draws.group_of)
    counted = evidence.select_iou_thresholds(overlaps)
    whole = _compute_metrics(counted.total(), wanted)
    drawn = [_compute_metrics(counted.weighted(weights), wanted) for weights in draws.chunks()]
    left = [_compute_metrics(tally, wanted) for tally in counted.leave_one_group_out()]
    return Replicates(
        estimates={name: float(value) for name, value in whole.items()},
        values=_concatenate_replicates(drawn, wanted),
        jackknife=_concatenate_replicates(left, wanted),
        digest=draws.digest,
    )


def _compute_metrics(tally: BoxSufficientStatistics, names: Sequence[str]) -> dict[str, Floats]:
    return {name: METRICS[name](tally) for name in names}


def _concatenate_replicates(
    parts: Sequence[dict[str, Floats]], names: Sequence[str]
) -> dict[str, Floats]:
    return {name: np.concatenate([part[name] for part in parts]) for name in names}
