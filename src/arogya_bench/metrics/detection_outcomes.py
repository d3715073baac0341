"""Validated detections with the true boxes of each image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arogya_bench.types import Box, Detections, Floats, Labels

TrueBoxesLike: TypeAlias = Sequence[Box] | Mapping[str, ArrayLike]
DetectionsLike: TypeAlias = Detections | Mapping[str, ArrayLike]


@dataclass(frozen=True, kw_only=True)
class TrueBoxes:
    """Every object of one image.

    Attributes:
        boxes: Shape (g, 4): left, top, width, height in pixels.
        labels: Shape (g,), index into the classes.
        crowd: Shape (g,), whether the box stands for many objects.
    """

    boxes: Floats
    labels: Labels
    crowd: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class BoxOutcomes:
    """Detections and true boxes of one evaluation."""

    truth: tuple[TrueBoxes, ...]
    detections: tuple[Detections, ...]
    classes: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of images."""
        return len(self.truth)


def check_box_outcomes(
    targets: Sequence[TrueBoxesLike], detections: Sequence[DetectionsLike], *, classes: Sequence[str] | int
) -> BoxOutcomes:
    """Validate the boxes of one evaluation and convert them to arrays.

    Args:
        targets: True boxes per image, or a mapping of ``boxes`` (g, 4), ``labels`` (g,) and
            optionally ``crowd`` (g,).
        detections: Detections per image, or a mapping of ``boxes`` (m, 4), ``labels`` (m,)
            and ``scores`` (m,).
        classes: Names of the classes, or their number.
    """
    if len(targets) != len(detections):
        raise ValueError(f"{len(detections)} images with detections for {len(targets)} with truth")
    names = tuple(str(k) for k in (range(classes) if isinstance(classes, int) else classes))
    if not names:
        raise ValueError("there are no classes")
    return BoxOutcomes(
        truth=tuple(_check_true_boxes(boxes, f"truth of image {i}", names) for i, boxes in enumerate(targets)),
        detections=tuple(
            _check_detections(boxes, f"detections of image {i}", names) for i, boxes in enumerate(detections)
        ),
        classes=names,
    )


def _check_true_boxes(given: TrueBoxesLike, where: str, classes: Sequence[str]) -> TrueBoxes:
    if isinstance(given, Mapping):
        columns = _check_columns(given, where, required=("boxes", "labels"), optional=("crowd",))
    else:
        columns = {
            "boxes": [(box.left, box.top, box.width, box.height) for box in given],
            "labels": [box.label for box in given],
            "crowd": [box.crowd for box in given],
        }
    boxes = _check_boxes(columns["boxes"], where)
    if (boxes[:, 2:] <= 0).any():
        raise ValueError(f"{where}: a true box has no width or no height")
    crowd = np.asarray(columns.get("crowd", np.zeros(len(boxes))), dtype=np.bool_)
    if crowd.shape != (len(boxes),):
        raise ValueError(f"{where}: crowd has shape {crowd.shape}, not ({len(boxes)},)")
    labels = _check_labels(columns["labels"], len(boxes), where, classes)
    return TrueBoxes(boxes=boxes, labels=labels, crowd=crowd)


def _check_detections(given: DetectionsLike, where: str, classes: Sequence[str]) -> Detections:
    names = ("boxes", "labels", "scores")
    columns = (
        _check_columns(given, where, required=names)
        if isinstance(given, Mapping)
        else {name: getattr(given, name) for name in names}
    )
    boxes = _check_boxes(columns["boxes"], where)
    if (boxes[:, 2:] < 0).any():
        raise ValueError(f"{where}: a box has a negative width or height")
    scores = np.asarray(columns["scores"], dtype=np.float64)
    if scores.shape != (len(boxes),) or not np.isfinite(scores).all():
        raise ValueError(f"{where}: scores must be {len(boxes)} finite numbers, one per box")
    labels = _check_labels(columns["labels"], len(boxes), where, classes)
    return Detections(boxes=boxes, scores=scores, labels=labels)


def _check_columns(
    given: Mapping[str, ArrayLike], where: str, *, required: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, ArrayLike]:
    missing = [name for name in required if name not in given]
    unknown = [name for name in given if name not in (*required, *optional)]
    if missing or unknown:
        raise ValueError(
            f"{where}: the columns are {', '.join((*required, *optional))}; missing {missing}, unknown {unknown}"
        )
    return dict(given)


def _check_boxes(column: ArrayLike, where: str) -> Floats:
    boxes = np.asarray(column, dtype=np.float64)
    if not boxes.size:
        return boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{where}: boxes have shape {boxes.shape}, not (n, 4)")
    if not np.isfinite(boxes).all():
        raise ValueError(f"{where}: boxes must be finite")
    return boxes


def _check_labels(column: ArrayLike, n: int, where: str, classes: Sequence[str]) -> Labels:
    values = np.asarray(column)
    if values.shape != (n,):
        raise ValueError(f"{where}: labels have shape {values.shape}, not ({n},)")
    labels = values.astype(np.int64)
    if (labels != values).any() or ((labels < 0) | (labels >= len(classes))).any():
        raise ValueError(f"{where}: labels {values} are not indices of the {len(classes)} classes")
    return labels
