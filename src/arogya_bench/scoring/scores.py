"""Predictions judged: every metric with its interval, per class, and drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from arogya_bench.figures import evaluation as draw
from arogya_bench.metrics.detection_operating import per_class_boxes
from arogya_bench.metrics.outcomes import predicted_classes
from arogya_bench.metrics.per_class import per_class
from arogya_bench.metrics.plugins import PluginMetric
from arogya_bench.scoring import tasks
from arogya_bench.statistics.intervals import BootstrapInterval, interval
from arogya_bench.statistics.resampling import Draws, draws
from arogya_bench.types import BoxPredictions, Predictions


@dataclass(frozen=True, kw_only=True)
class EvaluationScores:
    """Every metric of one evaluation, with 95 % intervals.

    Attributes:
        values: The metrics that exist, by name.
        intervals: From resampled groups, by name; of those that the task judges by.
        undefined: Why the others do not exist, by name.
        flags: What a reader of a value should know, by name.
    """

    values: Mapping[str, float]
    intervals: Mapping[str, BootstrapInterval]
    undefined: Mapping[str, str]
    flags: Mapping[str, str]
    cases: int
    groups: int
    resampling_digest: str

    def scalars(self) -> dict[str, float]:
        """The numbers for MLflow: each metric, and the ends of its interval if it has any."""
        numbers = {"cases": float(self.cases), "groups": float(self.groups)}
        for name, value in self.values.items():
            ends = self.intervals.get(name)
            numbers[name] = value
            if ends and ends.low is not None and ends.high is not None:
                numbers |= {f"{name}.ci_low": ends.low, f"{name}.ci_high": ends.high}
        return numbers

    def missing_intervals(self) -> dict[str, str]:
        """Why a metric that exists has no interval, by name."""
        return {name: each.note for name, each in self.intervals.items() if each.low is None}


def compute_scores(
    predictions: Predictions | BoxPredictions,
    *,
    resamples: int,
    seed: str,
    plugin_metrics: Sequence[PluginMetric] = (),
) -> EvaluationScores:
    """Judge predictions with every metric, and resample the groups for intervals.

    Args:
        predictions: Of one condition.
        resamples: Their number.
        seed: Hexadecimal; equal seeds on equal cases draw the same groups for every model.
        plugin_metrics: Metrics of other packages, of labels only.

    Raises:
        MetricError: If one of those breaks its word.
    """
    judged = tasks.evaluate(predictions, plugin_metrics)
    drawn = draw_resamples(predictions, resamples=resamples, seed=seed)
    ours = [name for name in tasks.get_task(predictions).interval_metrics if name in judged.values]
    also = [each for each in plugin_metrics if each.name in judged.values]
    again = tasks.bootstrap(predictions, drawn, ours, also)
    wanted = [*ours, *(each.name for each in also)]
    return EvaluationScores(
        values=judged.values,
        intervals={
            name: interval(
                judged.values[name], again.values[name], again.jackknife[name], draws=drawn
            )
            for name in wanted
        },
        undefined=judged.undefined,
        flags=judged.flags,
        cases=drawn.n,
        groups=drawn.groups,
        resampling_digest=drawn.digest,
    )


def draw_resamples(
    predictions: Predictions | BoxPredictions, *, resamples: int, seed: str
) -> Draws:
    """The resamples of a test split: groups, the same for every model.

    They are stratified by class where every case has one.
    """
    return draws(
        len(predictions.case_ids),
        rng=np.random.default_rng(int(seed, 16)),
        resamples=resamples,
        groups=np.array(predictions.group_ids),
        strata=predictions.targets if isinstance(predictions, Predictions) else None,
    )


def point_scores(predictions: Predictions | BoxPredictions) -> dict[str, float]:
    """The metrics that exist, without intervals."""
    return tasks.evaluate(predictions).values


def per_class_table(predictions: Predictions | BoxPredictions) -> pd.DataFrame:
    """One row per class: what it holds, and every metric that looks at one class."""
    if isinstance(predictions, BoxPredictions):
        return pd.DataFrame(per_class_boxes(predictions, threshold=predictions.threshold))
    rows = per_class(predictions.targets, predictions.probabilities, classes=predictions.classes)
    return pd.DataFrame(rows)


def render_figures(predictions: Predictions) -> dict[str, str]:
    """Confusion matrix, ROC and reliability, as SVG by name."""
    targets, probabilities = predictions.targets, predictions.probabilities
    size = len(predictions.classes)
    counts = np.zeros((size, size), dtype=np.int64)
    predicted = predicted_classes(probabilities)
    np.add.at(counts, (targets, predicted), 1)
    correct = predicted == targets
    return {
        "confusion_matrix": draw.to_svg(draw.plot_confusion_matrix(counts, predictions.classes)),
        "roc": draw.to_svg(draw.plot_roc(targets, probabilities, predictions.classes)),
        "reliability": draw.to_svg(draw.plot_reliability(probabilities.max(axis=1), correct)),
    }
