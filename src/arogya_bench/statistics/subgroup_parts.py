"""One part of the cases, scored on resamples that were drawn from all of their groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arogya_bench.metrics.classification import MetricScores, score_with_reasons
from arogya_bench.metrics.outcomes import Outcomes
from arogya_bench.metrics.replicates import replicates
from arogya_bench.statistics.resampling import Draws
from arogya_bench.types import Floats


@dataclass(frozen=True, kw_only=True)
class _SubgroupDraws:
    """Resamples of all groups, seen from those that hold cases of one part."""

    all_draws: Draws
    members: NDArray[np.int64]
    group_of: NDArray[np.int64]

    @property
    def digest(self) -> str:
        """Of the draws of all groups."""
        return self.all_draws.digest

    @property
    def resamples(self) -> int:
        """Their number."""
        return self.all_draws.resamples

    def chunks(self) -> Iterator[Floats]:
        """Yield how often each of these groups was drawn."""
        return (counts[:, self.members] for counts in self.all_draws.chunks())


@dataclass(frozen=True, kw_only=True)
class SubgroupPart:
    """Cases of a subgroup, or of its rest.

    Attributes:
        n: Number of cases.
        members: Shape (groups,), which of all groups hold its cases.
        draws: Those of all groups, as far as they reach: how many groups there are to judge by.
        values: Shape (B,) by metric, NaN where undefined.
        jackknife: Shape (all groups,) by metric: without each group, of this part or not.
        scores: On the cases themselves; None if their groups are too few.
    """

    n: int
    members: NDArray[np.int64]
    draws: Draws
    values: Mapping[str, Floats]
    jackknife: Mapping[str, Floats]
    scores: MetricScores | None = None

    @property
    def groups(self) -> int:
        """Number of independent units among the cases."""
        return self.members.size

    def estimate(self, name: str) -> float | None:
        """Value of a metric; None if it is undefined, or nothing is scored."""
        return None if self.scores is None else self.scores.values.get(name)


def score_part(
    cases: Outcomes, rows: NDArray[np.bool_], draws: Draws, metrics: Sequence[str], minimum: int
) -> SubgroupPart:
    """Score the chosen cases, and again on each resample of all groups.

    Args:
        cases: n of them.
        rows: Shape (n,), which belong to the part.
        draws: Which of all groups enter each resample.
        metrics: Names from the catalogue.
        minimum: Least number of groups from which it is scored.
    """
    members, group_of = np.unique(draws.group_of[rows], return_inverse=True)
    n = int(rows.sum())
    strata = np.unique(draws.stratum_of[members], return_inverse=True)[1]
    reached = replace(draws, group_of=group_of, stratum_of=strata)
    if members.size < minimum:
        return SubgroupPart(n=n, members=members, draws=reached, values={}, jackknife={})
    table = None if cases.probabilities is None else cases.probabilities[rows]
    columns = cases.targets[rows], table, cases.predicted[rows]
    within = _SubgroupDraws(all_draws=draws, members=members, group_of=group_of)
    found = replicates(*columns, draws=within, classes=cases.classes, names=metrics)
    # A group without cases here changes nothing when it is left out.
    everyone = {name: np.full(draws.groups, value) for name, value in found.estimates.items()}
    for name, values in everyone.items():
        values[members] = found.jackknife[name]
    return SubgroupPart(
        n=n,
        members=members,
        draws=reached,
        scores=score_with_reasons(*columns, classes=cases.classes),
        values=found.values,
        jackknife=everyone,
    )
