"""The ends of the interval of a difference, where the spread over groups alone does not give them."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

import numpy as np

from arogya_bench.analysis.scored_rows import ScoredRow, SharedCases, equal_outputs
from arogya_bench.statistics.group_variance import NO_STRATUM, GroupStrata
from arogya_bench.statistics.paired_differences import ALPHA, PairedDifference, PairedDifferences


def bound_differences(
    all_pairs: PairedDifferences, rows: Sequence[ScoredRow], cases: SharedCases, metric: str
) -> PairedDifferences:
    """Keep differences within the range of the metric, and do not take what these groups do not show for nothing.

    Two rows that no group tells apart may differ in other groups: of n groups without a discordant one, the upper
    bound of the share of discordant groups is 1 - (alpha/2)^(1/n) (Clopper and Pearson 1934; 3.7/n). Only rows with
    equal outputs differ by 0 for certain.
    """
    definition = cases.task.metrics[metric]
    largest, strata = definition.high - definition.low, cases.strata(metric)
    alone, together = (
        unseen_difference(strata, ALPHA),
        unseen_difference(strata, ALPHA / max(1, len(all_pairs.by_pair))),
    )
    scale = largest if isfinite(largest) else 1.0
    bounded = {}
    for (i, j), pair in all_pairs.by_pair.items():
        unseen = not pair.se and not _are_equal(rows[i], rows[j])
        found = _widen(pair, scale * alone, scale * together) if unseen else pair
        bounded[i, j] = _clip(found, largest)
    return replace(all_pairs, by_pair=bounded)


def unseen_difference(strata: GroupStrata, alpha: float) -> float:
    """The largest difference of a metric of range 1 that is compatible with no group that tells two rows apart."""
    labels, sizes = np.unique(strata.stratum_of[strata.stratum_of != NO_STRATUM], return_counts=True)
    if not labels.size:
        return 1.0
    weights = np.full(labels.size, 1 / labels.size) if strata.weights is None else strata.weights[labels]
    return min(1.0, float(weights @ (1 - (alpha / 2) ** (1 / sizes))))


def _are_equal(a: ScoredRow, b: ScoredRow) -> bool:
    first, second = a.row.predictions, b.row.predictions
    return len(first) == len(second) and all(map(equal_outputs, first, second))


def _widen(pair: PairedDifference, alone: float, together: float) -> PairedDifference:
    return replace(pair, low=-alone, high=alone, simultaneous_low=-together, simultaneous_high=together)


def _clip(pair: PairedDifference, largest: float) -> PairedDifference:
    ends = ("low", "high", "simultaneous_low", "simultaneous_high")
    return replace(pair, **{end: min(largest, max(-largest, getattr(pair, end))) for end in ends})
