"""One invented study, and everything that tests and intervals are told of it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from arogya_bench.metrics.replicates import Replicates, paired_replicates
from arogya_bench.statistics.intervals import BootstrapInterval, IntervalMethod, interval
from arogya_bench.statistics.proportions import McNemar, mcnemar
from arogya_bench.statistics.resampling import Draws, draws
from arogya_bench.statistics.seeds import SeedDifference, seed_group_difference
from arogya_bench.statistics.simulation import (
    SIGNAL,
    SimulatedPredictions,
    simulate_predictions,
    true_metrics,
)
from arogya_bench.types import Floats

RESAMPLES = 999
METRICS = ("accuracy", "balanced_accuracy", "f1_macro", "auroc_macro_ovr", "brier")
INFERIOR_SIGNAL = SIGNAL - 0.3  # of a model that is worse by just the margin
SEEDS, SEED_SPREAD = 5, 0.1  # of each model, and of the signal between its seeds


@dataclass(frozen=True, kw_only=True)
class SimulatedStudy:
    """One study, drawn from a seed; what several checks need is made once."""

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
        error = (self.predictions.probabilities - self.predictions.targets) ** 2
        sizes = np.bincount(self.predictions.groups)
        return np.array([np.bincount(self.predictions.groups, each) / sizes for each in error])

    @cached_property
    def draws(self) -> Draws:
        """Resamples of the patients, stratified by class."""
        return self._describe_draws(self.predictions)

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
        """Difference in accuracy of a model that is worse by just the margin, and the margin."""
        drawn = self._simulate((INFERIOR_SIGNAL, SIGNAL))
        plan = self._describe_draws(drawn)
        name = "accuracy"
        a, b = self._compute_replicates(drawn, plan, 2, (name,))
        allowed = true_metrics(SIGNAL)[name] - true_metrics(INFERIOR_SIGNAL)[name]
        found = a.estimates[name] - b.estimates[name], a.values[name] - b.values[name]
        return *found, plan, allowed

    @cached_property
    def seed_difference(self) -> SeedDifference:
        """Two equally good models of five seeds each, compared by accuracy."""
        signals = SIGNAL + SEED_SPREAD * self.rng(1).normal(size=2 * SEEDS)
        drawn = self._simulate(tuple(signals))
        plan = self._describe_draws(drawn)
        parts = self._compute_replicates(drawn, plan, 2 * SEEDS, ("accuracy",))
        estimates = np.array([each.estimates["accuracy"] for each in parts])
        values = np.array([each.values["accuracy"] for each in parts])
        return seed_group_difference(
            estimates[:SEEDS],
            values[:SEEDS],
            estimates[SEEDS:],
            values[SEEDS:],
            draws=plan,
            rng=self.rng(2),
        )

    def rng(self, purpose: int) -> np.random.Generator:
        """A stream of its own for each purpose."""
        return np.random.default_rng([*self.seed, purpose])

    def difference_interval(self, name: str) -> BootstrapInterval:
        """The first model minus the second."""
        a, b = self.replicates
        return interval(
            a.estimates[name] - b.estimates[name],
            a.values[name] - b.values[name],
            a.jackknife[name] - b.jackknife[name],
            draws=self.draws,
        )

    def metric_interval(self, name: str, method: IntervalMethod) -> BootstrapInterval:
        """The first model."""
        a = self.replicates[0]
        return interval(
            a.estimates[name], a.values[name], a.jackknife[name], draws=self.draws, method=method
        )

    def _simulate(self, signals: tuple[float, ...]) -> SimulatedPredictions:
        return simulate_predictions(
            self.rng(0), self.groups, clustered=self.clustered, signals=signals
        )

    def _describe_draws(self, drawn: SimulatedPredictions) -> Draws:
        return draws(
            drawn.targets.size,
            rng=self.rng(3),
            resamples=RESAMPLES,
            groups=drawn.groups,
            strata=drawn.targets,
        )

    def _compute_replicates(
        self,
        drawn: SimulatedPredictions,
        plan: Draws,
        models: int,
        names: tuple[str, ...] = METRICS,
    ) -> list[Replicates]:
        tables = {str(k): table for k, table in enumerate(drawn.probability_tables()[:models])}
        return list(paired_replicates(drawn.targets, tables, draws=plan, names=names).values())
