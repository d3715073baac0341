"""Classification: one label per image, predicted as a row of class probabilities."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.errors import ModelError
from arogya_bench.metrics import plugins
from arogya_bench.metrics.classification import (
    INTERVAL_METRICS,
    METRICS,
    METRICS_VERSION,
    TWO_CLASS_METRICS,
    MetricScores,
    score_with_reasons,
)
from arogya_bench.metrics.outcomes import Outcomes, check_outcomes, predicted_classes
from arogya_bench.metrics.per_class import f1_slopes, per_class
from arogya_bench.metrics.plugins import PluginMetric
from arogya_bench.metrics.replicates import Replicates, Resamples, paired_replicates, replicates
from arogya_bench.metrics.tally import sum_by_group
from arogya_bench.scoring.label_table import predictions_from_table, predictions_to_preview, predictions_to_table
from arogya_bench.scoring.task import Task, case_columns
from arogya_bench.types import Case, Floats, Image, Labels, Predictions, Probabilities, Subset

SUM_TOLERANCE = 1e-3  # of a row of probabilities; a larger error is a fault of the model
NO_PROBABILITIES = "no class probabilities"


@dataclass(frozen=True, kw_only=True)
class Classification(Task[Predictions]):
    """Every case has one of the classes."""

    def truth(self, case: Case, image: Image, condition: Condition) -> int:
        """The class of the case, which no condition changes."""
        del image, condition
        return cast("int", case.target)

    def check_outputs(self, outputs: object, count: int, classes: Sequence[str]) -> Sequence[Floats]:
        """Check rows of probabilities, and scale each to sum to 1 exactly."""
        return list(_check_probabilities(outputs, count, len(classes)))

    def build_predictions(self, cases: Subset, truth: Sequence[int], outputs: Sequence[Floats]) -> Predictions:
        """Join the classes and the probabilities of all cases."""
        return Predictions(
            classes=cases.classes,
            targets=np.array(truth, dtype=np.int64),
            probabilities=np.array(outputs),
            **case_columns(cases),
        )

    def score(self, predictions: Predictions, plugin_metrics: Sequence[PluginMetric] = ()) -> MetricScores:
        """Compute every metric, with the reasons of those that are undefined."""
        targets, probabilities = predictions.targets, predictions.probabilities
        if predictions.labels_only:
            return _score_labels(predictions, plugin_metrics)
        builtin = score_with_reasons(targets, probabilities, classes=predictions.classes)
        added = plugins.score_with_reasons(plugin_metrics, targets, probabilities)
        return replace(builtin, values=builtin.values | added.values, undefined=builtin.undefined | added.undefined)

    def bootstrap(
        self,
        predictions: Predictions,
        draws: Resamples,
        names: Iterable[str] | None = None,
        plugin_metrics: Sequence[PluginMetric] = (),
        *,
        true_classes_only: bool = False,
    ) -> Replicates:
        """Compute metrics on every resample."""
        targets, probabilities = predictions.targets, predictions.probabilities
        builtin = replicates(
            targets,
            probabilities,
            draws=draws,
            classes=predictions.classes,
            names=names,
            true_classes_only=true_classes_only,
        )
        return _with_plugin_metrics(builtin, plugin_metrics, predictions, draws)

    def bootstrap_models(
        self,
        models: Mapping[str, Predictions],
        draws: Resamples,
        names: Sequence[str],
        plugin_metrics: Sequence[PluginMetric] = (),
    ) -> dict[str, Replicates]:
        """Compute metrics of several models on every resample, all of them at once."""
        if not models:
            return {}
        first = next(iter(models.values()))
        tables = {model: predictions.probabilities for model, predictions in models.items()}
        builtin = paired_replicates(
            first.targets, tables, draws=draws, classes=first.classes, names=names, true_classes_only=True
        )
        return {
            model: _with_plugin_metrics(builtin[model], plugin_metrics, predictions, draws)
            for model, predictions in models.items()
        }

    def strata(self, predictions: Predictions) -> Labels:
        """The classes."""
        return predictions.targets

    def class_weights(self, predictions: Predictions, metric: str) -> Floats | None:
        """Of F1, in which false positives lower the weight of a rare class; None for other metrics.

        Wrong answers about a class lower its own F1 and, as false positives, that of the others.
        """
        if metric not in ("f1_macro", "f1"):
            return None
        cases = check_outcomes(predictions.targets, predictions.probabilities, classes=predictions.classes)
        tally = sum_by_group(cases).total()
        rise, fall = f1_slopes(tally)
        if metric == "f1":
            return np.array([fall[1] * tally.support[0], rise[1]])
        of_others = (fall.sum() - fall) * tally.support / (fall.size - 1)
        weights: Floats = (rise + of_others) / max(1, int((tally.support > 0).sum()))
        return weights

    def correct_cases(self, predictions: Predictions) -> NDArray[np.bool_]:
        """Whether the most probable class of each case is its true one, shape (n,)."""
        correct: NDArray[np.bool_] = predicted_classes(predictions.probabilities) == predictions.targets
        return correct

    def same_truth(self, one: Predictions, other: Predictions) -> bool:
        """Whether the labels are equal."""
        return np.array_equal(one.targets, other.targets)

    def to_table(self, predictions: Predictions) -> pd.DataFrame:
        """One row per case, with every class probability."""
        return predictions_to_table(predictions)

    def to_preview(self, predictions: Predictions) -> pd.DataFrame:
        """The cases with the lowest probability of their true class first."""
        return predictions_to_preview(predictions)

    def from_table(self, table: pd.DataFrame) -> Predictions:
        """Read back what ``to_table`` built."""
        return predictions_from_table(table)

    def per_class_table(self, predictions: Predictions) -> pd.DataFrame:
        """One row per class: its size, and every metric of a single class."""
        if predictions.labels_only:
            labels = predicted_classes(predictions.probabilities)
            return pd.DataFrame(per_class(predictions.targets, predicted=labels, classes=predictions.classes))
        return pd.DataFrame(per_class(predictions.targets, predictions.probabilities, classes=predictions.classes))


CLASSIFICATION = Classification(
    name="classification",
    metrics=METRICS | TWO_CLASS_METRICS,
    interval_metrics=INTERVAL_METRICS,
    default_metric="f1_macro",
    secondary_metrics=("balanced_accuracy", "auroc_macro_ovr", "ece"),
    version=METRICS_VERSION,
    accepts_plugin_metrics=True,
)


def check_predictions(predictions: Predictions, part: NDArray[np.bool_] | None = None) -> Outcomes:
    """Validate predictions for metrics; without probabilities where the model states labels only.

    Args:
        predictions: Of one seed.
        part: Shape (n,), the cases to keep; None for all.
    """
    rows = np.ones(predictions.targets.size, dtype=bool) if part is None else part
    table = predictions.probabilities[rows]
    labels = predicted_classes(table) if predictions.labels_only else None
    return check_outcomes(
        predictions.targets[rows], None if predictions.labels_only else table, labels, classes=predictions.classes
    )


def _score_labels(predictions: Predictions, plugin_metrics: Sequence[PluginMetric]) -> MetricScores:
    """Compute the metrics of labels; those of probabilities, and of other packages, are undefined."""
    labels = predicted_classes(predictions.probabilities)
    scores = score_with_reasons(predictions.targets, predicted=labels, classes=predictions.classes)
    return replace(scores, undefined=scores.undefined | {metric.name: NO_PROBABILITIES for metric in plugin_metrics})


def _without_probabilistic(replicates: Replicates) -> Replicates:
    """Undefine the metrics that need probabilities, and those of other packages, of which it is not known."""
    defined = {name for name, metric in (METRICS | TWO_CLASS_METRICS).items() if not metric.probabilistic}

    def undefine(values: Mapping[str, Floats]) -> dict[str, Floats]:
        return {name: array if name in defined else np.full_like(array, np.nan) for name, array in values.items()}

    return replace(
        replicates,
        estimates={name: value if name in defined else np.nan for name, value in replicates.estimates.items()},
        values=undefine(replicates.values),
        jackknife=undefine(replicates.jackknife),
    )


def _with_plugin_metrics(
    builtin: Replicates, plugin_metrics: Sequence[PluginMetric], predictions: Predictions, draws: Resamples
) -> Replicates:
    added = plugins.replicates(plugin_metrics, predictions.targets, predictions.probabilities, draws=draws)
    joined = replace(
        builtin,
        estimates=builtin.estimates | added.estimates,
        values=builtin.values | added.values,
        jackknife=builtin.jackknife | added.jackknife,
    )
    return _without_probabilistic(joined) if predictions.labels_only else joined


def _check_probabilities(outputs: object, count: int, classes: int) -> Probabilities:
    try:
        table = np.asarray(outputs, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _output_error("something that is not a table of numbers") from error
    if table.shape != (count, classes):
        raise _output_error(f"shape {table.shape} for {count} images and {classes} classes")
    if not np.isfinite(table).all():
        raise _output_error("values that are not finite")
    if table.min() < -SUM_TOLERANCE:
        raise _output_error(f"rows that are not probabilities (one holds {table.min():.4f})")
    sums = table.sum(axis=1)
    worst = sums[abs(sums - 1).argmax()]
    if abs(worst - 1) > SUM_TOLERANCE:
        raise _output_error(f"rows that are not probabilities (one sums to {worst:.4f})")
    clipped = table.clip(min=0)
    normalised: Probabilities = clipped / clipped.sum(axis=1, keepdims=True)
    return normalised


def _output_error(problem: str) -> ModelError:
    return ModelError(
        f"The model returned {problem}.", fix="return one row of class probabilities per image, in class order."
    )
