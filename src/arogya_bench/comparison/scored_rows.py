"""Rows of a comparison with their metrics, on resamples and without each group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from arogya_bench.scoring.scores import ResampledMetric, Resampling, resample
from arogya_bench.scoring.task import AnyPredictions, Task
from arogya_bench.scoring.tasks import get_task
from arogya_bench.statistics.group_variance import NO_STRATUM, GroupStrata
from arogya_bench.statistics.seed_variance import SeedScores
from arogya_bench.types import BoxPredictions, Floats, Labels, Predictions


@dataclass(frozen=True, kw_only=True)
class EvaluatedRow:
    """The stored predictions of one row under one condition.

    Attributes:
        predictions: One per seed, on the same cases in the same order.
        seeds: Their names, in the same order.
        seeded: Whether another seed gives another model; False for weights taken as they are.
    """

    name: str
    predictions: tuple[AnyPredictions, ...]
    seeds: tuple[str, ...] = ()
    seeded: bool = True

    @property
    def is_single_fit(self) -> bool:
        """Whether the row stands for one fit of a recipe that another seed would fit differently."""
        return self.seeded and len(self.predictions) == 1

    def select_seeds(self, seeds: Sequence[str]) -> "EvaluatedRow":
        """Keep some of the seeds."""
        kept = [i for i, seed in enumerate(self.seeds) if seed in seeds]
        return replace(
            self, predictions=tuple(self.predictions[i] for i in kept), seeds=tuple(self.seeds[i] for i in kept)
        )

    def collapse_seeds(self) -> "EvaluatedRow":
        """Keep one seed of a row that no seed changes: it is one model, and has no spread between seeds."""
        first, *others = self.predictions
        if others and all(_equal_outputs(first, other) for other in others):
            return replace(self, predictions=(first,), seeded=False)
        return self


@dataclass(frozen=True, kw_only=True)
class ScoredRow:
    """A row with its metrics.

    Attributes:
        by_seed: One mapping per seed, from the name of a metric to its values on resamples.
    """

    row: EvaluatedRow
    by_seed: tuple[Mapping[str, ResampledMetric], ...]

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
        return float(np.mean([seed[metric].estimate for seed in self.by_seed]))

    def mean_over_seeds(self, metric: str) -> ResampledMetric:
        """The metric averaged over the seeds, within each resample and without each group."""
        seeds = [seed[metric] for seed in self.by_seed]
        return ResampledMetric(
            estimate=self.estimate(metric),
            values=np.mean([seed.values for seed in seeds], axis=0),
            jackknife=np.mean([seed.jackknife for seed in seeds], axis=0),
            draws=seeds[0].draws,
        )

    def seed_scores(self, metric: str) -> SeedScores:
        """The metric of each seed, and what each group changes; a group without which it is undefined changes 0."""
        estimates = np.array([seed[metric].estimate for seed in self.by_seed])
        jackknife = np.array([seed[metric].jackknife for seed in self.by_seed])
        return SeedScores(estimates=estimates, changes=np.nan_to_num(estimates[:, None] - jackknife, nan=0.0))


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
        rows: On the same cases in the same order.
        task: With the metrics of other packages.
        metrics: Built-in metrics; those of other packages are computed too.
        resampling: The resamples, on the same cases.
    """
    names = [name for name in metrics if name not in {plugin.name for plugin in task.plugin_metrics}]
    return [
        ScoredRow(
            row=row,
            by_seed=tuple(
                resample(task, predictions, names, resampling, true_classes_only=True)
                for predictions in row.predictions
            ),
        )
        for row in (row.collapse_seeds() for row in rows)
    ]


def single_resample(predictions: AnyPredictions) -> Resampling:
    """One resample, where only what each group changes is read."""
    return Resampling(predictions=predictions, resamples=1, seed="0")


def shared_cases(rows: Sequence[EvaluatedRow], task: Task[Any] | None = None) -> SharedCases:
    """The cases of rows that share them."""
    predictions = tuple(seed for row in rows for seed in row.predictions)
    return SharedCases(predictions=predictions[0], task=task or get_task(predictions[0]), all_predictions=predictions)


def _equal_outputs(one: AnyPredictions, other: AnyPredictions) -> bool:
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
