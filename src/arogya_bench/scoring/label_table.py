"""Converts class probabilities to the tables that runs store and ``mlflow ui`` shows, and back."""

from typing import Any

import numpy as np
import pandas as pd

from arogya_bench.errors import TrackingError
from arogya_bench.metrics.outcomes import NO_ANSWER, predicted_classes
from arogya_bench.types import ANSWER_COLUMNS, Labels, Predictions, Probabilities

PROBABILITY_PREFIX = "p_"  # of a probability column; the rest of its name is the class
FIXED_COLUMNS = ("case_id", "group_id", "target", "predicted")
MAX_PREVIEW_ROWS = 1000  # a table over 2 MB is not shown by MLflow
MAX_PREVIEW_CELLS = 150_000  # of about ten characters


def predictions_to_table(predictions: Predictions) -> pd.DataFrame:
    """One row per case: ids, metadata, true class, predicted class, and every class probability.

    How an API answered stands between the metadata and the true class. A case without an answer has no predicted
    class, and no probabilities. A model that returns labels only has no probabilities at all.
    """
    names = np.array(predictions.classes)
    labels = predicted_classes(predictions.probabilities)
    shown = np.full_like(predictions.probabilities, np.nan) if predictions.labels_only else predictions.probabilities
    fixed = (*FIXED_COLUMNS, *ANSWER_COLUMNS)
    return pd.DataFrame(
        {
            "case_id": predictions.case_ids,
            "group_id": predictions.group_ids,
            **{name: values for name, values in predictions.metadata.items() if name not in fixed},
            **predictions.answers,
            "target": names[predictions.targets],
            "predicted": [None if label == NO_ANSWER else names[label] for label in labels],
            **{f"{PROBABILITY_PREFIX}{name}": shown[:, column] for column, name in enumerate(predictions.classes)},
        }
    )


def predictions_to_preview(predictions: Predictions) -> pd.DataFrame:
    """One row per case for ``mlflow ui``, at most 1,000, and fewer with more than about 140 classes.

    Cases without an answer come first, then the lowest probabilities of the true class.
    """
    table = predictions_to_table(predictions)
    probabilities = [f"{PROBABILITY_PREFIX}{name}" for name in predictions.classes]
    truth_got = predictions.probabilities[np.arange(len(table)), predictions.targets].round(4)
    added = {
        "correct": table["target"] == table["predicted"],
        "truth_got": np.nan if predictions.labels_only else truth_got,
    }
    kept = table[[name for name in table.columns if name not in probabilities]]
    # In one step: pandas warns of every column that is added to a table with many.
    table = pd.concat([kept.assign(**added), table[probabilities].round(4)], axis=1)
    first = ["case_id", "target", "predicted", "correct", "truth_got", *probabilities]
    table = table[[*first, *(name for name in table.columns if name not in first)]]
    order = np.argsort(np.nan_to_num(truth_got, nan=-1.0), kind="stable")  # no answer first
    return table.iloc[order].head(min(MAX_PREVIEW_ROWS, MAX_PREVIEW_CELLS // len(table.columns)))


def predictions_from_table(table: pd.DataFrame) -> Predictions:
    """Invert ``predictions_to_table``; TrackingError if columns are missing."""
    names = list(table.columns)
    absent = [name for name in FIXED_COLUMNS if name not in names]
    columns = [] if absent else names[names.index("predicted") + 1 :]  # metadata comes before
    if absent or not columns:
        raise TrackingError(
            f"A stored table of predictions lacks {', '.join(absent) or 'its probabilities'}.",
            fix="delete the run in MLflow and run the sweep again.",
        )
    classes = tuple(name.removeprefix(PROBABILITY_PREFIX) for name in columns)
    codes = {name: code for code, name in enumerate(classes)}
    probabilities = table[columns].to_numpy(dtype=np.float64)
    labels_only = bool(np.isnan(probabilities).all() and table["predicted"].notna().any())
    if labels_only:
        probabilities = one_hot(np.array([codes.get(name, NO_ANSWER) for name in table["predicted"]]), len(classes))
    metadata_columns = [name for name in names if name not in (*FIXED_COLUMNS, *ANSWER_COLUMNS, *columns)]
    return Predictions(
        classes=classes,
        case_ids=tuple(table["case_id"].tolist()),
        group_ids=tuple(table["group_id"].tolist()),
        targets=np.array([codes[name] for name in table["target"].tolist()], dtype=np.int64),
        probabilities=probabilities,
        metadata={name: tuple(table[name].tolist()) for name in metadata_columns},
        answers={name: _read_answers(table[name]) for name in ANSWER_COLUMNS if name in names},
        labels_only=labels_only,
    )


def one_hot(labels: Labels, classes: int) -> Probabilities:
    """Rows with 1 at a label and 0 elsewhere, for ``Predictions.labels_only``; NaN where a label is -1.

    Args:
        labels: Shape (n,).
        classes: Number of classes.
    """
    rows = np.zeros((labels.size, classes))
    rows[np.arange(labels.size), labels] = 1.0
    rows[labels == NO_ANSWER] = np.nan
    return rows


def _read_answers(column: "pd.Series[Any]") -> tuple[Any, ...]:
    """The values of a column, None where it has none."""
    return tuple(None if missing else value for value, missing in zip(column, column.isna(), strict=True))
