"""The interface of a task: the check of what a model returns, metrics, resampling and tables."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Self, TypeAlias, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.metrics.catalogue import Metric
from arogya_bench.metrics.classification import MetricScores
from arogya_bench.metrics.detection import BoxMetric
from arogya_bench.metrics.plugins import PluginMetric
from arogya_bench.metrics.replicates import Replicates, Resamples
from arogya_bench.types import BoxPredictions, Case, Dataset, Floats, Image, Labels, Predictions, Subset

AnyPredictions: TypeAlias = Predictions | BoxPredictions
PredictionsT = TypeVar("PredictionsT")


@dataclass(frozen=True, kw_only=True)
class Task(ABC, Generic[PredictionsT]):
    """Everything that depends on what a dataset asks for; one subclass and module per task.

    Attributes:
        interval_metrics: Those that every run and every leaderboard gives an interval; comparing
            by another metric adds that one.
        default_metric: The primary metric where the user names none.
        secondary_metrics: Shown beside it on a leaderboard.
        version: Of the metrics; raised with every change of a number.
    """

    name: str
    metrics: Mapping[str, Metric | BoxMetric | PluginMetric]
    interval_metrics: tuple[str, ...]
    default_metric: str
    secondary_metrics: tuple[str, ...]
    version: object
    accepts_plugin_metrics: bool = False

    @property
    def plugin_metrics(self) -> tuple[PluginMetric, ...]:
        """The metrics of other packages."""
        return tuple(metric for metric in self.metrics.values() if isinstance(metric, PluginMetric))

    def with_metrics(self, metrics: Iterable[PluginMetric]) -> Self:
        """The same task with metrics of other packages, if it accepts any."""
        if not self.accepts_plugin_metrics:
            return self
        return replace(self, metrics={**self.metrics, **{added.name: added for added in metrics}})

    def with_plugins_among(self, names: Collection[str]) -> Self:
        """The same task without the metrics of other packages that are not named."""
        unused = {metric.name for metric in self.plugin_metrics} - set(names)
        return replace(self, metrics={name: metric for name, metric in self.metrics.items() if name not in unused})

    def check_model(self, model_name: str, model_task: str, dataset: Dataset) -> None:
        """Raise ModelError if the outputs of a model cannot be evaluated on a dataset of this task."""

    def check_metrics(self, metrics: Sequence[PluginMetric], dataset: Dataset) -> None:
        """Raise ConfigError if metrics of other packages cannot be computed on a dataset of this task."""

    def check_training_data(self, model_name: str, dataset: Dataset) -> None:
        """Raise ModelError if a dataset lacks what a model of this task learns from."""

    def check_calibration(self, calibration: str, model_name: str) -> None:
        """Raise ConfigError if the outputs of a model of this task cannot be calibrated."""

    def cell_key_fields(self, condition: Condition) -> dict[str, object]:
        """What determines the numbers of models of this task alone, for the key of a cell."""
        del condition
        return {}

    @abstractmethod
    def truth(self, case: Case, image: Image, condition: Condition) -> Any:
        """The truth of one case under a condition; ``image`` is the one before it."""

    @abstractmethod
    def check_outputs(self, outputs: object, count: int, classes: Sequence[str]) -> Sequence[Any]:
        """Check what a model returned for ``count`` images, one output each; ModelError if it is anything else."""

    @abstractmethod
    def build_predictions(self, cases: Subset, truth: Sequence[Any], outputs: Sequence[Any]) -> PredictionsT:
        """Join the truth and the checked outputs of all cases."""

    def choose_threshold(self, validation: PredictionsT) -> PredictionsT:
        """Fix on the validation split what the metrics need a threshold for."""
        return validation

    @abstractmethod
    def score(self, predictions: PredictionsT, plugin_metrics: Sequence[PluginMetric] = ()) -> MetricScores:
        """Compute every metric, with the reasons of those that are undefined."""

    @abstractmethod
    def bootstrap(
        self,
        predictions: PredictionsT,
        draws: Resamples,
        names: Iterable[str] | None = None,
        plugin_metrics: Sequence[PluginMetric] = (),
        *,
        true_classes_only: bool = False,
    ) -> Replicates:
        """Compute metrics on every resample.

        Args:
            predictions: Of one condition.
            draws: Which groups enter each resample.
            names: Built-in metrics; all if None.
            plugin_metrics: Metrics of other packages.
            true_classes_only: Whether macro averages run over the classes in the truth only, which
                every model shares, as comparisons need.
        """

    def bootstrap_models(
        self,
        models: Mapping[str, PredictionsT],
        draws: Resamples,
        names: Sequence[str],
        plugin_metrics: Sequence[PluginMetric] = (),
    ) -> dict[str, Replicates]:
        """Compute metrics of several models on every resample of the cases that they share.

        Macro averages run over the classes in the truth only. By model, the result of ``bootstrap``.
        """
        return {
            model: self.bootstrap(predictions, draws, names, plugin_metrics, true_classes_only=True)
            for model, predictions in models.items()
        }

    def strata(self, predictions: PredictionsT) -> Labels | None:
        """The class of each case, shape (n,); None if a case has no single class."""
        del predictions
        return None

    def class_weights(self, predictions: PredictionsT, metric: str) -> Floats | None:
        """How much a metric rises from the worst to the best answers about each class, shape (K,).

        None for equal weights.
        """
        del predictions, metric
        return None

    def correct_cases(self, predictions: PredictionsT) -> NDArray[np.bool_] | None:
        """Whether each case was predicted correctly, shape (n,); None if cases are not so scored."""
        del predictions
        return None

    def same_truth(self, one: PredictionsT, other: PredictionsT) -> bool:
        """Whether two predictions of the same cases hold the same truth."""
        del one, other
        return True

    @abstractmethod
    def to_table(self, predictions: PredictionsT) -> pd.DataFrame:
        """The table that a run stores."""

    @abstractmethod
    def to_preview(self, predictions: PredictionsT) -> pd.DataFrame:
        """The table that ``mlflow ui`` shows: the worst cases first, at most 1,000."""

    @abstractmethod
    def from_table(self, table: pd.DataFrame) -> PredictionsT:
        """Read back what ``to_table`` built; TrackingError if the table is damaged."""

    def recognises(self, table: pd.DataFrame) -> bool:
        """Whether a stored table is one of this task."""
        del table
        return False

    @abstractmethod
    def per_class_table(self, predictions: PredictionsT) -> pd.DataFrame:
        """One row per class: its size, and every metric of a single class."""


def case_columns(cases: Subset) -> Mapping[str, Any]:
    """The ids and the metadata of cases, as fields of their predictions."""
    columns = list(cases.cases[0].metadata) if cases.cases else []
    return {
        "case_ids": tuple(case.case_id for case in cases.cases),
        "group_ids": tuple(case.group_id for case in cases.cases),
        "metadata": {name: tuple(case.metadata[name] for case in cases.cases) for name in columns},
    }
