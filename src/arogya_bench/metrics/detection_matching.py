"""Which detections hit a true box: the greedy matching of COCO, done once per image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arogya_bench.metrics.detection_outcomes import BoxOutcomes, TrueBoxes
from arogya_bench.types import Detections, Floats, Labels

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)  # in float32, an IoU of exactly .6 would miss .6
MAX_DETECTIONS = 100  # per class and image, the best scores first


@dataclass(frozen=True, kw_only=True)
class Matches:
    """The detections of one class over all images, the best score first.

    Equal scores stand in the order of the images, then in that of the detections in the image,
    as the stable sort of COCO puts them.

    Attributes:
        image: Shape (m,), position of the image.
        scores: Shape (m,), falling.
        hits: Shape (10, m), whether it found a box, at each IoU threshold.
        ignored: Shape (10, m), whether it lies in a crowd, which is neither hit nor miss.
        truth: Shape (images,), boxes that should be found; crowds are not among them.
        dropped: Detections beyond the best 100 of their image, which nobody counts.
    """

    image: Labels
    scores: Floats
    hits: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    truth: Labels
    dropped: int


@dataclass(frozen=True, kw_only=True)
class _ImageMatches:
    scores: Floats
    hits: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    truth: int
    dropped: int


def match_boxes(cases: BoxOutcomes) -> tuple[Matches, ...]:
    """Match each class on its own, in the order of the classes.

    Source: ``evaluateImg`` of pycocotools' COCOeval. The best score chooses first, takes the
    free box of the largest IoU, the last of several equal ones, and only if none is near
    enough may it fall to a crowd, which takes any number.
    """
    return tuple(_match_class(cases, label) for label in range(len(cases.classes)))


def _match_class(cases: BoxOutcomes, label: int) -> Matches:
    images = [
        _match_image(truth, found, label)
        for truth, found in zip(cases.truth, cases.detections, strict=True)
    ]
    none = np.empty((IOU_THRESHOLDS.size, 0), dtype=np.bool_)
    scores = np.concatenate([np.empty(0), *(each.scores for each in images)])
    order = np.argsort(-scores, kind="stable")
    return Matches(
        image=np.repeat(np.arange(cases.n), [each.scores.size for each in images])[order],
        scores=scores[order],
        hits=np.concatenate([none, *(each.hits for each in images)], axis=1)[:, order],
        ignored=np.concatenate([none, *(each.ignored for each in images)], axis=1)[:, order],
        truth=np.array([each.truth for each in images], dtype=np.int64),
        dropped=sum(each.dropped for each in images),
    )


def _match_image(truth: TrueBoxes, found: Detections, label: int) -> _ImageMatches:
    own = np.flatnonzero(found.labels == label)
    best = own[np.argsort(-found.scores[own], kind="stable")][:MAX_DETECTIONS]
    wanted = truth.labels == label
    crowd = truth.crowd[wanted]
    overlap = _iou_matrix(found.boxes[best], truth.boxes[wanted], crowd)
    hits = _match_greedily(overlap[:, ~crowd])
    in_crowd = overlap[:, crowd].max(axis=1, initial=0.0) >= IOU_THRESHOLDS[:, None]
    return _ImageMatches(
        scores=found.scores[best],
        hits=hits,
        ignored=in_crowd & ~hits,
        truth=int((~crowd).sum()),
        dropped=own.size - best.size,
    )


def _match_greedily(overlap: Floats) -> NDArray[np.bool_]:
    """Whether each detection hits at each threshold; shape (10, m) from (m, boxes)."""
    detections, boxes = overlap.shape
    hits = np.zeros((IOU_THRESHOLDS.size, detections), dtype=np.bool_)
    free = np.ones((IOU_THRESHOLDS.size, boxes), dtype=np.bool_)
    every = np.arange(IOU_THRESHOLDS.size)
    # A detection that is near no box takes none, at any threshold.
    for number in np.flatnonzero(overlap.max(axis=1, initial=0.0) >= IOU_THRESHOLDS[0]):
        near = np.where(free, overlap[number], -1.0)
        best = boxes - 1 - near[:, ::-1].argmax(axis=1)
        hits[:, number] = near[every, best] >= IOU_THRESHOLDS
        free[every, best] &= ~hits[:, number]
    return hits


def _iou_matrix(found: Floats, true: Floats, crowd: NDArray[np.bool_]) -> Floats:
    """IoU, for a crowd the share of the detection inside; shape (detections, boxes)."""
    from faster_coco_eval.core import mask

    if not len(found) or not len(true):
        return np.zeros((len(found), len(true)))
    return np.asarray(mask.iou(found, true, crowd.astype(int).tolist()), dtype=np.float64)
