"""Images to probabilities or boxes, checked at the boundary of the model."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from arogya_bench.augmentations.box_transforms import ImageSize
from arogya_bench.augmentations.conditions import Condition
from arogya_bench.augmentations.photometric import clean
from arogya_bench.errors import ModelError
from arogya_bench.runtime.console import track
from arogya_bench.types import (
    Box,
    BoxPredictions,
    Case,
    Detections,
    Detector,
    Image,
    Predictions,
    Predictor,
    Probabilities,
    Subset,
)

SUM_TOLERANCE = 1e-3  # of a row of probabilities; further off is a fault of the model
CLEAN_CONDITION = Condition(augmentation="clean", severity=None, level=None, function=clean)
BOX_COLUMNS = ("left", "top", "width", "height")


def predict(
    predictor: Predictor, cases: Subset, conditions: Sequence[Condition], *, batch_size: int
) -> dict[str, Predictions]:
    """Decode each image once and predict its label under every condition.

    Raises:
        ModelError: If the model returns something that is not a table of probabilities.
    """
    parts: dict[str, list[Probabilities]] = {each.name: [] for each in conditions}
    for batch in _batches(cases, batch_size):
        images = [cases.dataset.read(case) for case in batch]
        for condition in conditions:
            rows = predictor(_apply_condition(images, batch, condition))
            parts[condition.name].append(_validate_probabilities(rows, len(batch), cases))
    return {name: _build_predictions(cases, np.concatenate(rows)) for name, rows in parts.items()}


def detect(
    detector: Detector,
    cases: Subset,
    conditions: Sequence[Condition],
    *,
    batch_size: int,
    threshold: float = 0.0,
) -> dict[str, BoxPredictions]:
    """Decode each image once and find its objects under every condition.

    A condition that moves structures moves the true boxes with them.

    Raises:
        ModelError: If the model returns something that is not a list of detections.
    """
    found: dict[str, list[Detections]] = {each.name: [] for each in conditions}
    truth: dict[str, list[tuple[Box, ...]]] = {each.name: [] for each in conditions}
    for batch in _batches(cases, batch_size):
        images = [cases.dataset.read(case) for case in batch]
        for condition in conditions:
            made = detector(_apply_condition(images, batch, condition))
            found[condition.name] += _validate_detections(made, len(batch), len(cases.classes))
            truth[condition.name] += [
                condition.apply_boxes(case.boxes or (), _image_size(image), case.case_id)
                for image, case in zip(images, batch, strict=True)
            ]
    return {
        each.name: BoxPredictions(
            classes=cases.classes,
            truth=tuple(truth[each.name]),
            detections=tuple(found[each.name]),
            threshold=threshold,
            **_case_columns(cases),
        )
        for each in conditions
    }


def predict_clean(predictor: Predictor, cases: Subset, *, batch_size: int) -> Predictions:
    """Predict the images as they are.

    Raises:
        ModelError: If the model returns something that is not a table of probabilities.
    """
    return predict(predictor, cases, [CLEAN_CONDITION], batch_size=batch_size)[CLEAN_CONDITION.name]


def detect_clean(detector: Detector, cases: Subset, *, batch_size: int) -> BoxPredictions:
    """Find the objects in the images as they are.

    Raises:
        ModelError: If the model returns something that is not a list of detections.
    """
    return detect(detector, cases, [CLEAN_CONDITION], batch_size=batch_size)[CLEAN_CONDITION.name]


def _batches(cases: Subset, size: int) -> "Sequence[tuple[Case, ...]]":
    steps = -(-len(cases) // size)
    return cast("Sequence[tuple[Case, ...]]", track(cases.batches(size), "predicting", steps))


def _apply_condition(
    images: Sequence[Image], batch: Sequence[Case], condition: Condition
) -> list[Image]:
    return [condition.apply(image, case.case_id) for image, case in zip(images, batch, strict=True)]


def _image_size(image: Image) -> ImageSize:
    height, width = image.shape[:2]
    return ImageSize(width=width, height=height)


def _validate_probabilities(rows: object, count: int, cases: Subset) -> Probabilities:
    """The one check at the boundary of a predictor; rows are brought to sum to 1 exactly."""
    try:
        table = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _invalid_probabilities_error("something that is not a table of numbers") from error
    if table.shape != (count, len(cases.classes)):
        raise _invalid_probabilities_error(
            f"shape {table.shape} for {count} images and {len(cases.classes)} classes"
        )
    if not np.isfinite(table).all():
        raise _invalid_probabilities_error("values that are not finite")
    if table.min() < -SUM_TOLERANCE:
        raise _invalid_probabilities_error(
            f"rows that are not probabilities (one holds {table.min():.4f})"
        )
    sums = table.sum(axis=1)
    worst = sums[abs(sums - 1).argmax()]
    if abs(worst - 1) > SUM_TOLERANCE:
        raise _invalid_probabilities_error(
            f"rows that are not probabilities (one sums to {worst:.4f})"
        )
    clipped = table.clip(min=0)
    normalised: Probabilities = clipped / clipped.sum(axis=1, keepdims=True)
    return normalised


def _validate_detections(detections: object, count: int, classes: int) -> list[Detections]:
    """The one check at the boundary of a detector."""
    if not isinstance(detections, Sequence) or not all(
        isinstance(each, Detections) for each in detections
    ):
        raise _invalid_detections_error("something that is not a list of Detections")
    if len(detections) != count:
        raise _invalid_detections_error(f"{len(detections)} lists for {count} images")
    for each in detections:
        if fault := _find_detection_error(each, classes):
            raise _invalid_detections_error(fault)
    return list(detections)


def _find_detection_error(detections: Detections, classes: int) -> str:
    """What is wrong with the detections in one image, or nothing."""
    size = len(detections.scores)
    if detections.boxes.shape != (size, 4) or detections.labels.shape != (size,):
        return f"{size} scores with boxes of shape {detections.boxes.shape}"
    if not (np.isfinite(detections.boxes).all() and np.isfinite(detections.scores).all()):
        return "values that are not finite"
    wrong = {
        f"a class outside 0 to {classes - 1}": (detections.labels < 0)
        | (detections.labels >= classes),
        "a box whose width or height is below 0": detections.boxes[:, 2:].min(axis=1, initial=0)
        < 0,
        "a score that is not from 0 to 1": (detections.scores < 0) | (detections.scores > 1),
    }
    return next((text for text, where in wrong.items() if where.any()), "")


def _invalid_probabilities_error(problem: str) -> ModelError:
    return ModelError(
        f"The model returned {problem}.",
        fix="a predictor returns one row of class probabilities per image, in class order.",
    )


def _invalid_detections_error(problem: str) -> ModelError:
    return ModelError(
        f"The model returned {problem}.",
        fix=f"a detector returns one Detections per image: boxes ({', '.join(BOX_COLUMNS)}), scores and "
        "class indices of equal length.",
    )


def _build_predictions(cases: Subset, probabilities: Probabilities) -> Predictions:
    return Predictions(
        classes=cases.classes,
        targets=cases.targets,
        probabilities=probabilities,
        **_case_columns(cases),
    )


def _case_columns(cases: Subset) -> Mapping[str, Any]:
    columns = list(cases.cases[0].metadata) if cases.cases else []
    return {
        "case_ids": tuple(case.case_id for case in cases.cases),
        "group_ids": tuple(case.group_id for case in cases.cases),
        "metadata": {name: tuple(case.metadata[name] for case in cases.cases) for name in columns},
    }
