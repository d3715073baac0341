"""The metrics of one evaluation, with bootstrap intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arogya_bench.metrics.plugins import PluginMetric
from arogya_bench.scoring.task import AnyPredictions
from arogya_bench.scoring.tasks import get_task
from arogya_bench.statistics.intervals import BootstrapInterval, interval
from arogya_bench.statistics.resampling import Draws, draws


@dataclass(frozen=True, kw_only=True)
class EvaluationScores:
    """Every metric of one evaluation, with 95 % intervals.

    Attributes:
        values: The defined metrics, by name.
        intervals: From resampled groups, by name, for the interval metrics of the task.
        undefined: Why the other metrics are undefined, by name.
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
        """The numbers for MLflow: each metric, and the ends of its interval if it has one."""
        numbers = {"cases": float(self.cases), "groups": float(self.groups)}
        for name, value in self.values.items():
            bounds = self.intervals.get(name)
            numbers[name] = value
            if bounds and bounds.low is not None and bounds.high is not None:
                numbers |= {f"{name}.ci_low": bounds.low, f"{name}.ci_high": bounds.high}
        return numbers

    def missing_intervals(self) -> dict[str, str]:
        """Why a defined metric has no interval, by name."""
        return {name: bounds.note for name, bounds in self.intervals.items() if bounds.low is None}


def compute_scores(
    predictions: AnyPredictions, *, resamples: int, seed: str, plugin_metrics: Sequence[PluginMetric] = ()
) -> EvaluationScores:
    """Compute every metric, and resample the groups for intervals.

    Args:
        predictions: Of one condition.
        resamples: Number of bootstrap resamples.
        seed: Hexadecimal; equal seeds on equal cases draw the same groups for every model.
        plugin_metrics: Metrics of other packages, for classification only.

    Raises:
        MetricError: If one of those fails, or returns a value out of its declared range.
    """
    task = get_task(predictions)
    scores = task.score(predictions, plugin_metrics)
    resampling = draw_resamples(predictions, resamples=resamples, seed=seed)
    builtin = [name for name in task.interval_metrics if name in scores.values]
    added = [metric for metric in plugin_metrics if metric.name in scores.values]
    replicates = task.bootstrap(predictions, resampling, builtin, added)
    intervals = {
        name: interval(scores.values[name], replicates.values[name], replicates.jackknife[name], draws=resampling)
        for name in (*builtin, *(metric.name for metric in added))
    }
    return EvaluationScores(
        values=scores.values,
        intervals=intervals,
        undefined=scores.undefined,
        flags=scores.flags,
        cases=resampling.n,
        groups=resampling.groups,
        resampling_digest=resampling.digest,
    )


def draw_resamples(predictions: AnyPredictions, *, resamples: int, seed: str) -> Draws:
    """Draw groups with replacement, the same for every model on these cases."""
    return draws(
        len(predictions.case_ids),
        rng=np.random.default_rng(int(seed, 16)),
        resamples=resamples,
        groups=np.array(predictions.group_ids),
        strata=get_task(predictions).strata(predictions),
    )


def point_scores(predictions: AnyPredictions) -> dict[str, float]:
    """The defined metrics, without intervals."""
    return dict(get_task(predictions).score(predictions).values)
