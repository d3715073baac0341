"""COCO's greedy matching of detections to true boxes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arogya_bench.metrics.detection_outcomes import BoxOutcomes, TrueBoxes
from arogya_bench.types import Detections, Floats, Labels

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)  # float64: in float32, an IoU of .6 is below .6
MAX_DETECTIONS = 100  # per class and image, the best scores first


@dataclass(frozen=True, kw_only=True)
class Matches:
    """The detections of one class over all images, best score first.

    Equal scores are in the order of the images, then of the detections in the image, as in COCO.

    Attributes:
        image: Shape (m,), position of the image.
        scores: Shape (m,), descending.
        hits: Shape (10, m), whether it finds a box, at each IoU threshold.
        ignored_detections: Shape (10, m), whether it lies in a crowd, which is neither hit nor miss.
        truth: Shape (images,), number of true boxes, without crowds.
        dropped_detections: Number of detections beyond the best 100 of their image, not counted.
    """

    image: Labels
    scores: Floats
    hits: NDArray[np.bool_]
    ignored_detections: NDArray[np.bool_]
    truth: Labels
    dropped_detections: int


@dataclass(frozen=True, kw_only=True)
class _ImageMatches:
    scores: Floats
    hits: NDArray[np.bool_]
    ignored_detections: NDArray[np.bool_]
    truth: int
    dropped_detections: int


def match_boxes(cases: BoxOutcomes) -> tuple[Matches, ...]:
    """Match each class separately, in the order of the classes.

    Source: ``evaluateImg`` of pycocotools' COCOeval. Detections in order of their score take the
    free box with the largest IoU, the last of several equal ones; only without a match may they
    be ignored as part of a crowd.
    """
    return tuple(_match_class(cases, label) for label in range(len(cases.classes)))


def _match_class(cases: BoxOutcomes, label: int) -> Matches:
    images = [
        _match_image(truth, detections, label) for truth, detections in zip(cases.truth, cases.detections, strict=True)
    ]
    none = np.empty((IOU_THRESHOLDS.size, 0), dtype=np.bool_)
    scores = np.concatenate([np.empty(0), *(image.scores for image in images)])
    order = np.argsort(-scores, kind="stable")
    return Matches(
        image=np.repeat(np.arange(cases.n), [image.scores.size for image in images])[order],
        scores=scores[order],
        hits=np.concatenate([none, *(image.hits for image in images)], axis=1)[:, order],
        ignored_detections=np.concatenate([none, *(image.ignored_detections for image in images)], axis=1)[:, order],
        truth=np.array([image.truth for image in images], dtype=np.int64),
        dropped_detections=sum(image.dropped_detections for image in images),
    )


def _match_image(truth: TrueBoxes, detections: Detections, label: int) -> _ImageMatches:
    of_class = np.flatnonzero(detections.labels == label)
    best = of_class[np.argsort(-detections.scores[of_class], kind="stable")][:MAX_DETECTIONS]
    true_of_class = truth.labels == label
    crowd = truth.crowd[true_of_class]
    overlap = _iou_matrix(detections.boxes[best], truth.boxes[true_of_class], crowd)
    hits = _match_greedily(overlap[:, ~crowd])
    in_crowd = overlap[:, crowd].max(axis=1, initial=0.0) >= IOU_THRESHOLDS[:, None]
    return _ImageMatches(
        scores=detections.scores[best],
        hits=hits,
        ignored_detections=in_crowd & ~hits,
        truth=int((~crowd).sum()),
        dropped_detections=of_class.size - best.size,
    )


def _match_greedily(overlap: Floats) -> NDArray[np.bool_]:
    """Whether each detection hits at each threshold; shape (10, m) from (m, boxes)."""
    detections, boxes = overlap.shape
    hits = np.zeros((IOU_THRESHOLDS.size, detections), dtype=np.bool_)
    free = np.ones((IOU_THRESHOLDS.size, boxes), dtype=np.bool_)
    thresholds = np.arange(IOU_THRESHOLDS.size)
    # Detections below the smallest threshold match nothing.
    for number in np.flatnonzero(overlap.max(axis=1, initial=0.0) >= IOU_THRESHOLDS[0]):
        near = np.where(free, overlap[number], -1.0)
        best = boxes - 1 - near[:, ::-1].argmax(axis=1)
        hits[:, number] = near[thresholds, best] >= IOU_THRESHOLDS
        free[thresholds, best] &= ~hits[:, number]
    return hits


def _iou_matrix(detected: Floats, true: Floats, crowd: NDArray[np.bool_]) -> Floats:
    """IoU, or for a crowd the share of the detection inside it; shape (detections, boxes)."""
    from faster_coco_eval.core import mask

    if not len(detected) or not len(true):
        return np.zeros((len(detected), len(true)))
    return np.asarray(mask.iou(detected, true, crowd.astype(int).tolist()), dtype=np.float64)
