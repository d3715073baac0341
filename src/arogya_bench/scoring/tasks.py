"""What differs between tasks: the metrics, what decides, how predictions are resampled and kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from arogya_bench.metrics import classification, detection
from arogya_bench.metrics import plugins as added
from arogya_bench.metrics.catalogue import Metric
from arogya_bench.metrics.classification import Scores
from arogya_bench.metrics.detection import BoxMetric
from arogya_bench.metrics.detection_replicates import box_replicates
from arogya_bench.metrics.plugins import AddedMetric
from arogya_bench.metrics.replicates import Replicates, Resamples, replicates
from arogya_bench.scoring import box_table as box_tables
from arogya_bench.scoring import label_table as tables
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
    metrics: Mapping[str, Metric | BoxMetric | AddedMetric]
    judged: tuple[str, ...]
    headline: str
    shown: tuple[str, ...]
    version: object

    @property
    def added(self) -> tuple[AddedMetric, ...]:
        """The metrics of other packages among them."""
        return tuple(each for each in self.metrics.values() if isinstance(each, AddedMetric))

    def judging_also_by(self, metrics: Iterable[AddedMetric]) -> "Task":
        """The same task, with metrics of other packages."""
        return replace(self, metrics={**self.metrics, **{each.name: each for each in metrics}})


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


def assessed(predictions: Predictions | BoxPredictions, also: Sequence[AddedMetric] = ()) -> Scores:
    """Every metric of the task, and others, with reasons for those that do not exist."""
    if isinstance(predictions, BoxPredictions):
        return detection.assess(predictions, threshold=predictions.threshold)
    targets, table = predictions.targets, predictions.probabilities
    found = classification.assess(targets, table, classes=predictions.classes)
    more = added.assess(also, targets, table)
    return replace(
        found, values=found.values | more.values, undefined=found.undefined | more.undefined
    )


def resampled(
    predictions: Predictions | BoxPredictions,
    draws: Resamples,
    names: Iterable[str] | None = None,
    also: Sequence[AddedMetric] = (),
) -> Replicates:
    """The metrics of the task on every resample, and others; None asks for all of ours."""
    if isinstance(predictions, BoxPredictions):
        return box_replicates(
            predictions, threshold=predictions.threshold, draws=draws, names=names
        )
    targets, table = predictions.targets, predictions.probabilities
    found = replicates(targets, table, draws=draws, classes=predictions.classes, names=names)
    more = added.replicates(also, targets, table, draws=draws)
    return replace(
        found,
        estimates=found.estimates | more.estimates,
        values=found.values | more.values,
        jackknife=found.jackknife | more.jackknife,
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
