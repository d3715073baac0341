"""Images to probabilities, checked at the boundary of the model."""

from collections.abc import Sequence

import numpy as np

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.errors import ModelError
from arogya_bench.progress import watched
from arogya_bench.types import Predictions, Predictor, Probabilities, Subset

SUM_TOLERANCE = 1e-3  # of a row of probabilities; further off is a fault of the model


def predict(
    predictor: Predictor, cases: Subset, conditions: Sequence[Condition], *, batch_size: int
) -> dict[str, Predictions]:
    """Decode each image once and predict it under every condition.

    Raises:
        ModelError: If the model returns something that is not a table of probabilities.
    """
    parts: dict[str, list[Probabilities]] = {each.name: [] for each in conditions}
    steps = -(-len(cases) // batch_size)
    for batch in watched(cases.batches(batch_size), "predicting", steps):
        images = [cases.dataset.read(case) for case in batch]
        for condition in conditions:
            changed = [
                condition.apply(image, case.case_id)
                for image, case in zip(images, batch, strict=True)
            ]
            rows = predictor(changed)
            parts[condition.name].append(_checked(rows, len(batch), cases))
    return {name: _predictions(cases, np.concatenate(rows)) for name, rows in parts.items()}


def predictions_of(predictor: Predictor, cases: Subset, *, batch_size: int) -> Predictions:
    """Predict the images as they are.

    Raises:
        ModelError: If the model returns something that is not a table of probabilities.
    """
    parts = [
        _checked(predictor([cases.dataset.read(case) for case in batch]), len(batch), cases)
        for batch in cases.batches(batch_size)
    ]
    return _predictions(cases, np.concatenate(parts))


def _checked(rows: object, count: int, cases: Subset) -> Probabilities:
    """The one check at the boundary of a predictor; rows are brought to sum to 1 exactly."""
    try:
        table = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _untrusted("something that is not a table of numbers") from error
    if table.shape != (count, len(cases.classes)):
        raise _untrusted(f"shape {table.shape} for {count} images and {len(cases.classes)} classes")
    if not np.isfinite(table).all():
        raise _untrusted("values that are not finite")
    if table.min() < -SUM_TOLERANCE:
        raise _untrusted(f"rows that are not probabilities (one holds {table.min():.4f})")
    sums = table.sum(axis=1)
    worst = sums[abs(sums - 1).argmax()]
    if abs(worst - 1) > SUM_TOLERANCE:
        raise _untrusted(f"rows that are not probabilities (one sums to {worst:.4f})")
    clipped = table.clip(min=0)
    normalised: Probabilities = clipped / clipped.sum(axis=1, keepdims=True)
    return normalised


def _untrusted(what: str) -> ModelError:
    return ModelError(
        f"The model returned {what}.",
        fix="a predictor returns one row of class probabilities per image, in class order.",
    )


def _predictions(cases: Subset, probabilities: Probabilities) -> Predictions:
    columns = list(cases.cases[0].metadata) if cases.cases else []
    return Predictions(
        classes=cases.classes,
        case_ids=tuple(case.case_id for case in cases.cases),
        group_ids=tuple(case.group_id for case in cases.cases),
        targets=cases.targets,
        probabilities=probabilities,
        metadata={name: tuple(case.metadata[name] for case in cases.cases) for name in columns},
    )
