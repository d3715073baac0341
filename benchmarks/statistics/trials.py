"""One simulated study, with the intermediate results that several checks share."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from arogya_bench.metrics.replicates import Replicates, paired_replicates
from arogya_bench.statistics.intervals import BootstrapInterval, IntervalMethod, interval
from arogya_bench.statistics.proportions import McNemar, mcnemar
from arogya_bench.statistics.resampling import Draws, draws
from arogya_bench.types import Floats
from benchmarks.statistics.simulation import SIGNAL, SimulatedPredictions, simulate_predictions, true_metrics

RESAMPLES = 999
METRICS = ("accuracy", "balanced_accuracy", "f1_macro", "auroc_macro_ovr", "brier")
INFERIOR_SIGNAL = SIGNAL - 0.3  # of a model that is worse by exactly the margin


@dataclass(frozen=True, kw_only=True)
class SimulatedStudy:
    """One study, drawn from a seed; what several checks need is computed once."""

    seed: tuple[int, ...]
    groups: int
    clustered: bool

    @cached_property
    def predictions(self) -> SimulatedPredictions:
        """Three equally good models."""
        return self._simulate((SIGNAL,) * 3)

    @cached_property
    def losses(self) -> Floats:
        """Mean squared error of each model in each group, shape (models, groups)."""
        errors = (self.predictions.probabilities - self.predictions.targets) ** 2
        sizes = np.bincount(self.predictions.groups)
        return np.array([np.bincount(self.predictions.groups, row) / sizes for row in errors])

    @cached_property
    def correct_of_first(self) -> tuple[int, int]:
        """Number of cases that the first model gets right, and number of all cases."""
        correct = self.predictions.is_correct()[0]
        return int(correct.sum()), correct.size

    @cached_property
    def draws(self) -> Draws:
        """Resamples of the patients, stratified by class."""
        return self._draw_resamples(self.predictions)

    @cached_property
    def replicates(self) -> list[Replicates]:
        """The first two models on all resamples."""
        return self._compute_replicates(self.predictions, self.draws, 2)

    @cached_property
    def mcnemar(self) -> McNemar:
        """The first two models, right or wrong."""
        a, b = self.predictions.is_correct()[:2] > 0
        return mcnemar(int((a & ~b).sum()), int((b & ~a).sum()), total=a.size)

    @cached_property
    def margin_inputs(self) -> tuple[float, Floats, Draws, float]:
        """Difference in accuracy to a model that is better by exactly the margin.

        Returns:
            The difference, its resamples, how they were drawn, and the margin.
        """
        predictions = self._simulate((INFERIOR_SIGNAL, SIGNAL))
        resamples = self._draw_resamples(predictions)
        metric = "accuracy"
        a, b = self._compute_replicates(predictions, resamples, 2, (metric,))
        margin = true_metrics(SIGNAL)[metric] - true_metrics(INFERIOR_SIGNAL)[metric]
        difference = a.estimates[metric] - b.estimates[metric]
        return difference, a.values[metric] - b.values[metric], resamples, margin

    def rng(self, purpose: int) -> np.random.Generator:
        """An independent stream for each purpose."""
        return np.random.default_rng([*self.seed, purpose])

    def difference_interval(self, metric: str) -> BootstrapInterval:
        """The first model minus the second."""
        a, b = self.replicates
        return interval(
            a.estimates[metric] - b.estimates[metric],
            a.values[metric] - b.values[metric],
            a.jackknife[metric] - b.jackknife[metric],
            draws=self.draws,
        )

    def metric_interval(self, metric: str, method: IntervalMethod) -> BootstrapInterval:
        """The first model."""
        a = self.replicates[0]
        return interval(a.estimates[metric], a.values[metric], a.jackknife[metric], draws=self.draws, method=method)

    def _simulate(self, signals: tuple[float, ...]) -> SimulatedPredictions:
        return simulate_predictions(self.rng(0), self.groups, clustered=self.clustered, signals=signals)

    def _draw_resamples(self, predictions: SimulatedPredictions) -> Draws:
        return draws(
            predictions.targets.size,
            rng=self.rng(3),
            resamples=RESAMPLES,
            groups=predictions.groups,
            strata=predictions.targets,
        )

    def _compute_replicates(
        self, predictions: SimulatedPredictions, resamples: Draws, models: int, names: tuple[str, ...] = METRICS
    ) -> list[Replicates]:
        tables = {str(k): p for k, p in enumerate(predictions.probability_tables()[:models])}
        return list(paired_replicates(predictions.targets, tables, draws=resamples, names=names).values())
