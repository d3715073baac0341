"""Intervals of numbers that no task lists as metrics, such as the recall of one class, over groups and seeds."""

from collections.abc import Sequence
from math import inf, sqrt

import numpy as np
from scipy.special import stdtrit

from arogya_bench.runtime.console import plural
from arogya_bench.statistics.group_variance import GroupStrata, VarianceTerm, add_variances, group_variance
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import few_groups_note, join_notes
from arogya_bench.statistics.paired_differences import ALPHA, NORMAL_DEGREES
from arogya_bench.statistics.seed_variance import SeedScores, estimate_seed_variance

NO_SPREAD = "no interval: no group changes the value, which is not informative"


def mean_intervals(
    rows: Sequence[SeedScores], *, cases: int, low: float = -inf, high: float = inf
) -> list[Interval | None]:
    """Compute the 95 % interval of the mean over the seeds of each row, by Student's t.

    The variance is that over groups and, with several seeds, over seeds, as for the rows of a leaderboard.

    Args:
        rows: One number of each row of a comparison, on the same groups.
        cases: Number of cases.
        low: Smallest possible value.
        high: Largest possible value.

    Returns:
        None for a row whose value is undefined; an interval without ends, with the reason, if nothing varies.
    """
    seeds = estimate_seed_variance(rows)
    return [
        _mean_interval(row, seeds.of_mean(position), cases, low, high) if np.isfinite(row.mean) else None
        for position, row in enumerate(rows)
    ]


def _mean_interval(row: SeedScores, of_seeds: VarianceTerm | None, cases: int, low: float, high: float) -> Interval:
    groups, several = row.changes.shape[1], row.seeds > 1
    one_stratum = GroupStrata(stratum_of=np.zeros(groups, dtype=np.int64), class_mix_varies=True)
    total = add_variances([group_variance(row.mean_changes, 0.0, one_stratum), *filter(None, [of_seeds])])
    margin = -float(stdtrit(min(total.df, NORMAL_DEGREES), ALPHA / 2)) * sqrt(total.variance)
    note = f"over {plural(row.seeds, 'seed')}" if several else ""
    return Interval(
        estimate=row.mean,
        low=max(low, row.mean - margin) if margin else None,
        high=min(high, row.mean + margin) if margin else None,
        method="groups and seeds, t" if several else "groups, t",
        confidence=1 - ALPHA,
        n=cases,
        groups=groups,
        note=join_notes(note, few_groups_note(groups)) if margin else NO_SPREAD,
    )
