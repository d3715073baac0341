"""Metrics of other packages, added by a config and validated against their declaration."""

import inspect
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice, product
from math import isfinite
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arogya_bench.errors import ConfigError, MetricError, UndefinedMetric, did_you_mean
from arogya_bench.metrics.catalogue import AveragedOver, CaseMetric, MetricFunction
from arogya_bench.metrics.classification import MetricScores
from arogya_bench.metrics.replicates import Replicates, Resamples
from arogya_bench.types import Labels, Probabilities

MIN_RESAMPLES = 2000
RANGE_TOLERANCE = 1e-9  # beyond a declared range, for rounding
# Numbers and columns that stand beside metrics in a run or on a leaderboard.
RESERVED_NAMES = {
    "cases", "groups", "temperature", "score_threshold", "dataset", "rank", "model", "seeds",
    "note", "robustness_score", "seed_sd", "seed_values", "seeded", "run_ids", "above_chance",
    "worst_condition", "latency_p50_ms", "latency_grade", "cost_per_1k_images_usd",
}  # fmt: skip


# Not frozen: OmegaConf cannot merge a config into a frozen dataclass.
@dataclass(kw_only=True)
class MetricSpec:
    """One entry of the config group ``metric``.

    Attributes:
        function: Dotted path of a function ``(targets, probabilities) -> float`` with ``@metric``.
        version: Version of the results; raise it to recompute evaluations after a change.
        resamples: Largest number of resamples for its interval, for a slow function; None for as
            many as built-in metrics have.
    """

    function: str
    version: int
    resamples: int | None = None


@dataclass(frozen=True, kw_only=True)
class PluginMetric:
    """A metric of another package, under its name in the config."""

    name: str
    best: Literal["high", "low"]
    summary: str
    spec: MetricSpec
    function: CaseMetric = field(repr=False)

    @property
    def averaged_over(self) -> AveragedOver:
        """What its declaration says; cases by default."""
        return self.function.averaged_over

    @property
    def low(self) -> float:
        """The smallest possible value."""
        return self.function.low

    @property
    def high(self) -> float:
        """The largest possible value."""
        return self.function.high

    @property
    def class_conditional(self) -> bool:
        """Always resampled over all groups: its function decides what it reads."""
        return False

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by name, since a decorated function cannot be pickled."""
        return _load_metric, (self.name, self.spec)

    def count_resamples(self, draws: Resamples) -> int:
        """Number of resamples to use."""
        return min(draws.resamples, self.spec.resamples or draws.resamples)

    def compute(self, targets: Labels, probabilities: Probabilities) -> float:
        """Compute the metric.

        Raises:
            UndefinedMetric: If it is undefined for these cases.
            MetricError: If the function fails, or its value is outside its declared range.
        """
        try:
            value = float(self.function(targets, probabilities))
        except UndefinedMetric:
            raise
        except Exception as error:
            raise MetricError(
                f"The metric {self.name} ({self.spec.function}) failed on {targets.size} cases: "
                f"{type(error).__name__}: {error}",
                fix="fix the function; where the metric is undefined, raise UndefinedMetric(reason).",
            ) from error
        low, high = self.function.low, self.function.high
        if not isfinite(value) or not low - RANGE_TOLERANCE <= value <= high + RANGE_TOLERANCE:
            raise MetricError(
                f"The metric {self.name} ({self.spec.function}) returned {value:g} on "
                f"{targets.size} cases, outside its declared range {low:g} to {high:g}.",
                fix="correct the function or the range in its @metric; where the metric is undefined, "
                "raise UndefinedMetric(reason).",
            )
        return min(max(value, low), high)


def load_plugin_metrics(specs: Mapping[str, MetricSpec], reserved_names: Collection[str]) -> tuple[PluginMetric, ...]:
    """Import and validate metric functions before any job starts.

    Args:
        specs: By name.
        reserved_names: Names of built-in metrics.

    Raises:
        ConfigError: If a name is invalid or reserved, or a function is not a metric.
    """
    for name, spec in specs.items():
        is_taken = name in reserved_names or name in RESERVED_NAMES
        if is_taken or not re.fullmatch(r"[A-Za-z]\w*", name):
            what = "is taken" if is_taken else "is not a valid name"
            raise ConfigError(
                f"metric.{name}: {name!r} {what}.",
                fix="use letters, digits and _, prefixed with the name of your package, such as acme_youden.",
            )
        if spec.resamples is not None and spec.resamples < MIN_RESAMPLES:
            raise ConfigError(
                f"metric.{name}.resamples={spec.resamples}: too few for stable interval bounds.",
                fix=f"give {MIN_RESAMPLES} or more, or null.",
            )
    return tuple(_load_metric(name, spec) for name, spec in specs.items())


def metric_specs(metrics: Iterable[PluginMetric]) -> dict[str, dict[str, object]]:
    """Return what identifies the results of plugin metrics, by name; without paths, since modules may move."""
    return {metric.name: {"version": metric.spec.version, "resamples": metric.spec.resamples} for metric in metrics}


def score_with_reasons(metrics: Iterable[PluginMetric], targets: Labels, probabilities: Probabilities) -> MetricScores:
    """Compute plugin metrics, with reasons where they are undefined; raises as ``PluginMetric.compute``."""
    values, undefined = {}, {}
    for metric in metrics:
        try:
            values[metric.name] = _compute_on_copies(metric, targets, probabilities)
        except UndefinedMetric as reason:
            undefined[metric.name] = str(reason) or "its function gives no reason"
    return MetricScores(values=values, undefined=undefined, flags={})


def replicates(
    metrics: Iterable[PluginMetric], targets: Labels, probabilities: Probabilities, *, draws: Resamples
) -> Replicates:
    """Resample plugin metrics, one call for each resample and for each group.

    The resamples are those of built-in metrics, or the first of them, so that all are paired.
    Raises as ``PluginMetric.compute`` does.
    """
    all_metrics = list(metrics)
    estimates = score_with_reasons(all_metrics, targets, probabilities).values
    defined = [metric for metric in all_metrics if metric.name in estimates]
    groups = int(draws.group_of.max()) + 1
    values = {metric.name: np.full(metric.count_resamples(draws), np.nan) for metric in all_metrics}
    jackknife = {metric.name: np.full(groups, np.nan) for metric in all_metrics}
    longest = max((len(values[metric.name]) for metric in defined), default=0)
    for number, rows in enumerate(islice(_iter_resampled_rows(draws), longest)):
        for metric in defined:
            if number < len(values[metric.name]):
                values[metric.name][number] = _value_or_nan(metric, targets[rows], probabilities[rows])
    for metric, group in product(defined, range(groups)):
        rows = np.flatnonzero(draws.group_of != group)
        jackknife[metric.name][group] = _value_or_nan(metric, targets[rows], probabilities[rows])
    return Replicates(
        estimates={metric.name: estimates.get(metric.name, np.nan) for metric in all_metrics},
        values=values,
        jackknife=jackknife,
        digest=draws.digest,
    )


def _iter_resampled_rows(draws: Resamples) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of the cases of each resample."""
    cases = np.arange(draws.group_of.size)
    for counts in draws.chunks():
        for row in counts:
            yield np.repeat(cases, row.astype(np.int64)[draws.group_of])


