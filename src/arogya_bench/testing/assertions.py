"""Comparing predictions, up to rounding."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from arogya_bench.types import Floats

SCORE_TOLERANCE = 1e-5  # of probabilities and scores
BOX_TOLERANCE = 0.01  # of the edges of boxes, in pixels


def require(condition: bool, message: str) -> None:
    """Raise AssertionError unless the condition holds."""
    if not condition:
        raise AssertionError(message)


def to_arrays(predictions: Any, task: str) -> list[Floats]:
    """One array per image: a row of probabilities, or rows of boxes, scores and labels."""
    if task == "classification":
        return list(predictions)
    return [np.column_stack([found.boxes, found.scores, found.labels]) for found in predictions]


def check_all_close(actual: Sequence[Floats], expected: Sequence[Floats]) -> None:
    """Require equal predictions for each image."""
    for one, other in zip(actual, expected, strict=True):
        check_close(one, other)


def check_close(actual: Floats, expected: Floats) -> None:
    """Require equal predictions for one image, up to rounding."""
    require(actual.shape == expected.shape, f"{len(actual)} boxes instead of {len(expected)}")
    if not actual.size:
        return
    difference = abs(actual - expected)
    scores = difference
    if actual.ndim == 2:
        scores = difference[:, 4:]
        largest = float(difference[:, :4].max())
        require(largest <= BOX_TOLERANCE, f"boxes differ by {largest:.2g} pixels")
    largest = float(scores.max())
    require(largest <= SCORE_TOLERANCE, f"predictions differ by {largest:.2g}")
