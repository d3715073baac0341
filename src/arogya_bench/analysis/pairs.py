"""One pair of rows of a comparison, and the difference that a study like it would show."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arogya_bench.analysis.scored_rows import ScoredRow, SharedCases
from arogya_bench.scoring.tasks import correct_cases
from arogya_bench.statistics.group_variance import NO_STRATUM
from arogya_bench.statistics.paired_differences import PairedDifference, PairedDifferences, paired_difference
from arogya_bench.statistics.seed_variance import estimate_seed_variance
from arogya_bench.types import Floats

MIN_DISCORDANT_GROUPS = 20  # below it, a detectable difference is not printed


@dataclass(frozen=True, kw_only=True)
class PairJudgement:
    """Two rows, the better one first.

    Attributes:
        result: The difference A - B of the metric, with its intervals and p-values.
        discordant_groups: Groups that the metric reads in which one row is right more often than the other; None if
            cases are not so scored.
        better: The row that is shown to be better after correction over all pairs of the family; None if neither is.
    """

    a: str
    b: str
    result: PairedDifference
    discordant_groups: int | None
    better: str | None

    @property
    def shown(self) -> bool:
        """Whether a difference is shown after correction over all pairs."""
        return self.better is not None


def judge_pair(a: ScoredRow, b: ScoredRow, result: PairedDifference, cases: SharedCases, metric: str) -> PairJudgement:
    """Say which of two rows is shown to be better by a metric, if any."""
    high_is_better = cases.task.metrics[metric].best == "high"
    better = None
    if result.shown:
        better = a.name if (result.estimate > 0) == high_is_better else b.name
    correct_a, correct_b = _correct_per_group(a, cases), _correct_per_group(b, cases)
    is_read = cases.strata(metric).stratum_of != NO_STRATUM
    discordant = None
    if correct_a is not None and correct_b is not None:
        discordant = int((correct_a != correct_b)[is_read].sum())
    return PairJudgement(a=a.name, b=b.name, result=result, discordant_groups=discordant, better=better)


def judge_control_pairs(
    rows: Sequence[ScoredRow], controls: Sequence[ScoredRow], cases: SharedCases, metric: str
) -> tuple[PairJudgement, ...]:
    """Compare each row with each control, every pair by itself, the better one first."""
    scores = [row.seed_scores(metric) for row in (*rows, *controls)]
    seeds = estimate_seed_variance(scores)
    sign = 1 if cases.task.metrics[metric].best == "high" else -1
    pairs = []
    for i, row in enumerate(rows):
        for j, control in enumerate(controls, start=len(rows)):
            swapped = sign * (scores[i].mean - scores[j].mean) < 0
            first, second = (j, i) if swapped else (i, j)
            a, b = (control, row) if swapped else (row, control)
            result = paired_difference(scores[first], scores[second], cases.strata(metric), seeds.of_mean(i, j))
            pairs.append(judge_pair(a, b, result, cases, metric))
    return tuple(pairs)


def detectable_difference(
    all_pairs: PairedDifferences, leader: int, others: Sequence[int], pairs: Sequence[PairJudgement], *, largest: float
) -> float | None:
    """The lead over each other row that a study like this one shows with 80 % power.

    Args:
        all_pairs: The statistics of all pairs.
        leader: Position of the first row.
        others: Positions of the rows that it must beat.
        pairs: The pairs of the first row with these.
        largest: The largest difference that the metric allows.

    Returns:
        None if nothing is to be beaten, if too few groups are discordant to estimate it, or if no lead would be shown.
    """
    counts = [pair.discordant_groups for pair in pairs if pair.discordant_groups is not None]
    if not others or (counts and min(counts) < MIN_DISCORDANT_GROUPS):
        return None
    lead = all_pairs.detectable_lead(leader, others)
    return lead if lead <= largest else None


def _correct_per_group(row: ScoredRow, cases: SharedCases) -> Floats | None:
    """Shape (groups,): the mean over seeds of the cases that are right."""
    columns = [correct_cases(predictions) for predictions in row.row.predictions]
    if any(column is None for column in columns):
        return None
    mean = np.mean([column for column in columns if column is not None], axis=0)
    per_group: Floats = np.bincount(cases.group_of, mean, minlength=cases.groups).astype(np.float64)
    return per_group
