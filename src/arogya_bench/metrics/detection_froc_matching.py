"""Which detections find a lesion, by overlap or by their centre, and which are false positives."""

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

IOU_TOLERANCE = 1e-9  # .1 + .5 is meant as .6


@dataclass(frozen=True, kw_only=True)
class LesionMatches:
    """Detections over all images, the best score first; neither hit nor miss is ignored.

    Attributes:
        image: Shape (m,), position of the image.
        scores: Shape (m,), falling.
        hit: Shape (m,), whether it is the one that found a lesion.
        miss: Shape (m,), whether it is a false positive.
        lesions: Shape (images,), boxes that should be found; crowds are not among them.
        dropped: Detections beyond the best 100 of their class and image, which nobody counts.
    """

    image: Labels
    scores: Floats
    hit: BoolArray
    miss: BoolArray
    lesions: Labels
    dropped: int


def match_lesions(
    cases: BoxOutcomes, *, criterion: Criterion, iou: float
) -> tuple[LesionMatches, ...]:
    """Mark the detections of each class, in the order of the classes.

    A detection can only hit a lesion of its class, and a lesion is found once. By ``iou`` the
    matching is COCO's: a second detection of the same lesion is a false positive. By ``centre`` a
    detection hits if its centre lies in the true box or on its edge; the best score chooses first
    and takes the free box whose centre is nearest, the first of several. A further detection
    inside a lesion that is already found is neither hit nor false positive (Setio et al. 2017,
    LUNA16). Detections in a crowd are ignored.

    Args:
        cases: Of n images.
        criterion: ``iou`` or ``centre``.
        iou: The least IoU of a hit, one of ``IOU_THRESHOLDS``; not read by centres.

    Raises:
        ValueError: If criterion or IoU are none.
    """
    if criterion == "centre":
        return tuple(_match_by_centre(cases, label) for label in range(len(cases.classes)))
    if criterion != "iou":
        raise ValueError(f"criterion is {criterion!r}, not 'iou' or 'centre'")
    near = np.isclose(IOU_THRESHOLDS, iou, rtol=0, atol=IOU_TOLERANCE)
    if not near.any():
        raise ValueError(f"iou is {iou}, not one of {IOU_THRESHOLDS.round(2).tolist()}")
    return _match_by_iou(cases, int(near.argmax()))


def pool_classes(matches: Sequence[LesionMatches]) -> LesionMatches:
    """Put the detections of several classes together, the best score first."""
    return _sort_by_score(matches, np.sum([each.lesions for each in matches], axis=0))


def _match_by_iou(cases: BoxOutcomes, iou_index: int) -> tuple[LesionMatches, ...]:
    return tuple(
        LesionMatches(
            image=each.image,
            scores=each.scores,
            hit=each.hits[iou_index],
            miss=~each.hits[iou_index] & ~each.ignored[iou_index],
            lesions=each.truth,
            dropped=each.dropped,
        )
        for each in match_boxes(cases)
    )


def _match_by_centre(cases: BoxOutcomes, label: int) -> LesionMatches:
    pairs = list(zip(cases.truth, cases.detections, strict=True))
    images = [
        _match_image_by_centre(truth, found, label, number)
        for number, (truth, found) in enumerate(pairs)
    ]
    return _sort_by_score(images, np.array([each.lesions.sum() for each in images], dtype=np.int64))


def _sort_by_score(parts: Sequence[LesionMatches], lesions: Labels) -> LesionMatches:
    none = np.empty(0, dtype=np.bool_)
    scores = np.concatenate([np.empty(0), *(each.scores for each in parts)])
    image = np.concatenate([np.empty(0, dtype=np.int64), *(each.image for each in parts)])
    order = np.argsort(-scores, kind="stable")
    return LesionMatches(
        image=image[order],
        scores=scores[order],
        hit=np.concatenate([none, *(each.hit for each in parts)])[order],
        miss=np.concatenate([none, *(each.miss for each in parts)])[order],
        lesions=lesions,
        dropped=sum(each.dropped for each in parts),
    )


def _match_image_by_centre(
    truth: TrueBoxes, found: Detections, label: int, number: int
) -> LesionMatches:
    own = np.flatnonzero(found.labels == label)
    best = own[np.argsort(-found.scores[own], kind="stable")][:MAX_DETECTIONS]
    wanted = truth.labels == label
    lesion = ~truth.crowd[wanted]
    inside, distance = _centre_distances(found.boxes[best], truth.boxes[wanted])
    return LesionMatches(
        image=np.full(best.size, number),
        scores=found.scores[best],
        hit=_assign_nearest(inside & lesion, distance),
        miss=~np.asarray(inside.any(axis=1)),
        lesions=np.array([lesion.sum()], dtype=np.int64),
        dropped=own.size - best.size,
    )


def _centre_distances(found: Floats, true: Floats) -> tuple[BoolArray, Floats]:
    """Whether each centre lies in each true box, and how far from its centre; (m, boxes)."""
    centre = (found[:, :2] + found[:, 2:] / 2)[:, None]
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
