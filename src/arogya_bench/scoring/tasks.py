"""The tasks by name: a new task is one more module, and one more entry here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from arogya_bench.metrics.plugins import PluginMetric
from arogya_bench.metrics.replicates import Replicates, Resamples
from arogya_bench.scoring.classification import CLASSIFICATION
from arogya_bench.scoring.detection import DETECTION
from arogya_bench.scoring.task import AnyPredictions, Task

TASKS: Mapping[str, Task[Any]] = {task.name: task for task in (CLASSIFICATION, DETECTION)}


def get_task(predictions: AnyPredictions) -> Task[Any]:
    """The task that predictions belong to."""
    return TASKS[predictions.task]


def bootstrap(
    predictions: AnyPredictions,
    draws: Resamples,
    names: Iterable[str] | None = None,
    plugin_metrics: Sequence[PluginMetric] = (),
) -> Replicates:
    """Compute metrics on every resample; ``names`` None means all built-in metrics."""
    return get_task(predictions).bootstrap(predictions, draws, names, plugin_metrics)


def from_table(table: pd.DataFrame) -> AnyPredictions:
    """Read the predictions of any task from the table that a run stores.

    A table that no other task recognises is one of labels.

    Raises:
        TrackingError: If the table is damaged.
    """
    task = next((task for task in TASKS.values() if task.recognises(table)), CLASSIFICATION)
    predictions: AnyPredictions = task.from_table(table)
    return predictions
