"""Rows of a comparison with their metrics, on resamples and without each group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from arogya_bench.scoring.scores import ResampledMetric, Resampling, resample_models
from arogya_bench.scoring.task import AnyPredictions, Task
from arogya_bench.scoring.tasks import get_task
from arogya_bench.statistics.group_variance import NO_STRATUM, GroupStrata
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.seed_variance import SeedScores, seed_scores, unit_weights
from arogya_bench.types import BoxPredictions, Floats, Labels, Predictions

MAX_TABLES = 32  # of predictions, resampled at once: bounds the memory


@dataclass(frozen=True, kw_only=True)
class EvaluatedRow:
    """The stored predictions of one row under one condition.

    Attributes:
        predictions: One per seed, on the same cases in the same order.
        seeds: Their names, in the same order.
        seeded: Whether another seed gives another model; False for weights taken as they are.
        repeats: The repeat of a cross-validation that each of the seeds belongs to; empty if every seed is a repetition
            of its own.
    """

    name: str
    predictions: tuple[AnyPredictions, ...]
    seeds: tuple[str, ...] = ()
    seeded: bool = True
    repeats: tuple[str, ...] = ()

    @property
    def is_single_fit(self) -> bool:
        """Whether the row stands for one fit of a recipe that another seed would fit differently."""
        return self.seeded and len(self.predictions) == 1

    def select_seeds(self, seeds: Sequence[str]) -> "EvaluatedRow":
        """Keep some of the seeds."""
        kept = [i for i, seed in enumerate(self.seeds) if seed in seeds]
        return replace(
            self,
            predictions=tuple(self.predictions[i] for i in kept),
            seeds=tuple(self.seeds[i] for i in kept),
            repeats=tuple(self.repeats[i] for i in kept) if self.repeats else (),
        )

    def collapse_seeds(self) -> "EvaluatedRow":
        """Keep one seed of a row that no seed changes: it is one model, and has no spread between seeds."""
        first, *others = self.predictions
        if others and all(equal_outputs(first, other) for other in others):
            return replace(self, predictions=(first,), seeded=False, repeats=())
        return self


@dataclass(frozen=True, kw_only=True)
class ScoredRow:
    """A row with its metrics.

    Attributes:
        by_seed: One mapping per seed, from the name of a metric to its values on resamples. A metric that decides
            nothing may have a single resample: then only what each group changes is known, and ``intervals``.
        intervals: Of such metrics of a row with one seed, by name, as its run logged them.
    """

    row: EvaluatedRow
    by_seed: tuple[Mapping[str, ResampledMetric], ...]
    intervals: Mapping[str, Interval] = field(default_factory=dict)

    def is_resampled(self, metric: str) -> bool:
        """Whether the metric is known on resamples, and not without each group only."""
        return self.by_seed[0][metric].is_resampled

    @property
    def name(self) -> str:
        """Display name."""
        return self.row.name

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics."""
        return tuple(self.by_seed[0])

    def select_seeds(self, seeds: Sequence[str]) -> "ScoredRow":
        """Keep some of the seeds; a row that no seed changes stays as it is."""
        if len(self.by_seed) == 1:
            return self
        kept = tuple(values for seed, values in zip(self.row.seeds, self.by_seed, strict=True) if seed in seeds)
        return replace(self, row=self.row.select_seeds(seeds), by_seed=kept)

    def with_metrics(self, other: "ScoredRow") -> "ScoredRow":
        """Add the metrics of the same row that were computed apart."""
        joined = (first | dict(more) for first, more in zip(map(dict, self.by_seed), other.by_seed, strict=True))
        return replace(self, by_seed=tuple(joined))

    def estimate(self, metric: str) -> float:
        """The mean over the seeds; NaN where the metric is undefined for a seed."""
        return float(self._average([seed[metric].estimate for seed in self.by_seed]))

    def mean_over_seeds(self, metric: str) -> ResampledMetric:
        """The metric averaged over the seeds, within each resample and without each group."""
        seeds = [seed[metric] for seed in self.by_seed]
        return ResampledMetric(
            estimate=self.estimate(metric),
            values=self._average([seed.values for seed in seeds]),
            jackknife=self._average([seed.jackknife for seed in seeds]),
            draws=seeds[0].draws,
        )

    def seed_scores(self, metric: str) -> SeedScores:
        """The metric of each seed, or repeat of a cross-validation, and what each group changes.

        A group without which the metric is undefined changes 0.
        """
        estimates = np.array([seed[metric].estimate for seed in self.by_seed])
        jackknife = np.array([seed[metric].jackknife for seed in self.by_seed])
        return seed_scores(estimates, jackknife, self.row.repeats)

    def _average(self, values: Sequence[float] | Sequence[Floats]) -> Floats:
        """The mean over the seeds; of repeats of a cross-validation, over the means of the repeats."""
        if len(set(self.row.repeats)) == len(self.row.repeats):
            mean: Floats = np.mean(values, axis=0)
            return mean
        weighted: Floats = unit_weights(self.row.repeats).mean(axis=0) @ np.array(values)
        return weighted


