"""Intervals of the values in the parts of a column where resamples of the test cases do not show all the spread."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from arogya_bench.analysis.mean_intervals import mean_intervals
from arogya_bench.analysis.rate_intervals import PROPORTIONS, unanimous_interval
from arogya_bench.analysis.scored_rows import SharedCases
from arogya_bench.statistics.subgroup_columns import SubgroupColumn
from arogya_bench.statistics.subgroup_table import SubgroupScore, SubgroupTable


def complete_intervals(
    tables: Sequence[SubgroupTable], repeats: Sequence[Sequence[str]], column: SubgroupColumn, cases: SharedCases
) -> list[SubgroupTable]:
    """Replace intervals of several seeds by those of new groups and seeds, and fill in those of shares of 0 or 1.

    Args:
        tables: Of one column, one per row of a comparison: rows share the spread between seeds.
        repeats: Of each row, those of a cross-validation that its seeds belong to; empty otherwise.
        column: What they are about.
        cases: The test cases.
    """
    by_part = [_over_seeds(scores, repeats, cases) for scores in zip(*(table.scores for table in tables), strict=True)]
    return [
        replace(table, scores=tuple(_with_exact_ends(score, column, cases) for score in scores))
        for table, scores in zip(tables, zip(*by_part, strict=True), strict=True)
    ]


def _over_seeds(
    scores: Sequence[SubgroupScore], repeats: Sequence[Sequence[str]], cases: SharedCases
) -> list[SubgroupScore]:
    """One metric in one part: the scores of all rows, with intervals by Student's t for those of several seeds."""
    by_seed = {
        position: score.by_seed.average_units(units)
        for position, (score, units) in enumerate(zip(scores, repeats, strict=True))
        if score.by_seed is not None
    }
    definition, found = cases.task.metrics[scores[0].metric], list(scores)
    ends = mean_intervals(list(by_seed.values()), cases=scores[0].n, low=definition.low, high=definition.high)
    for position, end in zip(by_seed, ends, strict=True):
        score = scores[position]
        if by_seed[position].seeds > 1 and end is not None and end.low is not None:
            note = "" if score.low is None else score.note  # why resamples show no spread
            found[position] = replace(score, low=end.low, high=end.high, method=end.method, note=note)
    return found


def _with_exact_ends(score: SubgroupScore, column: SubgroupColumn, cases: SharedCases) -> SubgroupScore:
    """The interval of a share of 0 or 1, with which all resamples agree."""
    if score.metric not in PROPORTIONS or score.estimate not in (0.0, 1.0) or score.low != score.high:
        return score
    part = column.codes == column.values.index(score.subgroup)
    groups = np.unique(cases.group_of[part & _is_counted(score.metric, cases)]).size
    found = unanimous_interval(score.estimate, groups)
    return replace(score, low=found.low, high=found.high, method=found.method, note=found.note)


def _is_counted(metric: str, cases: SharedCases) -> NDArray[np.bool_]:
    """Shape (n,), the cases that a share is of."""
    targets = cases.task.strata(cases.predictions)
    if metric == "accuracy" or targets is None:
        return np.ones(cases.cases, dtype=np.bool_)
    counted: NDArray[np.bool_] = targets == (1 if metric == "sensitivity" else 0)
    return counted
