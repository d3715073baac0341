"""The metrics of one evaluation, with bootstrap intervals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from arogya_bench.metrics.agreement import GRADED_METRICS
from arogya_bench.metrics.class_order import needs_order
from arogya_bench.metrics.plugins import PluginMetric
from arogya_bench.metrics.replicates import Replicates
from arogya_bench.scoring.task import AnyPredictions, Task
from arogya_bench.scoring.tasks import get_task
from arogya_bench.statistics.intervals import BootstrapInterval, interval
from arogya_bench.statistics.resampling import Draws, draws
from arogya_bench.types import Floats, Labels

NO_GRADES = "nobody said that the classes are grades in this order (dataset.ordinal=true)"
MIN_RESAMPLES = 2  # with one, a metric is known without each group only


@dataclass(frozen=True, kw_only=True)
class EvaluationScores:
    """Every metric of one evaluation, with 95 % intervals.

    Attributes:
        values: The defined metrics, by name.
        intervals: From resampled groups, by name, for the interval metrics of the task.
        undefined: Why the other metrics are undefined, by name.
        flags: What a reader of a value should know, by name.
        resampling_digests: Of the resamples of all groups, and of those within classes if a metric uses them.
    """

    values: Mapping[str, float]
    intervals: Mapping[str, BootstrapInterval]
    undefined: Mapping[str, str]
    flags: Mapping[str, str]
    cases: int
    groups: int
    resampling_digests: tuple[str, ...]

    def without_grades(self, classes: Sequence[str]) -> Self:
        """Leave out the metrics of grades, if the classes are words that nobody put in order.

        Args:
            classes: Names of the classes.
        """
        if not needs_order(classes):
            return self
        return replace(
            self,
            values={name: value for name, value in self.values.items() if name not in GRADED_METRICS},
            undefined={**self.undefined, **dict.fromkeys(GRADED_METRICS.intersection(self.values), NO_GRADES)},
            flags={name: flag for name, flag in self.flags.items() if name not in GRADED_METRICS},
        )

    def scalars(self) -> dict[str, float]:
        """The numbers for MLflow: each metric, and the ends of its interval if it has one."""
        numbers = {"cases": float(self.cases), "groups": float(self.groups)}
        for name, value in self.values.items():
            bounds = self.intervals.get(name)
            numbers[name] = value
            if bounds and bounds.low is not None and bounds.high is not None:
                numbers |= {f"{name}.ci_low": bounds.low, f"{name}.ci_high": bounds.high}
        return numbers

    def describe(self, name: str) -> str:
        """One metric with its interval in words, such as ``f1_macro 0.469 [0.331, 0.623]``."""
        value, bounds = self.values.get(name), self.intervals.get(name)
        if value is None:
            return f"{name} undefined"
        if bounds is None or bounds.low is None or bounds.high is None:
            return f"{name} {value:.3f}"
        return f"{name} {value:.3f} [{bounds.low:.3f}, {bounds.high:.3f}]"

    def table(self) -> pd.DataFrame:
        """One row per metric: value and 95 % bounds, NaN where there is none, and what a reader should know."""
        rows = [
            {
                "metric": name,
                "value": self.values.get(name),
                "ci_low": bounds.low if (bounds := self.intervals.get(name)) else None,
                "ci_high": bounds.high if bounds else None,
                "note": self.undefined.get(name) or self.flags.get(name, ""),
            }
            for name in (*self.values, *self.undefined)
        ]
        columns = {"value": "float64", "ci_low": "float64", "ci_high": "float64"}
        return pd.DataFrame(rows, columns=["metric", *columns, "note"]).astype(columns)

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
    builtin = [name for name in task.interval_metrics if name in scores.values]
    added = [metric for metric in plugin_metrics if metric.name in scores.values]
    resampling = Resampling(predictions=predictions, resamples=resamples, seed=seed)
    resampled = resample(task.with_metrics(added), predictions, builtin, resampling)
    return EvaluationScores(
        values=scores.values,
        intervals={name: metric.interval(scores.values[name]) for name, metric in resampled.items()},
        undefined=scores.undefined,
        flags=scores.flags,
        cases=len(predictions.case_ids),
        groups=len(set(predictions.group_ids)),
        resampling_digests=tuple(dict.fromkeys(metric.draws.digest for metric in resampled.values())),
    )


@dataclass(frozen=True, kw_only=True)
class ResampledMetric:
    """One metric on resamples of groups.

    Attributes:
        estimate: On the original cases; NaN where undefined.
        values: Shape (B,).
        jackknife: Shape (groups,), the metric without each group.
        draws: Of all groups, or within classes for a metric that does not depend on the class frequencies.
    """

    estimate: float
    values: Floats
    jackknife: Floats
    draws: Draws

    @property
    def is_resampled(self) -> bool:
        """Whether there are resamples for an interval."""
        return self.draws.resamples >= MIN_RESAMPLES

    def interval(self, estimate: float | None = None) -> BootstrapInterval:
        """Return the 95 % interval of the metric.

        Raises:
            ValueError: If the metric was computed without each group only, and not on resamples.
        """
        if not self.is_resampled:
            raise ValueError(f"an interval needs resamples, not {self.draws.resamples}")
        return interval(self.estimate if estimate is None else estimate, self.values, self.jackknife, draws=self.draws)


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """The resamples that all models on the same cases share.

    Attributes:
        predictions: Of one model on these cases.
        resamples: Number of resamples.
        seed: Hexadecimal; equal seeds on equal cases draw the same groups.
    """

    predictions: AnyPredictions
    resamples: int
    seed: str

    @cached_property
    def of_all_groups(self) -> Draws:
        """Groups drawn with replacement."""
        return self._draw(None)

    @cached_property
    def within_classes(self) -> Draws:
        """Groups drawn with replacement within their class; of all groups if cases have no single class."""
        return self._draw(get_task(self.predictions).strata(self.predictions))

    def _draw(self, strata: Labels | None) -> Draws:
        return draws(
            len(self.predictions.case_ids),
            rng=np.random.default_rng(int(self.seed, 16)),
            resamples=self.resamples,
            groups=np.array(self.predictions.group_ids),
            strata=strata,
        )


def resample(
    task: Task[Any], predictions: AnyPredictions, names: Sequence[str], resampling: Resampling
) -> dict[str, ResampledMetric]:
    """Compute metrics on resamples of groups; macro averages run over the classes that scikit-learn takes.

    A metric is resampled over all groups, since the class frequencies of another sample differ too; within classes
    if it does not depend on them.

    Args:
        task: With the metrics of other packages that are to be computed.
        predictions: Of one condition.
        names: Built-in metrics.
        resampling: Which groups are drawn.
    """
    results: dict[str, ResampledMetric] = {}
    for plan, chosen, plugins in _parts(task, names, resampling):
        found = task.bootstrap(predictions, plan, chosen, plugins)
        results |= _resampled_metrics(found, plan)
    return {name: results[name] for name in _all_names(task, names)}


def resample_models(
    task: Task[Any], models: Mapping[str, AnyPredictions], names: Sequence[str], resampling: Resampling
) -> dict[str, dict[str, ResampledMetric]]:
    """Compute metrics of several models on the same resamples of the cases that they share, as ``resample`` does.

    Macro averages run over the classes in the truth only, so that all models are averaged over the same ones.

    Returns:
        By model, then by metric.
    """
    results: dict[str, dict[str, ResampledMetric]] = {model: {} for model in models}
    for plan, chosen, plugins in _parts(task, names, resampling):
        for model, found in task.bootstrap_models(models, plan, chosen, plugins).items():
            results[model] |= _resampled_metrics(found, plan)
    return {model: {name: found[name] for name in _all_names(task, names)} for model, found in results.items()}


def _parts(
    task: Task[Any], names: Sequence[str], resampling: Resampling
) -> Iterator[tuple[Draws, list[str], Sequence[PluginMetric]]]:
    """The metrics that are computed on the same draws: built-in ones, and those of other packages."""
    for within_classes in (False, True):
        chosen = [name for name in names if task.metrics[name].class_conditional == within_classes]
        plugins = () if within_classes else task.plugin_metrics
        if chosen or plugins:
            yield resampling.within_classes if within_classes else resampling.of_all_groups, chosen, plugins


def _resampled_metrics(found: Replicates, draws: Draws) -> dict[str, ResampledMetric]:
    return {
        name: ResampledMetric(
            estimate=found.estimates[name], values=values, jackknife=found.jackknife[name], draws=draws
        )
        for name, values in found.values.items()
    }


def _all_names(task: Task[Any], names: Sequence[str]) -> tuple[str, ...]:
    return (*names, *(plugin.name for plugin in task.plugin_metrics))


def point_scores(predictions: AnyPredictions) -> dict[str, float]:
    """The defined metrics, without intervals."""
    return dict(get_task(predictions).score(predictions).values)
