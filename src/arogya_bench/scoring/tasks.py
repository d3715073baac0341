"""What differs between tasks: the metrics, what decides, how predictions are resampled and kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from arogya_bench.metrics import classification, detection
from arogya_bench.metrics import plugins as added
from arogya_bench.metrics.catalogue import Metric
from arogya_bench.metrics.classification import MetricScores
from arogya_bench.metrics.detection import BoxMetric
from arogya_bench.metrics.detection_replicates import box_replicates
from arogya_bench.metrics.plugins import PluginMetric
from arogya_bench.metrics.replicates import Replicates, Resamples, replicates
from arogya_bench.scoring import box_table as box_tables
from arogya_bench.scoring import label_table as tables
from arogya_bench.types import BoxPredictions, Predictions


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is asked of a model.

    Attributes:
        metrics: By name.
        interval_metrics: Those that every run and every leaderboard gives an interval; a comparison by
            another one adds that.
        default_metric: The metric that decides where nobody names one.
        secondary_metrics: What a leaderboard shows beside it.
        version: Of the metrics; it rises with every change of a number.
    """

    name: str
    metrics: Mapping[str, Metric | BoxMetric | PluginMetric]
    interval_metrics: tuple[str, ...]
    default_metric: str
    secondary_metrics: tuple[str, ...]
    version: object

    @property
    def plugin_metrics(self) -> tuple[PluginMetric, ...]:
        """The metrics of other packages among them."""
        return tuple(each for each in self.metrics.values() if isinstance(each, PluginMetric))

    def with_metrics(self, metrics: Iterable[PluginMetric]) -> "Task":
        """The same task, with metrics of other packages."""
        return replace(self, metrics={**self.metrics, **{each.name: each for each in metrics}})


TASKS = {
    "classification": Task(
        name="classification",
        metrics=classification.METRICS | classification.TWO_CLASS_METRICS,
        interval_metrics=classification.INTERVAL_METRICS,
        default_metric="f1_macro",
        secondary_metrics=("balanced_accuracy", "auroc_macro_ovr", "ece"),
        version=classification.METRICS_VERSION,
    ),
    "detection": Task(
        name="detection",
        metrics=detection.METRICS,
        interval_metrics=tuple(detection.METRICS),
        default_metric="mAP50_95",
        secondary_metrics=("precision", "recall", "mAP50", "f1"),
        version=detection.DETECTION_METRICS_VERSION,
    ),
}


def get_task(predictions: Predictions | BoxPredictions) -> Task:
    """What was asked of the model that made them."""
    return TASKS["detection" if isinstance(predictions, BoxPredictions) else "classification"]


def evaluate(
    predictions: Predictions | BoxPredictions, plugin_metrics: Sequence[PluginMetric] = ()
) -> MetricScores:
    """Every metric of the task, and others, with reasons for those that do not exist."""
    if isinstance(predictions, BoxPredictions):
        return detection.score_with_reasons(predictions, threshold=predictions.threshold)
    targets, table = predictions.targets, predictions.probabilities
    found = classification.score_with_reasons(targets, table, classes=predictions.classes)
    more = added.score_with_reasons(plugin_metrics, targets, table)
    return replace(
        found, values=found.values | more.values, undefined=found.undefined | more.undefined
    )


def bootstrap(
    predictions: Predictions | BoxPredictions,
    draws: Resamples,
    names: Iterable[str] | None = None,
    plugin_metrics: Sequence[PluginMetric] = (),
) -> Replicates:
    """The metrics of the task on every resample, and others; None asks for all of ours."""
    if isinstance(predictions, BoxPredictions):
        return box_replicates(
            predictions, threshold=predictions.threshold, draws=draws, names=names
        )
    targets, table = predictions.targets, predictions.probabilities
    found = replicates(targets, table, draws=draws, classes=predictions.classes, names=names)
    more = added.replicates(plugin_metrics, targets, table, draws=draws)
    return replace(
        found,
        estimates=found.estimates | more.estimates,
        values=found.values | more.values,
        jackknife=found.jackknife | more.jackknife,
    )


def to_table(predictions: Predictions | BoxPredictions) -> pd.DataFrame:
    """Predictions as the table that a run keeps."""
    if isinstance(predictions, BoxPredictions):
        return box_tables.boxes_to_table(predictions)
    return tables.predictions_to_table(predictions)


def to_preview(predictions: Predictions | BoxPredictions) -> pd.DataFrame:
    """The table for ``mlflow ui``: the most wrong cases first, at most 1,000."""
    if isinstance(predictions, BoxPredictions):
        return box_tables.boxes_to_preview(predictions)
    return tables.predictions_to_preview(predictions)


def from_table(table: pd.DataFrame) -> Predictions | BoxPredictions:
    """Read back what ``to_table`` made.

    Raises:
        TrackingError: If it is not such a table.
    """
    if box_tables.is_box_table(table):
        return box_tables.boxes_from_table(table)
    return tables.predictions_from_table(table)
