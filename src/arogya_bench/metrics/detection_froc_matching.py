"""Matching of detections to lesions, by overlap or by centre."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from arogya_bench.metrics.detection_matching import IOU_THRESHOLDS, MAX_DETECTIONS, match_boxes
from arogya_bench.metrics.detection_outcomes import BoxOutcomes, TrueBoxes
from arogya_bench.types import Detections, Floats, Labels

Criterion: TypeAlias = Literal["iou", "centre"]
BoolArray: TypeAlias = NDArray[np.bool_]

IOU_TOLERANCE = 1e-9  # so that .1 + .5 is accepted as .6


@dataclass(frozen=True, kw_only=True)
class LesionMatches:
    """Detections of all images, best score first; those neither hit nor miss are ignored.

    Attributes:
        image: Shape (m,), position of the image.
        scores: Shape (m,), descending.
        hit: Shape (m,), whether it finds a lesion.
        lesions: Shape (images,), number of lesions, without crowds.
        dropped_detections: Number of detections beyond the best 100 of their class and image, not counted.
    """

    image: Labels
    scores: Floats
    hit: BoolArray
    miss: BoolArray
    lesions: Labels
    dropped_detections: int


def match_lesions(cases: BoxOutcomes, *, criterion: Criterion, iou: float) -> tuple[LesionMatches, ...]:
    """Match the detections of each class, in the order of the classes.

    A detection can only hit a lesion of its class, and a lesion is found once. By ``iou`` the
    matching is COCO's: a second detection of the same lesion is a false positive. By ``centre`` a
    detection hits if its centre lies in the true box or on its edge; detections
    in order of their score take the free box with the nearest centre. Further detections inside
    a lesion that is already found are neither hits nor false positives (Setio et al. 2017,
    LUNA16). Detections in a crowd are ignored.

    Args:
        cases: n images.
        criterion: ``iou`` or ``centre``.
        iou: Smallest IoU of a hit, one of ``IOU_THRESHOLDS``; not used by ``centre``.
    """
    if criterion == "centre":
        return tuple(_match_by_centre(cases, label) for label in range(len(cases.classes)))
    if criterion != "iou":
        raise ValueError(f"criterion is {criterion!r}, not 'iou' or 'centre'")
    near = np.isclose(IOU_THRESHOLDS, iou, rtol=0, atol=IOU_TOLERANCE)
    if not near.any():
        raise ValueError(f"iou is {iou}, not one of {IOU_THRESHOLDS.round(2).tolist()}")
    index = int(near.argmax())
    return tuple(
        LesionMatches(
            image=matches.image,
            scores=matches.scores,
            hit=matches.hits[index],
            miss=~matches.hits[index] & ~matches.ignored_detections[index],
            lesions=matches.truth,
            dropped_detections=matches.dropped_detections,
        )
        for matches in match_boxes(cases)
    )


def pool_classes(matches: Sequence[LesionMatches]) -> LesionMatches:
    """Combine the detections of several classes, best score first."""
    return _sort_by_score(matches, np.sum([of_class.lesions for of_class in matches], axis=0))


def _match_by_centre(cases: BoxOutcomes, label: int) -> LesionMatches:
    images = [
        _match_image_by_centre(truth, detections, label, number)
        for number, (truth, detections) in enumerate(zip(cases.truth, cases.detections, strict=True))
    ]
    return _sort_by_score(images, np.array([image.lesions.sum() for image in images], dtype=np.int64))


def _sort_by_score(parts: Sequence[LesionMatches], lesions: Labels) -> LesionMatches:
    none = np.empty(0, dtype=np.bool_)
    scores = np.concatenate([np.empty(0), *(part.scores for part in parts)])
    image = np.concatenate([np.empty(0, dtype=np.int64), *(part.image for part in parts)])
    order = np.argsort(-scores, kind="stable")
    return LesionMatches(
        image=image[order],
        scores=scores[order],
        hit=np.concatenate([none, *(part.hit for part in parts)])[order],
        miss=np.concatenate([none, *(part.miss for part in parts)])[order],
        lesions=lesions,
        dropped_detections=sum(part.dropped_detections for part in parts),
    )


def _match_image_by_centre(truth: TrueBoxes, detections: Detections, label: int, number: int) -> LesionMatches:
    of_class = np.flatnonzero(detections.labels == label)
    best = of_class[np.argsort(-detections.scores[of_class], kind="stable")][:MAX_DETECTIONS]
    true_of_class = truth.labels == label
    lesion = ~truth.crowd[true_of_class]
    inside, distance = _centre_distances(detections.boxes[best], truth.boxes[true_of_class])
    return LesionMatches(
        image=np.full(best.size, number),
        scores=detections.scores[best],
        hit=_assign_nearest(inside & lesion, distance),
        miss=~np.asarray(inside.any(axis=1)),
        lesions=np.array([lesion.sum()], dtype=np.int64),
        dropped_detections=of_class.size - best.size,
    )


def _centre_distances(detected: Floats, true: Floats) -> tuple[BoolArray, Floats]:
    """Whether each centre lies in each true box, and the distance of the centres; (m, boxes)."""
    centre = (detected[:, :2] + detected[:, 2:] / 2)[:, None]
    corner, opposite = true[:, :2], true[:, :2] + true[:, 2:]
    inside: BoolArray = np.asarray(((centre >= corner) & (centre <= opposite)).all(axis=2))
    return inside, np.hypot(*np.moveaxis(centre - (corner + opposite) / 2, 2, 0))


def _assign_nearest(inside: BoolArray, distance: Floats) -> BoolArray:
    hit = np.zeros(len(inside), dtype=np.bool_)
    free = np.ones(inside.shape[1], dtype=np.bool_)
    for number in np.flatnonzero(inside.any(axis=1)):
        near = np.where(inside[number] & free, distance[number], np.inf)
        hit[number] = np.isfinite(near).any()
        free[near.argmin()] &= not hit[number]
    return hit
