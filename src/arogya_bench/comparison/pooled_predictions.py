"""Join the predictions of folds, and take those of some cases."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from arogya_bench.errors import TrackingError
from arogya_bench.scoring.task import AnyPredictions
from arogya_bench.types import BoxPredictions, Detections, Floats, Labels, Predictions

SHARED_THRESHOLD = 0.5  # of detectors whose folds have different ones


def pool_predictions(parts: Sequence[AnyPredictions]) -> AnyPredictions:
    """Join predictions of different cases, sorted by case id.

    Raises:
        TrackingError: If their classes differ, or a case is in two of them.
    """
    if len(parts) == 1:
        return parts[0]
    case_ids = [case for part in parts for case in part.case_ids]
    if len({part.classes for part in parts}) > 1 or len(set(case_ids)) < len(case_ids):
        raise TrackingError(
            "The stored predictions of the folds of one cross-validation have different classes, or share cases.",
            fix="delete the modified runs in MLflow and run the sweep again.",
        )
    labels = [part for part in parts if isinstance(part, Predictions)]
    boxes = [part for part in parts if isinstance(part, BoxPredictions)]
    pooled = _join_labels(labels) if labels else _join_boxes(_with_one_threshold(boxes))
    return take_cases(pooled, np.argsort(np.array(case_ids), kind="stable"))


def take_cases(predictions: AnyPredictions, positions: Labels) -> AnyPredictions:
    """The predictions of the cases at some positions, in their order."""
    order = positions.tolist()

    def take(values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(values[i] for i in order)

    shared: dict[str, Any] = {
        "case_ids": take(predictions.case_ids),
        "group_ids": take(predictions.group_ids),
        "metadata": {name: take(values) for name, values in predictions.metadata.items()},
    }
    if isinstance(predictions, BoxPredictions):
        truth, detections = take(predictions.truth), take(predictions.detections)
        return replace(predictions, **shared, truth=truth, detections=detections)
    return replace(
        predictions,
        **shared,
        targets=predictions.targets[positions],
        probabilities=predictions.probabilities[positions],
        answers={name: take(values) for name, values in predictions.answers.items()},
    )


def _join_labels(parts: Sequence[Predictions]) -> Predictions:
    return replace(
        parts[0],
        **_joined_cases(parts),
        targets=np.concatenate([part.targets for part in parts]),
        probabilities=np.concatenate([part.probabilities for part in parts]),
        answers=_joined_columns([part.answers for part in parts]),
    )


def _join_boxes(parts: Sequence[BoxPredictions]) -> BoxPredictions:
    return replace(
        parts[0],
        **_joined_cases(parts),
        truth=tuple(boxes for part in parts for boxes in part.truth),
        detections=tuple(found for part in parts for found in part.detections),
    )


def _joined_cases(parts: Sequence[AnyPredictions]) -> dict[str, Any]:
    return {
        "case_ids": tuple(case for part in parts for case in part.case_ids),
        "group_ids": tuple(group for part in parts for group in part.group_ids),
        "metadata": _joined_columns([part.metadata for part in parts]),
    }


def _joined_columns(columns: Sequence[Mapping[str, tuple[Any, ...]]]) -> dict[str, tuple[Any, ...]]:
    """The columns that all parts have."""
    names = [name for name in columns[0] if all(name in part for part in columns)]
    return {name: tuple(value for part in columns for value in part[name]) for name in names}


def _with_one_threshold(parts: Sequence[BoxPredictions]) -> list[BoxPredictions]:
    """Rescale the scores of each fold so that all have one threshold: the same boxes stay above it, in their order."""
    if len({part.threshold for part in parts}) == 1:
        return list(parts)
    return [
        replace(
            part,
            threshold=SHARED_THRESHOLD,
            detections=tuple(_rescaled(found, part.threshold) for found in part.detections),
        )
        for part in parts
    ]


def _rescaled(found: Detections, threshold: float) -> Detections:
    scores = np.asarray(found.scores, np.float64)
    below = np.minimum(SHARED_THRESHOLD * scores / max(threshold, 1e-12), np.nextafter(SHARED_THRESHOLD, 0))
    room = max(1 - threshold, 1e-12)
    above = SHARED_THRESHOLD + (1 - SHARED_THRESHOLD) * np.clip((scores - threshold) / room, 0, 1)
    rescaled: Floats = np.where(scores < threshold, below, above)
    return replace(found, scores=rescaled)
