"""Whether two leading metrics disagree about the first row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arogya_bench.analysis.scored_rows import ScoredRow, SharedCases
from arogya_bench.statistics.paired_differences import paired_difference
from arogya_bench.statistics.seed_variance import estimate_seed_variance

TIE_TOLERANCE = 1e-12  # estimates that differ by rounding only
SCORE_METRICS = ("auroc_macro_ovr", "auroc", "average_precision_macro", "average_precision")  # read scores, not answers


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """Another metric by which another row is first.

    Attributes:
        leader: The row that is first by that metric, with its value; ``other_value`` is of the row that is first by
            the deciding metric.
        shown: Whether its interval of the difference leaves out 0.
    """

    metric: str
    leader: str
    value: float
    other_value: float
    shown: bool


def alternative_metric(metric: str) -> str:
    """The leading metric that a deciding one is set beside: one of answers beside one of scores, and the reverse."""
    return "f1_macro" if metric in SCORE_METRICS else "auroc_macro_ovr"


def find_disagreement(rows: Sequence[ScoredRow], cases: SharedCases, metric: str) -> Disagreement | None:
    """Find out whether another row is first by a metric that reads scores, or answers if the deciding one does."""
    other = alternative_metric(metric)
    if not rows or other not in rows[0].metrics:
        return None
    scores = [row.seed_scores(other) for row in rows]
    values = np.array([row.mean for row in scores])
    if not np.isfinite(values[0]):
        return None
    best = int(np.nanargmax(values))
    if (
        values[best] - values[0] <= TIE_TOLERANCE
        or abs(rows[best].estimate(metric) - rows[0].estimate(metric)) <= TIE_TOLERANCE
    ):
        return None  # the same row leads, or it shares the first place
    seeds = estimate_seed_variance(scores).of_mean(best, 0)
    difference = paired_difference(scores[best], scores[0], cases.strata(other), seeds)
    return Disagreement(
        metric=other,
        leader=rows[best].name,
        value=float(values[best]),
        other_value=float(values[0]),
        shown=difference.shown_alone,
    )
