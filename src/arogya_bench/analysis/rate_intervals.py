"""Intervals of shares of the cases, such as the recall of one class, all of them on the same resamples."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from arogya_bench.analysis.mean_intervals import mean_intervals
from arogya_bench.metrics.per_class import safe_divide
from arogya_bench.statistics.intervals import Interval, interval
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.proportions import wilson
from arogya_bench.statistics.resampling import Draws
from arogya_bench.statistics.seed_variance import seed_scores
from arogya_bench.types import Floats

PROPORTIONS = ("accuracy", "sensitivity", "specificity")  # metrics that are shares of cases
MAX_RESAMPLED_GROUPS = 5_000  # with more, Student's t and resamples agree, and t draws nothing
UNANIMOUS = "all groups agree: Wilson's interval over the {groups} groups"


@dataclass(frozen=True, kw_only=True)
class GroupedRate:
    """A share of the cases, by seed and group.

    Attributes:
        hits: Shape (S, groups), cases that count.
        cases: Shape (S, groups), cases of which they are a share; those of other groups are 0.
        repeats: Of a cross-validation, that of each seed; empty if every seed is a repetition of its own.
    """

    hits: Floats
    cases: Floats
    repeats: tuple[str, ...] = ()

    @property
    def estimates(self) -> Floats:
        """Shape (S,), NaN without cases."""
        return safe_divide(self.hits.sum(axis=1), self.cases.sum(axis=1))

    @property
    def groups(self) -> int:
        """Groups with a case of any seed."""
        return int((self.cases > 0).any(axis=0).sum())

    @property
    def without_group(self) -> Floats:
        """Shape (S, groups), NaN where no case remains."""
        hits, cases = self.hits.sum(axis=1, keepdims=True), self.cases.sum(axis=1, keepdims=True)
        return safe_divide(hits - self.hits, cases - self.cases)


def rate_intervals(rates: Sequence[GroupedRate], draws: Draws) -> list[Interval | None]:
    """Compute the 95 % interval of each share.

    With one seed: Wilson's interval if no group has several of the cases, otherwise from resamples of groups. With
    several seeds, of their mean by Student's t over groups and seeds.

    Args:
        rates: With the same groups.
        draws: Which groups enter each resample.

    Returns:
        None for a share of no cases.
    """
    resampled = [rate for rate in rates if _is_resampled(rate, draws)]
    drawn = dict(zip(map(id, resampled), _resample(resampled, draws), strict=True))
    return [_interval(rate, drawn.get(id(rate)), draws) for rate in rates]


def unanimous_interval(estimate: float, groups: int) -> Interval:
    """The interval of a share of 0 or 1 of cases in groups, which resamples cannot give.

    Groups whose cases all agree hold at least as much as one case each.
    """
    found = wilson(round(estimate * groups), groups)
    return replace(found, note=join_notes(found.note, UNANIMOUS.format(groups=groups)))


def interval_notes(found: Iterable[Interval | None], draws: Draws) -> list[str]:
    """What the intervals of a row say, each note once, without what all resamples on these draws have in common."""
    common = {draws.note, *draws.note.split("; ")}
    parts = [part for one in found if one is not None for part in one.note.split("; ")]
    return [part for part in dict.fromkeys(parts) if part and part not in common]


def _is_resampled(rate: GroupedRate, draws: Draws) -> bool:
    several = len(rate.hits) > 1 or draws.groups > MAX_RESAMPLED_GROUPS
    return rate.groups > 0 and not several and not _is_proportion(rate)


def _is_proportion(rate: GroupedRate) -> bool:
    """Whether it is a share of independent cases."""
    return len(rate.cases) == 1 and rate.cases.max() <= 1


def _resample(rates: Sequence[GroupedRate], draws: Draws) -> list[Floats]:
    """Shape (B,) of each rate, from one product over all of them."""
    if not rates:
        return []
    by_group = np.concatenate([part for rate in rates for part in (rate.hits, rate.cases)]).T
    sums = np.concatenate([counts @ by_group for counts in draws.chunks()])
    return list(safe_divide(sums[:, ::2], sums[:, 1::2]).T)


def _interval(rate: GroupedRate, drawn: Floats | None, draws: Draws) -> Interval | None:
    estimate = float(rate.estimates.mean())
    if not np.isfinite(estimate):
        return None
    if _is_proportion(rate):
        return wilson(int(rate.hits.sum()), int(rate.cases.sum()))
    if estimate in (0.0, 1.0):
        return unanimous_interval(estimate, rate.groups)
    if drawn is not None:
        return interval(estimate, drawn, rate.without_group[0], draws=draws)
    scores = seed_scores(rate.estimates, rate.without_group, rate.repeats)
    return mean_intervals([scores], cases=draws.n, low=0.0, high=1.0)[0]
