"""What differs between tasks: the metrics, what decides, how predictions are resampled and kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from arogya_bench import box_tables, tables
from arogya_bench.metrics import classification, detection
from arogya_bench.metrics.catalogue import Metric
from arogya_bench.metrics.classification import Scores
from arogya_bench.metrics.detection import BoxMetric
from arogya_bench.metrics.detection_replicates import box_replicates
from arogya_bench.metrics.replicates import Replicates, Resamples, replicates
from arogya_bench.types import BoxPredictions, Predictions


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is asked of a model.

    Attributes:
        metrics: By name.
        judged: Those that every run and every leaderboard gives an interval; a comparison by
            another one adds that.
        headline: The metric that decides where nobody names one.
        shown: What a leaderboard shows beside it.
        version: Of the metrics; it rises with every change of a number.
    """

    name: str
    metrics: Mapping[str, Metric] | Mapping[str, BoxMetric]
    judged: tuple[str, ...]
    headline: str
    shown: tuple[str, ...]
    version: object


TASKS = {
    "classification": Task(
        name="classification",
        metrics=classification.METRICS | classification.TWO_CLASS_METRICS,
        judged=classification.JUDGED,
        headline="f1_macro",
        shown=("balanced_accuracy", "auroc_macro_ovr", "ece"),
        version=classification.METRICS_VERSION,
    ),
    "detection": Task(
        name="detection",
        metrics=detection.METRICS,
        judged=tuple(detection.METRICS),
        headline="mAP50_95",
        shown=("precision", "recall", "mAP50", "f1"),
        version=detection.DETECTION_METRICS_VERSION,
    ),
}


def task_of(predictions: Predictions | BoxPredictions) -> Task:
    """What was asked of the model that made them."""
    return TASKS["detection" if isinstance(predictions, BoxPredictions) else "classification"]


def assessed(predictions: Predictions | BoxPredictions) -> Scores:
    """Every metric of the task, with reasons for those that do not exist."""
    if isinstance(predictions, BoxPredictions):
        return detection.assess(predictions, threshold=predictions.threshold)
    return classification.assess(
        predictions.targets, predictions.probabilities, classes=predictions.classes
    )


def resampled(
    predictions: Predictions | BoxPredictions, draws: Resamples, names: Iterable[str] | None = None
) -> Replicates:
    """The metrics of the task on every resample; None asks for all of them."""
    if isinstance(predictions, BoxPredictions):
        return box_replicates(
            predictions, threshold=predictions.threshold, draws=draws, names=names
        )
    return replicates(
        predictions.targets,
        predictions.probabilities,
        draws=draws,
        classes=predictions.classes,
        names=names,
    )


def kept(predictions: Predictions | BoxPredictions) -> pd.DataFrame:
    """Predictions as the table that a run keeps."""
    if isinstance(predictions, BoxPredictions):
        return box_tables.boxes_table(predictions)
    return tables.predictions_table(predictions)


def shown(predictions: Predictions | BoxPredictions) -> pd.DataFrame:
    """The table for ``mlflow ui``: the most wrong cases first, at most 1,000."""
    if isinstance(predictions, BoxPredictions):
        return box_tables.boxes_view(predictions)
    return tables.predictions_view(predictions)


def read(table: pd.DataFrame) -> Predictions | BoxPredictions:
    """Read back what ``kept`` made.

    Raises:
        TrackingError: If it is not such a table.
    """
    if box_tables.holds_boxes(table):
        return box_tables.boxes_from(table)
    return tables.predictions_from(table)
