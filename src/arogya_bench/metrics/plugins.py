"""Metrics of other packages, which a config adds, validated against their declaration."""

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
from arogya_bench.metrics.catalogue import CaseMetric, MetricFunction
from arogya_bench.metrics.classification import MetricScores
from arogya_bench.metrics.replicates import Replicates, Resamples
from arogya_bench.types import Labels, Probabilities

MIN_RESAMPLES = 2000
RANGE_TOLERANCE = 1e-9  # beyond a declared range, for rounding
# Numbers and columns that stand beside metrics in a run or on a leaderboard.
RESERVED_NAMES = {
    "cases", "groups", "temperature", "score_threshold", "dataset", "rank", "model", "seeds",
    "note", "robustness_score", "worst_condition", "latency_p50_ms", "cost_per_1k_images_usd",
}  # fmt: skip


# Not frozen: OmegaConf cannot merge a config into a frozen dataclass.
@dataclass(kw_only=True)
class MetricSpec:
    """One entry of the config group ``metric``.

    Attributes:
        function: Dotted path of a function ``(targets, probabilities) -> float`` with ``@metric``.
        version: Version of the results; raise it to recompute evaluations after a change.
        resamples: At most so many behind its interval, for a slow function; None means as many
            as our metrics have.
    """

    function: str
    version: int
    resamples: int | None = None


@dataclass(frozen=True, kw_only=True)
class PluginMetric:
    """A metric of another package under the name that its config gives it."""

    name: str
    best: Literal["high", "low"]
    summary: str
    spec: MetricSpec
    function: CaseMetric = field(repr=False)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by name, since a decorated function cannot be pickled."""
        return _load_metric, (self.name, self.spec)

    def count_resamples(self, draws: Resamples) -> int:
        """Number of resamples that are used."""
        return min(draws.resamples, self.spec.resamples or draws.resamples)

    def compute(self, targets: Labels, probabilities: Probabilities) -> float:
        """The metric of some cases.

        Raises:
            UndefinedMetric: If it does not exist for them.
            MetricError: If the function fails, or leaves the range that it declares.
        """
        try:
            found = float(self.function(targets, probabilities))
        except UndefinedMetric:
            raise
        except Exception as error:
            raise MetricError(
                f"The metric {self.name} ({self.spec.function}) failed on {targets.size} cases: "
                f"{type(error).__name__}: {error}",
                fix="fix the function; where the metric is undefined, raise UndefinedMetric(reason).",
            ) from error
        low, high = self.function.low, self.function.high
        if not isfinite(found) or not low - RANGE_TOLERANCE <= found <= high + RANGE_TOLERANCE:
            raise MetricError(
                f"The metric {self.name} ({self.spec.function}) is {found:g} on {targets.size} "
                f"cases, and declares {low:g} to {high:g}.",
                fix="correct the function or the range in its @metric; where the metric is undefined, "
                "raise UndefinedMetric(reason).",
            )
        return min(max(found, low), high)


def load_plugin_metrics(specs: Mapping[str, MetricSpec], reserved_names: Collection[str]) -> tuple[PluginMetric, ...]:
    """Import and validate the functions of metrics before any job starts.

    Args:
        specs: By name.
        reserved_names: Names that are ours.

    Raises:
        ConfigError: If a name is ours or no name, or a function is none.
    """
    for name, spec in specs.items():
        if name in reserved_names or name in RESERVED_NAMES or not re.fullmatch(r"[A-Za-z]\w*", name):
            what = "is taken" if name in reserved_names or name in RESERVED_NAMES else "is no name"
            raise ConfigError(
                f"metric.{name}: {name!r} {what}.",
                fix="give it a name of letters, digits and _ with a word of your own in front, such as acme_youden.",
            )
        if spec.resamples is not None and spec.resamples < MIN_RESAMPLES:
            raise ConfigError(
                f"metric.{name}.resamples={spec.resamples}: the ends of an interval are noise with so few.",
                fix=f"give {MIN_RESAMPLES} or more, or null.",
            )
    return tuple(_load_metric(name, spec) for name, spec in specs.items())


def metric_specs(metrics: Iterable[PluginMetric]) -> dict[str, dict[str, object]]:
    """Return what identifies the results of added metrics, by name; modules may move."""
    return {each.name: {"version": each.spec.version, "resamples": each.spec.resamples} for each in metrics}


def score_with_reasons(metrics: Iterable[PluginMetric], targets: Labels, probabilities: Probabilities) -> MetricScores:
    """Evaluate predictions with added metrics.

    Raises:
        MetricError: If a function fails, or leaves the range that it declares.
    """
    values, undefined = {}, {}
    for each in metrics:
        try:
            values[each.name] = _compute_on_copies(each, targets, probabilities)
        except UndefinedMetric as reason:
            undefined[each.name] = str(reason) or "its function gives no reason"
    return MetricScores(values=values, undefined=undefined, flags={})


def replicates(
    metrics: Iterable[PluginMetric],
    targets: Labels,
    probabilities: Probabilities,
    *,
    draws: Resamples,
) -> Replicates:
    """Resample added metrics, one call for each resample and for each group.

    The resamples are those of our metrics, or the first ones of them, so that all are paired.

    Raises:
        MetricError: If a function fails, or leaves the range that it declares.
    """
    every = list(metrics)
    found = score_with_reasons(every, targets, probabilities).values
    there = [each for each in every if each.name in found]
    values = {each.name: np.full(each.count_resamples(draws), np.nan) for each in every}
    without = {each.name: np.full(int(draws.group_of.max()) + 1, np.nan) for each in every}
    longest = max((len(values[each.name]) for each in there), default=0)
    for number, rows in enumerate(islice(_resampled_rows(draws), longest)):
        for each in there:
            if number < len(values[each.name]):
                values[each.name][number] = _value_or_nan(each, targets[rows], probabilities[rows])
    for each, group in product(there, range(len(next(iter(without.values()), ())))):
        rows = np.flatnonzero(draws.group_of != group)
        without[each.name][group] = _value_or_nan(each, targets[rows], probabilities[rows])
    return Replicates(
        estimates={each.name: found.get(each.name, np.nan) for each in every},
        values=values,
        jackknife=without,
        digest=draws.digest,
    )


def _resampled_rows(draws: Resamples) -> Iterator[NDArray[np.int64]]:
    """The cases of each resample, as indices."""
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
    """The metric of all cases, on copies: a function may sort what it is given."""
    silent = int(np.isnan(probabilities).any(axis=1).sum())
    if silent:
        raise UndefinedMetric(f"{silent} of {targets.size} cases have no probabilities")
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
            f"metric.{name}.function names {spec.function!r}, which is no metric of cases.",
            fix="give it the form (targets, probabilities) -> float, and write above it "
            '@metric(best="high", low=0.0, high=1.0) from arogya_bench.metrics.catalogue.',
        )
    return PluginMetric(name=name, best=function.best, summary=function.summary, spec=spec, function=function)


def _takes_cases(function: MetricFunction[..., object]) -> bool:
    """Whether it can be called with targets and probabilities; ours take one tally."""
    try:
        inspect.signature(function.compute).bind(None, None)
    except TypeError:
        return False
    return True
