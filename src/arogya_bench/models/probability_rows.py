"""Rows of numbers, one per class, as probabilities: checked, normalised, or computed from logits."""

import numpy as np
from scipy.special import softmax

from arogya_bench.errors import ModelError
from arogya_bench.types import Floats, Probabilities

EXACT = 1e-3  # largest deviation from 1 of the sum of a row that needs no note
ROUNDED = 0.01  # and of a row whose numbers were rounded, as by bfloat16
STEP = 1 / 256  # of numbers of 8 bits, each of which may lose one
LARGEST_TOLERANCE = 0.05
WHOLE_SCALES = (100.0, 255.0, 256.0)  # sums of rows in per cent, or in whole numbers of 8 bits
MIN_ROWS = 2  # logits of one image may add up to 1 by chance; those of several hardly do


def to_probabilities(values: Floats) -> Probabilities:
    """Divide each row by its sum, which must be 1 but for the rounding of its numbers."""
    _check_finite(values)
    sums = values.sum(axis=1)
    if (values < -EXACT).any() or (abs(sums - 1) > sum_tolerance(values.shape[1])).any():
        raise _not_probabilities_error(values)
    clipped = values.clip(min=0)
    normalised: Probabilities = clipped / clipped.sum(axis=1, keepdims=True)
    return normalised


def logits_to_probabilities(values: Floats) -> Probabilities:
    """Apply softmax to rows that are no probabilities yet."""
    _check_finite(values)
    if len(values) >= MIN_ROWS and (total := common_sum(values)) is not None:
        row = np.round(values[0], 4).tolist()
        raise ModelError(
            f"model.softmax=true, but the model returned rows that are probabilities already, such as {row}.",
            fix="leave model.softmax out; softmax would flatten them."
            if total == 1
            else f"leave model.softmax out, and log a model whose rows sum to 1: divide by {total:g}.",
        )
    return np.asarray(softmax(values, axis=1), np.float64)


def sum_tolerance(class_count: int) -> float:
    """How far the sum of a row may be from 1 because its numbers were rounded to 8 bits."""
    return min(LARGEST_TOLERANCE, max(ROUNDED, class_count * STEP)) + EXACT


def rounding_note(values: Floats) -> str | None:
    """A note on rows that had to be divided by their sum; None if they sum to 1."""
    sums = values.sum(axis=1)
    if not len(sums) or (abs(sums - 1) <= EXACT).all():
        return None
    return f"its rows sum to {sums.min():.4f} to {sums.max():.4f}, as rounded numbers do: each was divided by its sum"


def sigmoid_note(values: Floats) -> str | None:
    """A note on ``softmax`` of values that look like answers of their own for each class; None if they do not."""
    if len(values) < MIN_ROWS or (values < 0).any() or (values > 1).any():
        return None
    return "softmax was applied to values from 0 to 1, which look like those of a sigmoid and not like logits"


def common_sum(values: Floats) -> float | None:
    """The sum of rows of shares: 1, or 100 where they are per cent; None if they are no shares of a whole."""
    if not len(values) or (values < -EXACT).any():
        return None
    sums = values.sum(axis=1)
    for whole in (1.0, *WHOLE_SCALES):
        if (abs(sums / whole - 1) <= sum_tolerance(values.shape[1])).all():
            return whole
    return None


def _check_finite(values: Floats) -> None:
    if not np.isfinite(values).all():
        raise ModelError(
            "The model returned values that are not finite.",
            fix="fix the model; it receives images as its signature describes.",
        )


def _not_probabilities_error(values: Floats) -> ModelError:
    sums = values.sum(axis=1)
    worst = int(abs(sums - 1).argmax())
    total = common_sum(values)
    if total is not None:
        fix = f"log a model whose rows sum to 1: these sum to {total:g}, so divide by it."
    elif len(values) >= MIN_ROWS and (values >= 0).all() and (values <= 1).all():
        fix = "log a model whose rows sum to 1; values from 0 to 1, as of one sigmoid per class, are no logits."
    else:
        fix = "set model.softmax=true if they are logits; else log a model whose rows sum to 1."
    return ModelError(
        f"The model returned rows that are not probabilities, such as {np.round(values[worst], 4).tolist()}, "
        f"which sums to {sums[worst]:.4f}.",
        fix=fix,
    )