def _value_or_nan(metric: PluginMetric, targets: Labels, probabilities: Probabilities) -> float:
    try:
        return metric.compute(targets, probabilities)
    except UndefinedMetric:
        return np.nan


def _compute_on_copies(metric: PluginMetric, targets: Labels, probabilities: Probabilities) -> float:
    """Compute the metric of all cases on copies, since a function may change its arguments."""
    unanswered = int(np.isnan(probabilities).any(axis=1).sum())
    if unanswered:
        raise UndefinedMetric(f"{unanswered} of {targets.size} cases have no probabilities")
    return metric.compute(targets.copy(), probabilities.copy())


def _load_metric(name: str, spec: MetricSpec) -> PluginMetric:
    module_name, _, attribute = spec.function.rpartition(".")
    try:
        module = import_module(module_name)
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f"metric.{name}.function names {spec.function!r}, which cannot be imported: {error}.",
            fix="correct the dotted path, or install the package that holds it.",
        ) from error
    function = getattr(module, attribute, None)
    if function is None:
        raise ConfigError(
            f"metric.{name}.function: there is no {attribute!r} in {module_name}."
            f"{did_you_mean(attribute, vars(module))}",
            fix="correct the dotted path.",
        )
    if not isinstance(function, MetricFunction) or not _takes_cases(function):
        raise ConfigError(
            f"metric.{name}.function names {spec.function!r}, which is not a metric of cases.",
            fix="give it the form (targets, probabilities) -> float, and write above it "
            '@metric(best="high", low=0.0, high=1.0) from arogya_bench.metrics.catalogue.',
        )
    return PluginMetric(name=name, best=function.best, summary=function.summary, spec=spec, function=function)


def _takes_cases(function: MetricFunction[..., object]) -> bool:
    """Whether it can be called with targets and probabilities; built-in metrics take one tally."""
    try:
        inspect.signature(function.compute).bind(None, None)
    except TypeError:
        return False
    return True
