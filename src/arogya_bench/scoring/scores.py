"""Predictions judged: every metric with its interval, per class, and drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from arogya_bench.figures import evaluation as draw
from arogya_bench.metrics.detection_operating import per_class_boxes
from arogya_bench.metrics.outcomes import predicted_classes
from arogya_bench.metrics.per_class import per_class
from arogya_bench.metrics.plugins import AddedMetric
from arogya_bench.scoring import tasks
from arogya_bench.statistics.intervals import BootstrapInterval, interval
from arogya_bench.statistics.resampling import Draws, draws
from arogya_bench.types import BoxPredictions, Predictions


@dataclass(frozen=True, kw_only=True)
class Scores:
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
    draws: str

    def scalars(self) -> dict[str, float]:
        """The numbers for MLflow: each metric, and the ends of its interval if it has any."""
        numbers = {"cases": float(self.cases), "groups": float(self.groups)}
        for name, value in self.values.items():
            ends = self.intervals.get(name)
            numbers[name] = value
            if ends and ends.low is not None and ends.high is not None:
                numbers |= {f"{name}.ci_low": ends.low, f"{name}.ci_high": ends.high}
        return numbers

    def refused(self) -> dict[str, str]:
        """Why a metric that exists has no interval, by name."""
        return {name: each.note for name, each in self.intervals.items() if each.low is None}


def scores(
    predictions: Predictions | BoxPredictions,
    *,
    resamples: int,
    seed: str,
    added: Sequence[AddedMetric] = (),
) -> Scores:
    """Judge predictions with every metric, and resample the groups for intervals.

    Args:
        predictions: Of one condition.
        resamples: Their number.
        seed: Hexadecimal; equal seeds on equal cases draw the same groups for every model.
        added: Metrics of other packages, of labels only.

    Raises:
        MetricError: If one of those breaks its word.
    """
    judged = tasks.assessed(predictions, added)
    drawn = draws_of(predictions, resamples=resamples, seed=seed)
    ours = [name for name in tasks.task_of(predictions).judged if name in judged.values]
    also = [each for each in added if each.name in judged.values]
    again = tasks.resampled(predictions, drawn, ours, also)
    wanted = [*ours, *(each.name for each in also)]
    return Scores(
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
        draws=drawn.digest,
    )


def draws_of(predictions: Predictions | BoxPredictions, *, resamples: int, seed: str) -> Draws:
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
    return tasks.assessed(predictions).values


def per_class_table(predictions: Predictions | BoxPredictions) -> pd.DataFrame:
    """One row per class: what it holds, and every metric that looks at one class."""
    if isinstance(predictions, BoxPredictions):
        return pd.DataFrame(per_class_boxes(predictions, threshold=predictions.threshold))
    rows = per_class(predictions.targets, predictions.probabilities, classes=predictions.classes)
    return pd.DataFrame(rows)


def figures(predictions: Predictions) -> dict[str, str]:
    """Confusion matrix, ROC and reliability, as SVG by name."""
    targets, probabilities = predictions.targets, predictions.probabilities
    size = len(predictions.classes)
    counts = np.zeros((size, size), dtype=np.int64)
    predicted = predicted_classes(probabilities)
    np.add.at(counts, (targets, predicted), 1)
    correct = predicted == targets
    return {
        "confusion_matrix": draw.svg(draw.confusion_matrix(counts, predictions.classes)),
        "roc": draw.svg(draw.roc(targets, probabilities, predictions.classes)),
        "reliability": draw.svg(draw.reliability(probabilities.max(axis=1), correct)),
    }