@dataclass(frozen=True, kw_only=True)
class SharedCases:
    """The test cases that all rows of a comparison share.

    Attributes:
        predictions: Of one row.
        all_predictions: Of every row and seed.
    """

    predictions: AnyPredictions
    task: Task[Any]
    all_predictions: tuple[AnyPredictions, ...]

    @property
    def cases(self) -> int:
        """Number of cases."""
        return len(self.predictions.case_ids)

    @cached_property
    def group_of(self) -> Labels:
        """Shape (n,), the position of the group of each case among the sorted names."""
        return np.unique(np.array(self.predictions.group_ids), return_inverse=True)[1]

    @property
    def groups(self) -> int:
        """Number of groups, such as patients."""
        return int(self.group_of.max()) + 1

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of the dataset."""
        return self.predictions.classes

    @cached_property
    def groups_per_class(self) -> Labels | None:
        """Shape (K,), groups with a case of each class; None if a case has no single class."""
        classes = self.task.strata(self.predictions)
        if classes is None:
            return None
        return np.array([np.unique(self.group_of[classes == k]).size for k in range(len(self.class_names))])

    @property
    def missing_classes(self) -> tuple[str, ...]:
        """Classes without a test case."""
        counts = self.groups_per_class
        return () if counts is None else tuple(name for name, n in zip(self.class_names, counts, strict=True) if not n)

    def strata(self, metric: str) -> GroupStrata:
        """How the groups contribute to a metric."""
        if metric not in self._strata_by_metric:
            self._strata_by_metric[metric] = self._find_strata(metric)
        return self._strata_by_metric[metric]

    @cached_property
    def _strata_by_metric(self) -> dict[str, GroupStrata]:
        return {}

    def _find_strata(self, metric: str) -> GroupStrata:
        definition = self.task.metrics[metric]
        classes = self.task.strata(self.predictions)
        over, varies = definition.averaged_over, not definition.class_conditional
        if classes is None or over == "cases":
            return GroupStrata(stratum_of=np.zeros(self.groups, dtype=np.int64), class_mix_varies=varies)
        if over == "classes":
            stratum_of, weights = self._rarest_class, self._class_weights(metric)
            return GroupStrata(stratum_of=stratum_of, class_mix_varies=varies, weights=weights)
        members = self.group_of[classes == (1 if over == "positives" else 0)]
        stratum_of = np.full(self.groups, NO_STRATUM)
        stratum_of[members] = 0
        return GroupStrata(stratum_of=stratum_of, class_mix_varies=varies)

    @cached_property
    def _rarest_class(self) -> Labels:
        """Shape (groups,), the stratum of each group: the index of the rarest of its classes."""
        classes = self.task.strata(self.predictions)
        if classes is None:
            return np.zeros(self.groups, dtype=np.int64)
        order = np.argsort(np.bincount(classes, minlength=len(self.class_names)), kind="stable")
        rarity = np.argsort(order, kind="stable")
        rarest = np.full(self.groups, order.size)
        np.minimum.at(rarest, self.group_of, rarity[classes])
        strata: Labels = order[rarest]
        return strata

    def _class_weights(self, metric: str) -> Floats | None:
        """Shape (K,), the largest weight of any row; None for equal weights."""
        weights = [self.task.class_weights(predictions, metric) for predictions in self.all_predictions]
        known = [row for row in weights if row is not None]
        return np.max(known, axis=0) if known else None


def score_rows(
    rows: Sequence[EvaluatedRow], task: Task[Any], metrics: Sequence[str], resampling: Resampling
) -> list[ScoredRow]:
    """Compute metrics of every row on the same resamples; macro averages run over the classes in the truth.

    Args:
        rows: On the same cases in the same order, and with the same labels.
        task: With the metrics of other packages.
        metrics: Names, also of metrics of other packages.
        resampling: The resamples, on the same cases.
    """
    collapsed = [row.collapse_seeds() for row in rows]
    task = task.with_plugins_among(metrics)
    names = [name for name in metrics if name not in {plugin.name for plugin in task.plugin_metrics}]
    predictions = [seed for row in collapsed for seed in row.predictions]
    scored: list[dict[str, ResampledMetric]] = []
    for start in range(0, len(predictions), MAX_TABLES):
        models = {str(number): table for number, table in enumerate(predictions[start : start + MAX_TABLES])}
        scored += resample_models(task, models, names, resampling).values()
    seeds = iter(scored)
    return [ScoredRow(row=row, by_seed=tuple(islice(seeds, len(row.predictions)))) for row in collapsed]


def single_resample(predictions: AnyPredictions) -> Resampling:
    """One resample, where only what each group changes is read."""
    return Resampling(predictions=predictions, resamples=1, seed="0")


def shared_cases(rows: Sequence[EvaluatedRow], task: Task[Any] | None = None) -> SharedCases:
    """The cases of rows that share them."""
    predictions = tuple(seed for row in rows for seed in row.predictions)
    return SharedCases(predictions=predictions[0], task=task or get_task(predictions[0]), all_predictions=predictions)


def equal_outputs(one: AnyPredictions, other: AnyPredictions) -> bool:
    """Whether two models gave the same outputs."""
    if isinstance(one, Predictions) and isinstance(other, Predictions):
        return np.array_equal(one.probabilities, other.probabilities, equal_nan=True)
    if isinstance(one, BoxPredictions) and isinstance(other, BoxPredictions):
        pairs = zip(one.detections, other.detections, strict=True)
        return all(
            np.array_equal(a.boxes, b.boxes)
            and np.array_equal(a.scores, b.scores)
            and np.array_equal(a.labels, b.labels)
            for a, b in pairs
        )
    return False
