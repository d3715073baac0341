"""The judgement of several rows on the same cases: their order, every pair, and which one is best, if any."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from arogya_bench.comparison.chance import RANKING_METRICS, judge_chance
from arogya_bench.comparison.disagreement import TIE_TOLERANCE, Disagreement, alternative_metric, find_disagreement
from arogya_bench.comparison.pairs import PairJudgement, detectable_difference, judge_pair
from arogya_bench.comparison.row_intervals import row_interval
from arogya_bench.comparison.scored_rows import (
    EvaluatedRow,
    ScoredRow,
    SharedCases,
    score_rows,
    shared_cases,
    single_resample,
)
from arogya_bench.metrics.catalogue import MetricFunction
from arogya_bench.metrics.plugins import PluginMetric
from arogya_bench.scoring.scores import Resampling
from arogya_bench.scoring.tasks import get_task
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.paired_differences import PairedDifferences, all_paired_differences
from arogya_bench.statistics.sample_size import MIN_VERDICT_GROUPS
from arogya_bench.types import Predictions


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The outcome of a comparison by one metric.

    Attributes:
        metric: The deciding metric.
        rows: Best first; those for which the metric is undefined last.
        ranks: One per row; equal estimates share a rank, and an undefined one has none.
        pairs: Every pair of rows with a defined metric.
        leader: The row that is named as best: shown to be better than each other row that may be recommended, at
            the two-sided 5 % level without correction, since it must win all of these tests (Berger 1982).
        candidate: The row that is first among those that may be recommended; None on a tie, or without one.
        not_beaten: Rows that the candidate is not shown to beat.
        excluded: Rows that cannot be recommended, with the reason.
        above_chance: By row, whether it is shown to be better than guessing; None if that is not judged.
        disagreement: Another leading metric with another leader, if any.
        detectable_difference: The lead over each other row that a study like this one shows with 80 % power; None
            with too few discordant groups.
        intervals: By row, the 95 % interval of the metric.
        all_pairs: The statistics behind ``pairs``, by positions in ``compared``.
        compared: The rows with a defined metric, in the order of ``rows``.
    """

    metric: str
    cases: SharedCases
    rows: tuple[ScoredRow, ...]
    ranks: tuple[int | None, ...]
    pairs: tuple[PairJudgement, ...]
    leader: str | None
    candidate: str | None
    not_beaten: tuple[str, ...]
    excluded: Mapping[str, str]
    above_chance: Mapping[str, bool | None]
    disagreement: Disagreement | None
    detectable_difference: float | None
    intervals: Mapping[str, Interval | None]
    all_pairs: PairedDifferences
    compared: tuple[ScoredRow, ...]

    @property
    def is_large_enough(self) -> bool:
        """Whether there are groups enough for a verdict."""
        return self.cases.groups >= MIN_VERDICT_GROUPS


def judge_rows(
    rows: Sequence[EvaluatedRow],
    *,
    metric: str,
    resamples: int | None,
    seed: str,
    excluded: Mapping[str, str] | None = None,
) -> Judgement:
    """Judge rows by the metric that decides, and the few others that a verdict needs.

    Args:
        rows: On the same cases in the same order.
        metric: The deciding metric, built in.
        resamples: Number of bootstrap resamples, for the intervals of single rows; None for no such intervals,
            which no verdict reads.
        seed: Hexadecimal, of every random draw.
        excluded: Rows that cannot be recommended, with the reason.
    """
    task = get_task(rows[0].predictions[0])
    names = [metric, *(name for name in verdict_metrics(metric) if name in task.metrics and name != metric)]
    first = rows[0].predictions[0]
    scored = score_rows(rows, task, names, single_resample(first))
    if resamples is not None:
        drawn = score_rows(rows, task, [metric], Resampling(predictions=first, resamples=resamples, seed=seed))
        scored = [row.with_metrics(other) for row, other in zip(scored, drawn, strict=True)]
    return judge(
        scored,
        shared_cases(rows, task),
        metric,
        seed=seed,
        excluded=excluded or {},
        with_intervals=resamples is not None,
    )


def verdict_metrics(metric: str) -> tuple[str, ...]:
    """The metrics beside the deciding one that a verdict reads."""
    return tuple(dict.fromkeys((*RANKING_METRICS, alternative_metric(metric))))


