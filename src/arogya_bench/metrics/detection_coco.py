"""COCO's scores, computed by faster-coco-eval."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from arogya_bench.metrics.detection_matching import IOU_THRESHOLDS
from arogya_bench.metrics.detection_outcomes import BoxOutcomes
from arogya_bench.metrics.detection_tally import RECALL_POINTS
from arogya_bench.types import Floats

CocoScores: TypeAlias = dict[str, float | list[float | None] | None]


def coco_scores(cases: BoxOutcomes) -> CocoScores:
    """Score images as COCOeval does, for boxes of any size, without classes that have no true box.

    Returns:
        ``mAP50_95``, ``mAP50``, ``mAP75``, ``AR1``, ``AR10``, ``AR100``, None without any box
        in the truth; ``AP_per_class`` and ``AP50_per_class`` in the order of the classes, None
        for a class without one.
    """
    if any((~truth.crowd).any() for truth in cases.truth):
        counted = _run_coco_eval(cases)
        precision: Floats = counted["precision"][:, :, :, 0, -1]
        recall: Floats = counted["recall"][:, :, 0, :]
    else:
        classes = len(cases.classes)
        precision = np.full((IOU_THRESHOLDS.size, RECALL_POINTS.size, classes), -1.0)
        recall = np.full((IOU_THRESHOLDS.size, classes, 3), -1.0)
    return {
        "mAP50_95": _mean_or_none(precision),
        "mAP50": _mean_or_none(precision[0]),
        "mAP75": _mean_or_none(precision[5]),
        "AR1": _mean_or_none(recall[..., 0]),
        "AR10": _mean_or_none(recall[..., 1]),
        "AR100": _mean_or_none(recall[..., 2]),
        "AP_per_class": [_mean_or_none(precision[..., k]) for k in range(len(cases.classes))],
        "AP50_per_class": [_mean_or_none(precision[0, :, k]) for k in range(len(cases.classes))],
    }


def _run_coco_eval(cases: BoxOutcomes) -> dict[str, Floats]:
    from faster_coco_eval import COCO, COCOeval_faster

    truth = COCO(
        {
            "images": [{"id": image + 1} for image in range(cases.n)],
            "categories": [{"id": k, "name": name} for k, name in enumerate(cases.classes)],
            "annotations": list(_truth_annotations(cases)),
        }
    )
    evaluator = COCOeval_faster(truth, truth.loadRes(list(_detection_annotations(cases))), iouType="bbox")
    evaluator.params.areaRng, evaluator.params.areaRngLbl = [[0.0, float("inf")]], ["all"]
    evaluator.evaluate()
    evaluator.accumulate()
    return {name: np.asarray(evaluator.eval[name]) for name in ("precision", "recall")}


def _truth_annotations(cases: BoxOutcomes) -> Iterator[dict[str, Any]]:
    number = 0
    for image, truth in enumerate(cases.truth):
        for box, label, crowd in zip(truth.boxes, truth.labels, truth.crowd, strict=True):
            number += 1  # COCO reads 0 as no match
            yield {
                "id": number,
                "image_id": image + 1,
                "category_id": int(label),
                "bbox": box.tolist(),
                "area": float(box[2] * box[3]),
                "iscrowd": int(crowd),
            }


def _detection_annotations(cases: BoxOutcomes) -> Iterator[dict[str, Any]]:
    for image, detections in enumerate(cases.detections):
        for box, label, score in zip(detections.boxes, detections.labels, detections.scores, strict=True):
            yield {"image_id": image + 1, "category_id": int(label), "bbox": box.tolist(), "score": float(score)}


def _mean_or_none(values: Floats) -> float | None:
    defined = values[values > -1]  # -1 marks a class without a box
    return float(defined.mean()) if defined.size else None
