"""The judgement of several rows on the same cases: their order, every pair, and which one is best, if any."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from arogya_bench.analysis.chance import RANKING_METRICS, judge_chance
from arogya_bench.analysis.disagreement import TIE_TOLERANCE, Disagreement, alternative_metric
from arogya_bench.analysis.leader import Evidence, find_leader
from arogya_bench.analysis.pair_bounds import bound_differences
from arogya_bench.analysis.pairs import PairJudgement, judge_control_pairs, judge_pair
from arogya_bench.analysis.row_intervals import row_interval
from arogya_bench.analysis.scored_rows import (
    EvaluatedRow,
    ScoredRow,
    SharedCases,
    score_rows,
    shared_cases,
    single_resample,
)
from arogya_bench.scoring.scores import Resampling
from arogya_bench.scoring.tasks import get_task
from arogya_bench.statistics.group_variance import VarianceTerm
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.paired_differences import PairedDifferences, all_paired_differences
from arogya_bench.statistics.sample_size import MIN_VERDICT_GROUPS
from arogya_bench.statistics.seed_variance import estimate_seed_variance
from arogya_bench.types import Predictions


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The outcome of a comparison by one metric.

    Attributes:
        metric: The deciding metric.
        rows: Best first; those for which the metric is undefined last.
        ranks: One per row; equal estimates share a rank; an undefined one and a control have none.
        pairs: The family: every pair of rows with a defined metric that are no controls.
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
        compared: The rows with a defined metric that are no controls, in the order of ``rows``.
        controls: Rows that show what is reached without seeing the images; they belong to no family.
        control_pairs: Every pair of a row and a control, each by itself.
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
    controls: frozenset[str] = frozenset()
    control_pairs: tuple[PairJudgement, ...] = ()

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
    controls: Collection[str] = (),
) -> Judgement:
    """Judge rows by the metric that decides, and the few others that a verdict needs.

    Args:
        rows: On the same cases in the same order.
        metric: The deciding metric, built in.
        resamples: Number of bootstrap resamples, for the intervals of single rows; None for no such intervals,
            which no verdict reads.
        seed: Hexadecimal, of every random draw.
        excluded: Rows that cannot be recommended, with the reason.
        controls: Rows outside the family of all pairs, without a rank.
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
        controls=controls,
        with_intervals=resamples is not None,
    )


def exclude_rows(judgement: Judgement, reasons: Mapping[str, str]) -> Judgement:
    """Judge again without further rows, such as those that fail a limit; the statistics of pairs stay as they are.

    Args:
        judgement: Of all rows.
        reasons: Row to why it cannot be recommended; a row that is excluded already keeps its first reason.
    """
    unknown = set(reasons) - {row.name for row in judgement.rows}
    if unknown:
        raise ValueError(f"no rows of this judgement: {sorted(unknown)}")
    added = {name: reason for name, reason in reasons.items() if name not in judgement.excluded}
    excluded = {**judgement.excluded, **added}
    evidence = Evidence(
        compared=judgement.compared,
        cases=judgement.cases,
        metric=judgement.metric,
        pairs=judgement.pairs,
        all_pairs=judgement.all_pairs,
        chance=judgement.above_chance,
    )
    return replace(judgement, excluded=excluded, **vars(find_leader(evidence, excluded)))


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
    controls: Collection[str] = (),
    with_intervals: bool = True,
) -> Judgement:
    """Judge scored rows by one of their metrics; takes the arguments of ``judge_rows``."""
    rows = _rank(scored, metric, high_is_better=cases.task.metrics[metric].best == "high")
    defined = [row for row in rows if np.isfinite(row.estimate(metric))]
    compared = tuple(row for row in defined if row.name not in controls)
    outside = tuple(row for row in defined if row.name in controls)
    rng = np.random.default_rng([int(seed, 16), 1])
    all_pairs = all_paired_differences([row.seed_scores(metric) for row in compared], cases.strata(metric), rng=rng)
    all_pairs = bound_differences(all_pairs, compared, cases, metric)
    pairs = tuple(
        judge_pair(compared[i], compared[j], all_pairs.by_pair[i, j], cases, metric)
        for i, j in combinations(range(len(compared)), 2)
    )
    excluded = {**dict.fromkeys(controls, "it is a control"), **_reasons_to_exclude(rows, metric), **excluded}
    chance = {**judge_chance(compared, cases, metric), **judge_chance(outside, cases, metric)}
    evidence = Evidence(compared=compared, cases=cases, metric=metric, pairs=pairs, all_pairs=all_pairs, chance=chance)
    with_interval = (compared, outside) if with_intervals else ()
    return Judgement(
        metric=metric,
        cases=cases,
        rows=rows,
        ranks=_shared_ranks(rows, metric, controls),
        pairs=pairs,
        excluded=excluded,
        above_chance={**{row.name: None for row in rows}, **chance},
        **vars(find_leader(evidence, excluded)),
        intervals={
            **dict.fromkeys(row.name for row in rows),
            **{name: found for part in with_interval for name, found in _intervals(part, cases, metric).items()},
        },
        all_pairs=all_pairs,
        compared=compared,
        controls=frozenset(controls),
        control_pairs=judge_control_pairs(compared, outside, cases, metric),
    )


def seed_terms(judgement: Judgement, metric: str) -> dict[str, VarianceTerm | None]:
    """By row, the variance that new seeds add; controls share it among themselves only."""
    terms: dict[str, VarianceTerm | None] = {}
    for are_controls in (False, True):
        rows = [row for row in judgement.rows if (row.name in judgement.controls) == are_controls]
        seeds = estimate_seed_variance([row.seed_scores(metric) for row in rows])
        terms |= {row.name: seeds.of_mean(position) for position, row in enumerate(rows)}
    return terms


def _intervals(rows: Sequence[ScoredRow], cases: SharedCases, metric: str) -> dict[str, Interval | None]:
    seeds = estimate_seed_variance([row.seed_scores(metric) for row in rows])
    return {row.name: row_interval(row, metric, cases, seeds.of_mean(position)) for position, row in enumerate(rows)}


def _rank(rows: Sequence[ScoredRow], metric: str, *, high_is_better: bool) -> tuple[ScoredRow, ...]:
    """Best first; equal rows by name, and not by when they were run."""
    sign = -1 if high_is_better else 1
    return tuple(sorted(rows, key=lambda row: (np.nan_to_num(sign * row.estimate(metric), nan=np.inf), row.name)))


def _shared_ranks(rows: Sequence[ScoredRow], metric: str, controls: Collection[str]) -> tuple[int | None, ...]:
    ranks: list[int | None] = []
    last, last_value, position = 0, np.nan, 0
    for row in rows:
        value = row.estimate(metric)
        if not np.isfinite(value) or row.name in controls:
            ranks.append(None)
            continue
        position += 1
        tied = abs(value - last_value) <= TIE_TOLERANCE
        last, last_value = last if tied else position, value
        ranks.append(last)
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