def judge(
    scored: Sequence[ScoredRow],
    cases: SharedCases,
    metric: str,
    *,
    seed: str,
    excluded: Mapping[str, str],
    with_intervals: bool = True,
) -> Judgement:
    """Judge scored rows by one of their metrics; takes the arguments of ``judge_rows``."""
    high_is_better = cases.task.metrics[metric].best == "high"
    rows = _rank(scored, metric, high_is_better=high_is_better)
    compared = tuple(row for row in rows if np.isfinite(row.estimate(metric)))
    rng = np.random.default_rng([int(seed, 16), 1])
    all_pairs = all_paired_differences([row.seed_scores(metric) for row in compared], cases.strata(metric), rng=rng)
    pairs = tuple(
        judge_pair(compared[i], compared[j], all_pairs.by_pair[i, j], cases, metric)
        for i, j in combinations(range(len(compared)), 2)
    )
    excluded = {**_reasons_to_exclude(rows, metric), **excluded}
    candidate = _find_candidate(compared, metric, excluded)
    chance = judge_chance(compared, cases, metric)
    others = [row.name for row in compared if row.name != candidate and row.name not in excluded]
    not_beaten = tuple(name for name in others if candidate and not _is_beaten(pairs, candidate, name, high_is_better))
    large = cases.groups >= MIN_VERDICT_GROUPS
    wins = large and candidate is not None and bool(others) and not not_beaten and chance[candidate] is not False
    return Judgement(
        metric=metric,
        cases=cases,
        rows=rows,
        ranks=_shared_ranks(rows, metric),
        pairs=pairs,
        leader=candidate if wins else None,
        candidate=candidate,
        not_beaten=not_beaten,
        excluded=excluded,
        above_chance={**{row.name: None for row in rows}, **chance},
        disagreement=find_disagreement([row for row in compared if row.name not in excluded], cases, metric),
        detectable_difference=_detectable(compared, all_pairs, pairs, candidate, excluded, cases.task.metrics[metric]),
        intervals={
            **dict.fromkeys(row.name for row in rows),
            **(_intervals(compared, cases, metric, all_pairs) if with_intervals else {}),
        },
        all_pairs=all_pairs,
        compared=compared,
    )


def _intervals(
    compared: Sequence[ScoredRow], cases: SharedCases, metric: str, all_pairs: PairedDifferences
) -> dict[str, Interval | None]:
    return {
        row.name: row_interval(row, metric, cases, all_pairs.seeds.of_mean(position))
        for position, row in enumerate(compared)
    }


def _rank(rows: Sequence[ScoredRow], metric: str, *, high_is_better: bool) -> tuple[ScoredRow, ...]:
    sign = -1 if high_is_better else 1
    return tuple(sorted(rows, key=lambda row: np.nan_to_num(sign * row.estimate(metric), nan=np.inf)))


def _shared_ranks(rows: Sequence[ScoredRow], metric: str) -> tuple[int | None, ...]:
    ranks: list[int | None] = []
    for position, row in enumerate(rows):
        value = row.estimate(metric)
        if not np.isfinite(value):
            ranks.append(None)
        elif position and abs(value - rows[position - 1].estimate(metric)) <= TIE_TOLERANCE:
            ranks.append(ranks[-1])
        else:
            ranks.append(position + 1)
    return tuple(ranks)


def _reasons_to_exclude(rows: Sequence[ScoredRow], metric: str) -> dict[str, str]:
    reasons = {}
    for row in rows:
        answered = [_share_answered(predictions) for predictions in row.row.predictions]
        if not max(answered):
            reasons[row.name] = "it gave no answer"
        elif not np.isfinite(row.estimate(metric)):
            cause = "some of its cases have no answer" if min(answered) < 1 else _undefined_reason(row, metric)
            reasons[row.name] = f"{metric} is undefined for it ({cause})"
    return reasons


def _undefined_reason(row: ScoredRow, metric: str) -> str:
    reasons = [get_task(seed).score(seed).undefined.get(metric) for seed in row.row.predictions]
    return next((reason for reason in reasons if reason), "on these cases")


def _share_answered(predictions: object) -> float:
    if not isinstance(predictions, Predictions):
        return 1.0
    return 1 - float(np.isnan(predictions.probabilities).any(axis=1).mean())


def _find_candidate(compared: Sequence[ScoredRow], metric: str, excluded: Collection[str]) -> str | None:
    """The first row that may be recommended; None on a tie for the first place."""
    eligible = [row for row in compared if row.name not in excluded]
    if not eligible:
        return None
    values = [row.estimate(metric) for row in eligible]
    tied = len(values) > 1 and abs(values[0] - values[1]) <= TIE_TOLERANCE
    return None if tied else eligible[0].name


def _is_beaten(pairs: Sequence[PairJudgement], candidate: str, other: str, high_is_better: bool) -> bool:
    (pair,) = (pair for pair in pairs if {pair.a, pair.b} == {candidate, other})
    result, first = pair.result, pair.a == candidate
    return result.low > 0 if first == high_is_better else result.high < 0


def _detectable(
    compared: Sequence[ScoredRow],
    all_pairs: PairedDifferences,
    pairs: Sequence[PairJudgement],
    candidate: str | None,
    excluded: Collection[str],
    definition: MetricFunction[..., Any] | PluginMetric,
) -> float | None:
    names = [row.name for row in compared]
    first = candidate or next((name for name in names if name not in excluded), None)
    if first is None:
        return None
    others = [i for i, name in enumerate(names) if name != first and name not in excluded]
    of_first = [pair for pair in pairs if first in (pair.a, pair.b) and not {pair.a, pair.b} & set(excluded)]
    return detectable_difference(
        all_pairs, names.index(first), others, of_first, largest=definition.high - definition.low
    )
