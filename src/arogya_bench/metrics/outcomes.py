"""Validated predictions of a classifier with their targets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arogya_bench.types import Floats, Labels, Probabilities

SUM_TOLERANCE = 1e-6  # above the rounding error of a float32 softmax
SUM_LIMIT = 0.05  # sums further off come from logits or multi-label scores, not from rounding
NO_ANSWER = -1


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Validated cases of one evaluation.

    Attributes:
        targets: Shape (n,).
        predicted: Shape (n,); -1 where there is no answer, which counts as wrong.
        probabilities: Shape (n, K), NaN in rows without an answer; None if the model returns labels only.
        classes: K names.
        renormalised: Number of rows that did not sum to 1 and were divided by their sum.
        implausible_sums: Number of rows that were off by more than 5 %, as logits are.
        unanswered: Number of rows without probabilities: with a NaN, or with zeros only.
    """

    targets: Labels
    predicted: Labels
    probabilities: Probabilities | None
    classes: tuple[str, ...]
    renormalised: int = 0
    implausible_sums: int = 0
    unanswered: int = 0

    @property
    def n(self) -> int:
        """Number of cases."""
        return self.targets.size


def predicted_classes(probabilities: Probabilities) -> Labels:
    """Return the first class with the largest probability, or of two the second from 0.5 on.

    Rows of ``probabilities``, shape (n, K), that contain a NaN are predicted as -1.
    """
    if probabilities.shape[1] == 2:
        first = (probabilities[:, 1] >= 0.5).astype(np.int64)
    else:
        first = probabilities.argmax(axis=1).astype(np.int64)
    predicted: Labels = np.where(np.isnan(probabilities).any(axis=1), NO_ANSWER, first)
    return predicted


def check_outcomes(
    targets: ArrayLike,
    probabilities: ArrayLike | None = None,
    predicted: ArrayLike | None = None,
    *,
    classes: Sequence[str] | int | None = None,
) -> Outcomes:
    """Validate and complete the columns of one evaluation.

    Args:
        targets: Class indices, shape (n,).
        probabilities: Shape (n, K); rows that do not sum to 1 are divided by their sum, and a row
            with a NaN, or with zeros only, is no answer.
        predicted: Class indices, shape (n,), -1 for no answer; derived from the probabilities if None.
        classes: Names of the classes, or their number; the number of columns if None.
    """
    truth = _check_labels(targets, "targets")
    table, error = None, np.empty(0)
    if probabilities is not None:
        table, error = _normalise_rows(np.asarray(probabilities, dtype=np.float64), truth.size)
    elif predicted is None:
        raise ValueError("neither probabilities nor predicted classes are given")
    answers = (
        predicted_classes(table) if predicted is None and table is not None else _check_labels(predicted, "predicted")
    )
    if answers.size != truth.size:
        raise ValueError(f"{answers.size} predicted classes for {truth.size} targets")
    names = _class_names(classes, table, truth, answers)
    for column, values, least in (("targets", truth, 0), ("predicted", answers, NO_ANSWER)):
        if values.size and (values.min() < least or values.max() >= len(names)):
            raise ValueError(f"{column} reach from {values.min()} to {values.max()}, with {len(names)} classes")
    return Outcomes(
        targets=truth,
        predicted=answers,
        probabilities=table,
        classes=names,
        renormalised=int((error > SUM_TOLERANCE).sum()),
        implausible_sums=int((error > SUM_LIMIT).sum()),
        unanswered=int(np.isnan(error).sum()),
    )


def _check_labels(column: ArrayLike | None, name: str) -> Labels:
    values = np.asarray(column)
    if values.ndim != 1:
        raise ValueError(f"{name} have shape {values.shape}, not (n,)")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError(f"{name} must be class indices, and none may be missing")
    whole = values.astype(np.int64) if values.size else np.empty(0, dtype=np.int64)
    if (whole != values).any():
        raise ValueError(f"{name} must be class indices, not {values.dtype}")
    return whole


def _normalise_rows(table: Probabilities, n: int) -> tuple[Probabilities, Floats]:
    """The table with rows that sum to 1, and the error of each sum; NaN where there is no answer."""
    if table.ndim != 2 or len(table) != n or table.shape[1] < 2:
        raise ValueError(f"probabilities have shape {table.shape}, not ({n}, classes)")
    if np.isinf(table).any() or (table < 0).any():
        raise ValueError("probabilities must be finite and not negative")
    sums = table.sum(axis=1)
    unanswered = np.isnan(sums) | (sums == 0)
    error = np.where(unanswered, np.nan, np.abs(sums - 1))
    divided = table / np.where(unanswered, np.nan, sums)[:, None]
    exact = (error <= SUM_TOLERANCE)[:, None]
    return np.where(exact, table, divided), error


def _class_names(
    classes: Sequence[str] | int | None, table: Probabilities | None, truth: Labels, answers: Labels
) -> tuple[str, ...]:
    columns = None if table is None else table.shape[1]
    if classes is None:
        highest = max((int(v.max()) for v in (truth, answers) if v.size), default=0)
        classes = columns or max(2, highest + 1)
    names = tuple(str(k) for k in (range(classes) if isinstance(classes, int) else classes))
    if columns not in (None, len(names)):
        raise ValueError(f"{columns} columns of probabilities for {len(names)} classes")
    return names
