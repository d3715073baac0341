"""Metrics of a subset of the cases, on resamples of all groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arogya_bench.metrics.classification import MetricScores, score_with_reasons
from arogya_bench.metrics.outcomes import Outcomes
from arogya_bench.metrics.replicates import replicates
from arogya_bench.statistics.resampling import Draws
from arogya_bench.statistics.seed_variance import SeedScores, seed_scores
from arogya_bench.types import Floats


@dataclass(frozen=True, kw_only=True)
class _SubgroupDraws:
    """Resamples of all groups, restricted to the groups with cases in a subset."""

    all_draws: Draws
    members: NDArray[np.int64]
    group_of: NDArray[np.int64]

    @property
    def digest(self) -> str:
        return self.all_draws.digest

    @property
    def resamples(self) -> int:
        return self.all_draws.resamples

    def chunks(self) -> Iterator[Floats]:
        return (counts[:, self.members] for counts in self.all_draws.chunks())


@dataclass(frozen=True, kw_only=True)
class SubgroupPart:
    """Cases of a subgroup, or of its complement.

    Attributes:
        members: Shape (groups,), indices of the groups with cases in this part.
        draws: The draws restricted to these groups, which determine the number of groups.
        values: Shape (B,) by metric, NaN where undefined.
        jackknife: Shape (all groups,) by metric, without each group in turn.
        by_seed: By metric, the value of each seed and what each of the ``members`` changes.
        scores: On the original cases; None if there are too few groups.
    """

    n: int
    members: NDArray[np.int64]
    draws: Draws
    values: Mapping[str, Floats]
    jackknife: Mapping[str, Floats]
    by_seed: Mapping[str, SeedScores]
    scores: MetricScores | None = None

    @property
    def groups(self) -> int:
        """Number of independent units among the cases."""
        return self.members.size

    def estimate(self, name: str) -> float | None:
        """Value of a metric; None if it is undefined or there are too few groups."""
        return None if self.scores is None else self.scores.values.get(name)


def score_part(
    seeds: Sequence[Outcomes],
    rows: NDArray[np.bool_],
    draws: Draws,
    metrics: Sequence[str],
    minimum: int,
    *,
    true_classes_only: bool = False,
) -> SubgroupPart:
    """Compute metrics of the cases in ``rows``, shape (n,), and on each resample of all groups.

    Several seeds, which are predictions of the same cases, are averaged within each resample. With fewer groups than
    ``minimum`` there are no values.
    """
    members, group_of = np.unique(draws.group_of[rows], return_inverse=True)
    n = int(rows.sum())
    strata = np.unique(draws.stratum_of[members], return_inverse=True)[1]
    restricted = replace(draws, group_of=group_of, stratum_of=strata)
    if members.size < minimum:
        return SubgroupPart(n=n, members=members, draws=restricted, values={}, jackknife={}, by_seed={})
    within = _SubgroupDraws(all_draws=draws, members=members, group_of=group_of)
    parts, scores = [], []
    for cases in seeds:
        table = None if cases.probabilities is None else cases.probabilities[rows]
        columns = cases.targets[rows], table, cases.predicted[rows]
        parts.append(
            replicates(
                *columns, draws=within, classes=cases.classes, names=metrics, true_classes_only=true_classes_only
            )
        )
        scores.append(score_with_reasons(*columns, classes=cases.classes, names=metrics))
    estimates = {name: float(np.mean([part.estimates[name] for part in parts])) for name in metrics}
    # Leaving out a group without cases in this part changes nothing.
    jackknife = {name: np.full(draws.groups, value) for name, value in estimates.items()}
    for name, values in jackknife.items():
        values[members] = np.mean([part.jackknife[name] for part in parts], axis=0)
    return SubgroupPart(
        n=n,
        members=members,
        draws=restricted,
        scores=_mean_scores(estimates, scores),
        values={name: np.mean([part.values[name] for part in parts], axis=0) for name in metrics},
        jackknife=jackknife,
        by_seed={
            name: seed_scores([part.estimates[name] for part in parts], [part.jackknife[name] for part in parts])
            for name in metrics
        },
    )


def _mean_scores(estimates: Mapping[str, float], seeds: Sequence[MetricScores]) -> MetricScores:
    """The averages of the metrics, with a reason where one is undefined for a seed."""
    defined = {name: value for name, value in estimates.items() if np.isfinite(value)}
    reasons = {name: reason for seed in reversed(seeds) for name, reason in seed.undefined.items()}
    return MetricScores(
        values=defined,
        undefined={name: reasons.get(name, "for these cases") for name in estimates if name not in defined},
        flags={name: flag for seed in reversed(seeds) for name, flag in seed.flags.items() if name in defined},
    )
