"""What a classifier said about each case beside what was true, checked before it is counted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arogya_bench.types import Labels, Probabilities

SUM_EXACT = 1e-6  # float32 softmax stays within
SUM_LIMIT = 0.05  # beyond lie logits and multi-label scores, no rounding


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """The cases of one evaluation, ready to be counted.

    Attributes:
        targets: Shape (n,).
        predicted: Shape (n,), what was decided.
        probabilities: Shape (n, K), or None if the model gave labels only.
        classes: K names.
        renormalised: How many rows did not sum to 1 and were divided by their sum.
    """

    targets: Labels
    predicted: Labels
    probabilities: Probabilities | None
    classes: tuple[str, ...]
    renormalised: int = 0

    @property
    def n(self) -> int:
        """Number of cases."""
        return self.targets.size


def predicted_classes(probabilities: Probabilities) -> Labels:
    """Decide: the first largest probability, or of two classes the second from 0.5 on.

    Args:
        probabilities: Shape (n, K).

    Returns:
        Shape (n,).
    """
    if probabilities.shape[1] == 2:
        return (probabilities[:, 1] >= 0.5).astype(np.int64)
    first: Labels = probabilities.argmax(axis=1).astype(np.int64)
    return first


def outcomes(
    targets: ArrayLike,
    probabilities: ArrayLike | None = None,
    predicted: ArrayLike | None = None,
    *,
    classes: Sequence[str] | int | None = None,
) -> Outcomes:
    """Check and complete the columns of one evaluation.

    Args:
        targets: Class indices, shape (n,).
        probabilities: Shape (n, K); rows sum to 1.
        predicted: Class indices, shape (n,); decided from the probabilities if None.
        classes: Their names, or their number; as many as there are columns if None.

    Raises:
        ValueError: If a column is missing, misshapen, not finite, or out of range.
    """
    truth = _labels(targets, "targets")
    table, renormalised = None, 0
    if probabilities is not None:
        table, renormalised = _normalised(np.asarray(probabilities, dtype=np.float64), truth.size)
    elif predicted is None:
        raise ValueError("neither probabilities nor predicted classes are given")
    decided = (
        _labels(predicted, "predicted")
        if predicted is not None or table is None
        else predicted_classes(table)
    )
    if decided.size != truth.size:
        raise ValueError(f"{decided.size} predicted classes for {truth.size} targets")
    names = _names(classes, table, truth, decided)
    for column, values in (("targets", truth), ("predicted", decided)):
        if values.size and (values.min() < 0 or values.max() >= len(names)):
            raise ValueError(
                f"{column} reach from {values.min()} to {values.max()}, with {len(names)} classes"
            )
    return Outcomes(
        targets=truth,
        predicted=decided,
        probabilities=table,
        classes=names,
        renormalised=renormalised,
    )


def _labels(column: ArrayLike | None, name: str) -> Labels:
    values = np.asarray(column)
    if values.ndim != 1:
        raise ValueError(f"{name} have shape {values.shape}, not (n,)")
    whole = values.astype(np.int64) if values.size else np.empty(0, dtype=np.int64)
    if (whole != values).any():
        raise ValueError(f"{name} must be class indices, not {values.dtype}")
    return whole


def _normalised(table: Probabilities, n: int) -> tuple[Probabilities, int]:
    if table.ndim != 2 or len(table) != n or table.shape[1] < 2:
        raise ValueError(f"probabilities have shape {table.shape}, not ({n}, classes)")
    if not np.isfinite(table).all() or (table < 0).any():
        raise ValueError("probabilities must be finite and not negative")
    sums = table.sum(axis=1)
    error = np.abs(sums - 1)
    if (error > SUM_LIMIT).any():
        row = int(error.argmax())
        raise ValueError(f"the probabilities of row {row} sum to {sums[row]:.4g}, not to 1")
    off = error > SUM_EXACT
    return np.where(off[:, None], table / sums[:, None], table), int(off.sum())


def _names(
    classes: Sequence[str] | int | None,
    table: Probabilities | None,
    truth: Labels,
    decided: Labels,
) -> tuple[str, ...]:
    columns = None if table is None else table.shape[1]
    if classes is None:
        highest = max((int(v.max()) for v in (truth, decided) if v.size), default=0)
        classes = columns or max(2, highest + 1)
    names = tuple(str(k) for k in (range(classes) if isinstance(classes, int) else classes))
    if columns not in (None, len(names)):
        raise ValueError(f"{columns} columns of probabilities for {len(names)} classes")
    return names
