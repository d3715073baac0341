"""The 95 % interval of one metric of one row, over groups and, with several seeds, over seeds."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from scipy.special import stdtrit

from arogya_bench.analysis.scored_rows import ScoredRow, SharedCases
from arogya_bench.runtime.console import plural
from arogya_bench.statistics.group_variance import VarianceTerm, add_variances, group_variance, smallest_stratum
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import few_groups_note, join_notes
from arogya_bench.statistics.paired_differences import ALPHA, NORMAL_DEGREES
from arogya_bench.statistics.seed_variance import SeedScores

FEW_GROUPS_OF_CLASS = 10  # below it, resamples of a class show too little spread


def row_interval(row: ScoredRow, metric: str, cases: SharedCases, seeds: VarianceTerm | None) -> Interval | None:
    """Compute the interval; from resamples of groups, or by Student's t where resamples do not show all variance.

    That is with several seeds, and for an average over classes of which one has few groups: both of its groups are
    right in most studies, and all resamples then agree. Such a class borrows its spread (``group_variance``).

    Args:
        row: The row.
        metric: One of its metrics.
        cases: The test cases.
        seeds: The variance that new seeds add to the mean over seeds; None for one seed.

    Returns:
        None where the metric is undefined, or neither resampled nor logged with an interval.
    """
    if not np.isfinite(row.estimate(metric)):
        return None
    strata = cases.strata(metric)
    smallest = smallest_stratum(strata)
    scores = row.seed_scores(metric)
    groups = group_variance(scores.mean_changes, 0.0, strata)
    is_average = cases.task.metrics[metric].averaged_over != "cases"
    few = smallest if is_average and smallest < FEW_GROUPS_OF_CLASS else None
    if (seeds is None and few is None) or not groups.variance:
        return row.mean_over_seeds(metric).interval() if row.is_resampled(metric) else row.intervals.get(metric)
    note = f"a class has {plural(few, 'group')}, and borrows its spread from the others" if few is not None else ""
    return _t_interval(scores, [groups, *([seeds] if seeds else [])], metric, cases, note)


def seed_share(row: ScoredRow, metric: str, cases: SharedCases, seeds: VarianceTerm | None) -> float:
    """The share of the variance of a metric that comes from training seeds; takes the arguments of ``row_interval``."""
    if seeds is None or not seeds.variance:
        return 0.0
    groups = group_variance(row.seed_scores(metric).mean_changes, 0.0, cases.strata(metric))
    return seeds.variance / (seeds.variance + groups.variance)


def _t_interval(
    scores: SeedScores, terms: Sequence[VarianceTerm], metric: str, cases: SharedCases, note: str
) -> Interval:
    total = add_variances(terms)
    margin = -float(stdtrit(min(total.df, NORMAL_DEGREES), ALPHA / 2)) * sqrt(total.variance)
    definition = cases.task.metrics[metric]
    several = scores.seeds > 1
    return Interval(
        estimate=scores.mean,
        low=max(definition.low, scores.mean - margin),
        high=min(definition.high, scores.mean + margin),
        method="groups and seeds, t" if several else "groups, t",
        confidence=1 - ALPHA,
        n=cases.cases,
        groups=cases.groups,
        note=join_notes(f"over {scores.seeds} seeds" if several else "", note, few_groups_note(cases.groups)),
    )
