"""One invented study, and everything that tests and intervals are told of it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from arogya_bench.metrics.replicates import Replicates, paired_replicates
from arogya_bench.statistics.intervals import BootstrapInterval, Method, interval
from arogya_bench.statistics.proportions import McNemar, mcnemar
from arogya_bench.statistics.resampling import Draws, draws
from arogya_bench.statistics.seeds import SeedDifference, seed_group_difference
from arogya_bench.statistics.simulation import SIGNAL, Study, study, truth
from arogya_bench.types import Floats

RESAMPLES = 999
METRICS = ("accuracy", "balanced_accuracy", "f1_macro", "auroc_macro_ovr", "brier")
WORSE = SIGNAL - 0.3  # of a model that is worse by just the margin
SEEDS, SEED_SPREAD = 5, 0.1  # of each model, and of the signal between its seeds


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One study, drawn from a seed; what several checks need is made once."""

    seed: tuple[int, ...]
    groups: int
    clustered: bool

    @cached_property
    def study(self) -> Study:
        """Three equally good models."""
        return self._study((SIGNAL,) * 3)

    @cached_property
    def losses(self) -> Floats:
        """Mean squared error of each model in each group, shape (models, groups)."""
        error = (self.study.probabilities - self.study.targets) ** 2
        sizes = np.bincount(self.study.groups)
        return np.array([np.bincount(self.study.groups, each) / sizes for each in error])

    @cached_property
    def draws(self) -> Draws:
        """Resamples of the patients, stratified by class."""
        return self._draws(self.study)

    @cached_property
    def replicates(self) -> list[Replicates]:
        """The first two models on all resamples."""
        return self._replicates(self.study, self.draws, 2)

    @cached_property
    def mcnemar(self) -> McNemar:
        """The first two models, right or wrong."""
        a, b = self.study.right()[:2] > 0
        return mcnemar(int((a & ~b).sum()), int((b & ~a).sum()), total=a.size)

    @cached_property
    def margin(self) -> tuple[float, Floats, Draws, float]:
        """Difference in accuracy of a model that is worse by just the margin, and the margin."""
        drawn = self._study((WORSE, SIGNAL))
        plan = self._draws(drawn)
        name = "accuracy"
        a, b = self._replicates(drawn, plan, 2, (name,))
        allowed = truth(SIGNAL)[name] - truth(WORSE)[name]
        found = a.estimates[name] - b.estimates[name], a.values[name] - b.values[name]
        return *found, plan, allowed

    @cached_property
    def seeds(self) -> SeedDifference:
        """Two equally good models of five seeds each, compared by accuracy."""
        signals = SIGNAL + SEED_SPREAD * self.rng(1).normal(size=2 * SEEDS)
        drawn = self._study(tuple(signals))
        plan = self._draws(drawn)
        parts = self._replicates(drawn, plan, 2 * SEEDS, ("accuracy",))
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

    def difference(self, name: str) -> BootstrapInterval:
        """The first model minus the second."""
        a, b = self.replicates
        return interval(
            a.estimates[name] - b.estimates[name],
            a.values[name] - b.values[name],
            a.jackknife[name] - b.jackknife[name],
            draws=self.draws,
        )

    def one(self, name: str, method: Method) -> BootstrapInterval:
        """The first model."""
        a = self.replicates[0]
        return interval(
            a.estimates[name], a.values[name], a.jackknife[name], draws=self.draws, method=method
        )

    def _study(self, signals: tuple[float, ...]) -> Study:
        return study(self.rng(0), self.groups, clustered=self.clustered, signals=signals)

    def _draws(self, drawn: Study) -> Draws:
        return draws(
            drawn.targets.size,
            rng=self.rng(3),
            resamples=RESAMPLES,
            groups=drawn.groups,
            strata=drawn.targets,
        )

    def _replicates(
        self, drawn: Study, plan: Draws, models: int, names: tuple[str, ...] = METRICS
    ) -> list[Replicates]:
        tables = {str(k): table for k, table in enumerate(drawn.tables()[:models])}
        return list(paired_replicates(drawn.targets, tables, draws=plan, names=names).values())
