"""Metrics of each class against the rest."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from arogya_bench.metrics.outcomes import Outcomes, check_outcomes
from arogya_bench.metrics.tally import SufficientStatistics, sum_by_group
from arogya_bench.types import Floats

Row: TypeAlias = dict[str, str | int | float | None]

FEW_POSITIVES = 10


def per_class(
    targets: ArrayLike,
    probabilities: ArrayLike | None = None,
    predicted: ArrayLike | None = None,
    *,
    classes: Sequence[str] | int | None = None,
) -> list[Row]:
    """Score each class against the rest.

    Args:
        targets: Class indices, shape (n,).
        probabilities: Shape (n, K); needed for ``auroc`` and ``average_precision``.
        predicted: Class indices, shape (n,); derived from the probabilities if None.
        classes: Names of the classes, or their number.

    Returns:
        One row per class: ``class``, ``support``, ``predicted`` (numbers of cases),
        ``sensitivity``, ``specificity``, ``precision``, ``f1``, ``auroc``, ``average_precision``
        (None where undefined) and ``flag``, which may be empty.
    """
    cases = check_outcomes(targets, probabilities, predicted, classes=classes)
    tally = sum_by_group(cases).total()
    columns = {
        "sensitivity": recalls(tally),
        "specificity": specificities(tally),
        "precision": precisions(tally),
        "f1": f1s(tally),
        "auroc": tally.auroc,
        "average_precision": tally.average_precision,
    }
    rows: list[Row] = []
    for k, name in enumerate(cases.classes):
        support = int(tally.support[k])
        row: Row = {"class": name, "support": support, "predicted": int(tally.predicted_counts[k])}
        row |= {column: nan_to_none(values[k]) for column, values in columns.items()}
        rows.append(row | {"flag": _flag_class(cases, support, int(tally.predicted_counts[k]))})
    return rows


def recalls(tally: SufficientStatistics) -> Floats:
    """Recall (sensitivity) of each class, shape (..., K); NaN for a class without cases."""
    return safe_divide(tally.hits, tally.support)


def precisions(tally: SufficientStatistics) -> Floats:
    """Precision of each class, shape (..., K); NaN for a class that is never predicted."""
    return safe_divide(tally.hits, tally.predicted_counts)


def specificities(tally: SufficientStatistics) -> Floats:
    """Specificity of each class, shape (..., K); NaN for a class that holds all cases.

    A negative case without an answer does not count as called negative.
    """
    negatives = tally.n[..., None] - tally.support
    unanswered = tally.unanswered_counts.sum(axis=-1)[..., None] - tally.unanswered_counts
    return safe_divide(negatives - unanswered - tally.predicted_counts + tally.hits, negatives)


def f1s(tally: SufficientStatistics) -> Floats:
    """F1 of each class, shape (..., K); NaN for a class without cases."""
    values = safe_divide(2 * tally.hits, tally.support + tally.predicted_counts)
    return np.where(tally.support > 0, values, np.nan)


def f1_slopes(tally: SufficientStatistics) -> tuple[Floats, Floats]:
    """How F1 of each class changes with the answers, shape (..., K) each; 0 for a class without cases.

    Returns:
        The rise with the recall of the class, 2 s (s + false positives) / (s + predicted)² for s cases, which is small
        where false positives outnumber the cases; and the fall with one more false positive, F1 / (s + predicted).
    """
    size = tally.support + tally.predicted_counts
    false_positives = tally.predicted_counts - tally.hits
    rise = safe_divide(2 * tally.support * (tally.support + false_positives), size**2)
    fall = safe_divide(f1s(tally), size)
    return np.where(tally.support > 0, rise, 0.0), np.where(tally.support > 0, fall, 0.0)


def safe_divide(part: Floats, whole: Floats) -> Floats:
    """Divide, with NaN where the whole is 0."""
    undefined = np.full(np.shape(part), np.nan)
    quotient: Floats = np.divide(part, whole, out=undefined, where=np.asarray(whole) != 0)
    return quotient


def nan_to_none(value: float | Floats) -> float | None:
    """Convert a number, with NaN for undefined, to a float or None."""
    return None if np.isnan(value) else float(value)


def _flag_class(cases: Outcomes, support: int, predicted: int) -> str:
    texts = []
    if not support:
        texts.append("not in the truth")
    elif support < FEW_POSITIVES:
        texts.append(f"fewer than {FEW_POSITIVES} cases")
    if not predicted:
        texts.append("never predicted")
    if support and support == cases.n:
        texts.append("holds every case")
    if cases.unanswered:
        texts.append(f"{cases.unanswered} cases have no probabilities")
    return "; ".join(texts)
