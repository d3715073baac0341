"""The tasks by name: a new task is one more module, and one more entry here."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from arogya_bench.scoring.classification import CLASSIFICATION
from arogya_bench.scoring.detection import DETECTION
from arogya_bench.scoring.task import AnyPredictions, Task

TASKS: Mapping[str, Task[Any]] = {task.name: task for task in (CLASSIFICATION, DETECTION)}


def get_task(predictions: AnyPredictions) -> Task[Any]:
    """The task that predictions belong to."""
    return TASKS[predictions.task]


def correct_cases(predictions: AnyPredictions) -> NDArray[np.bool_] | None:
    """Whether each case was predicted correctly, shape (n,); None if cases are not so scored."""
    return get_task(predictions).correct_cases(predictions)


def from_table(table: pd.DataFrame) -> AnyPredictions:
    """Read the predictions of any task from the table that a run stores; TrackingError if it is damaged."""
    # A table that no other task recognises is one of labels.
    task = next((task for task in TASKS.values() if task.recognises(table)), CLASSIFICATION)
    predictions: AnyPredictions = task.from_table(table)
    return predictions
