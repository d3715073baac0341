"""Probabilities of the rows of a table, checked row by row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arogya_bench.errors import DatasetError
from arogya_bench.importing.classes import ClassColumns
from arogya_bench.importing.columns import ColumnOptions
from arogya_bench.importing.table_files import SourceTable
from arogya_bench.metrics.outcomes import NO_ANSWER, SUM_TOLERANCE, predicted_classes
from arogya_bench.scoring.label_table import one_hot
from arogya_bench.types import Floats, Labels, Probabilities

ROUNDED_SUM = 0.01  # deviation from 1 of rows of low precision, such as 8 bits a probability; others are no rounding
NUMBER_FIX = (
    "write a number such as 0.25, or leave every probability of the row empty where the model gave no answer: it then "
    "counts as wrong."
)
ROUNDING = 1e-6  # of a probability just outside 0 to 1


@dataclass(frozen=True, kw_only=True)
class RowProbabilities:
    """Probabilities of all rows, shape (n, classes); NaN where the model gave no answer.

    Attributes:
        labels_only: Whether they are 0 and 1, since the table holds predicted classes only.
        notes: What was concluded or changed, one sentence each.
    """

    table: Probabilities
    labels_only: bool
    notes: tuple[str, ...]


def read_probabilities(
    table: SourceTable, classes: ClassColumns, predicted: Labels | None, options: ColumnOptions
) -> RowProbabilities:
    """Read the probabilities of all rows; from predicted classes where there are no others.

    Args:
        table: The file.
        classes: Which columns hold probabilities.
        predicted: Shape (n,), the predicted classes, -1 where a cell is empty; None without such a column.
        options: What the user says.
    """
    if classes.probabilities:
        found = np.stack([table.numbers(classes.probabilities[name], fix=NUMBER_FIX) for name in classes.names], axis=1)
        if predicted is not None and np.isnan(found).all() and (predicted != NO_ANSWER).any():
            return _from_labels(predicted, len(classes.names))
        return _checked(table, found, predicted)
    if classes.score is not None:
        return _from_score(table, classes, predicted, options.score_is)
    if predicted is None:
        raise DatasetError(
            f"{table.name} has neither probabilities nor a predicted class.",
            fix="add a column 'p_NAME' for each class, or a column 'predicted'; or name them with "
            "--probability-columns CLASS=COLUMN,… or --predicted-column.",
        )
    return _from_labels(predicted, len(classes.names))


def _from_labels(predicted: Labels, classes: int) -> RowProbabilities:
    notes = ["There are no probabilities: AUROC, calibration and other metrics that need them are undefined."]
    return RowProbabilities(
        table=one_hot(predicted, classes), labels_only=True, notes=(*notes, *_unanswered_note(predicted == NO_ANSWER))
    )


def _from_score(table: SourceTable, classes: ClassColumns, predicted: Labels | None, score_is: str) -> RowProbabilities:
    column = str(classes.score)
    score = table.numbers(column, fix=NUMBER_FIX)
    _check_range(table, score[:, None], (column,))
    positive = classes.names.index(classes.positive)
    meaning = score_is or _meaning(table, score, predicted, column, positive)
    if meaning == "predicted" and predicted is None:
        raise DatasetError(
            f"There is no predicted class that the column {column!r} could be the score of.",
            fix="name its column with --predicted-column, or omit --score-is.",
        )
    of = np.full(score.size, positive) if meaning == "positive" or predicted is None else predicted
    rows = np.empty((score.size, 2))
    rows[np.arange(score.size), of] = score
    rows[np.arange(score.size), 1 - of] = 1 - score
    which = "the predicted class" if meaning == "predicted" else repr(classes.positive)
    checked = _checked(table, rows, predicted)
    note = f"The column {column!r} is taken as the probability of {which}."
    return RowProbabilities(table=checked.table, labels_only=False, notes=(note, *checked.notes))


def _meaning(table: SourceTable, score: Floats, predicted: Labels | None, column: str, positive: int) -> str:
    """Whether a score is that of the positive or of the predicted class; what the predicted classes agree with."""
    if predicted is None:
        return "positive"
    called = predicted == positive
    if np.array_equal(called, score >= 0.5) or ((score < 0.5).any() and _orders(called, score)):
        return "positive"
    if np.nanmin(score) >= 0.5:
        return "predicted"
    conflicting = int(np.flatnonzero(called != (score >= 0.5))[0])
    raise DatasetError(
        f"The column {column!r} does not agree with the predicted class, as in {table.where(conflicting)}: it is "
        "neither the probability of the positive class nor that of the predicted one.",
        fix="say what it is: --score-is positive or --score-is predicted",
    )


def _orders(called: NDArray[np.bool_], score: Floats) -> bool:
    """Whether the predicted classes follow from the score by another threshold."""
    return bool(called.any() and not called.all() and np.nanmin(score[called]) >= np.nanmax(score[~called]))


def _checked(table: SourceTable, rows: Floats, predicted: Labels | None) -> RowProbabilities:
    """Check the ranges and the sums; divide rows of low precision by their sum."""
    missing = np.isnan(rows)
    partly = np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1))
    if partly.size:
        raise DatasetError(
            f"{_capital(table.where(int(partly[0])))} lacks some of its probabilities.",
            fix="fill them, or leave all of them empty where the model gave no answer: the case then counts as wrong.",
        )
    _check_range(table, rows, ())
    unanswered = np.asarray(missing.any(axis=1))
    clipped = np.clip(rows, 0.0, 1.0)
    sums = np.where(unanswered, 1.0, clipped.sum(axis=1))
    deviation = np.abs(sums - 1)
    worst = int(deviation.argmax())
    if deviation[worst] > ROUNDED_SUM:
        first = int(np.flatnonzero(deviation > ROUNDED_SUM)[0])
        raise DatasetError(
            f"The probabilities of {table.where(first)} sum to {sums[first]:.4g}, not to 1.",
            fix="give one probability for each class of one label per case. They are all from 0 to 1, and so no "
            "logits: is the column of a class missing? Scores of several labels per case (sigmoids) are not supported.",
        )
    rounded = deviation > SUM_TOLERANCE
    divided = np.where(rounded[:, None], clipped / sums[:, None], clipped)
    notes = [*_unanswered_note(unanswered)]
    if rounded.any():
        notes.append(
            f"Rows whose probabilities sum to 1 within {deviation[worst]:.2g} only were divided by their sum: "
            f"{int(rounded.sum())}."
        )
    return RowProbabilities(table=divided, labels_only=False, notes=(*notes, *_threshold_note(divided, predicted)))


def _check_range(table: SourceTable, rows: Floats, names: Sequence[str]) -> None:
    bad = (rows < -ROUNDING) | (rows > 1 + ROUNDING)
    if bad.any():
        row, column = (int(part[0]) for part in np.nonzero(bad))
        of = f" in the column {names[column]!r}" if names else ""
        raise DatasetError(
            f"{_capital(table.where(row))} has the probability {rows[row, column]:g}{of}, which is not from 0 to 1.",
            fix="give probabilities: divide percentages by 100, apply a softmax or a sigmoid to logits.",
        )


def _unanswered_note(unanswered: NDArray[np.bool_]) -> list[str]:
    count = int(unanswered.sum())
    return [f"Rows without an answer, which count as wrong: {count}."] if count else []


def _threshold_note(rows: Probabilities, predicted: Labels | None) -> list[str]:
    if predicted is None:
        return []
    differing = int(((predicted_classes(rows) != predicted) & (predicted != NO_ANSWER)).sum())
    return (
        [
            f"Rows whose predicted class is not the most probable one: {differing}. Metrics use the probabilities; to "
            "evaluate the predicted classes, import a table without them."
        ]
        if differing
        else []
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
