"""The table of conditions of a comparison: each model against itself on clean images."""

from collections.abc import Mapping, Sequence

import numpy as np

from arogya_bench.comparison.blocks import CLEAN, ComparableRuns, StoredCondition
from arogya_bench.comparison.judgement import Judgement
from arogya_bench.comparison.pair_table import TableRow, interval_columns
from arogya_bench.comparison.row_intervals import row_interval
from arogya_bench.comparison.scored_rows import ScoredRow, score_rows
from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.robustness import robustness_score
from arogya_bench.scoring.scores import Resampling
from arogya_bench.statistics.group_variance import VarianceTerm
from arogya_bench.statistics.paired_differences import PairedDifference, paired_difference
from arogya_bench.statistics.seed_variance import SeedScores, estimate_seed_variance


def robustness_rows(
    block: ComparableRuns, judgement: Judgement, digests: Mapping[str, str], resampling: Resampling
) -> list[TableRow]:
    """Compare every model under each condition with itself on clean images, seed by seed.

    Args:
        block: The evaluations.
        judgement: Of the models on clean images.
        digests: Row name to digest.
        resampling: The resamples of the clean images.

    Returns:
        Rows in the order of the leaderboard, then of the conditions.
    """
    by_model: dict[str, list[TableRow]] = {row.name: [] for row in judgement.rows}
    for condition in block.conditions:
        if condition.name != CLEAN:
            for row in _condition_rows(block, condition, judgement, digests, resampling):
                by_model[str(row["model"])].append(row)
    return [row for rows in by_model.values() for row in rows]


def _condition_rows(
    block: ComparableRuns,
    condition: StoredCondition,
    judgement: Judgement,
    digests: Mapping[str, str],
    resampling: Resampling,
) -> list[TableRow]:
    metric, evaluated, clean = judgement.metric, [], []
    for row in judgement.rows:
        under_condition = block.evaluated_row(digests[row.name], condition.name)
        clean_seeds = block.seeds(digests[row.name], CLEAN)
        shared = [] if under_condition is None else [seed for seed in under_condition.seeds if seed in clean_seeds]
        if under_condition is not None and shared:
            block.check_same_cases([row.row.predictions, under_condition.predictions])
            evaluated.append(under_condition.select_seeds(shared))
            clean.append(row.select_seeds(shared))
    rows = score_rows(evaluated, block.task, [metric], resampling)
    values = estimate_seed_variance([row.seed_scores(metric) for row in rows])
    changes = [_change_per_seed(before, row, metric) for before, row in zip(clean, rows, strict=True)]
    of_changes = estimate_seed_variance(changes)
    return [
        {
            **_describe(block, row, condition, metric),
            **interval_columns("value", row_interval(row, metric, judgement.cases, values.of_mean(i))),
            **_change_columns(_change(changes[i], judgement, of_changes.of_mean(i))),
            "score": _score(block, clean[i], row, metric),
            "note": _seeds_note(block, digests[row.name], condition, evaluated[i].seeds),
        }
        for i, row in enumerate(rows)
    ]


def _seeds_note(block: ComparableRuns, digest: str, condition: StoredCondition, seeds: Sequence[str]) -> str:
    every = {*block.seeds(digest, CLEAN), *block.seeds(digest, condition.name)}
    return "" if every == set(seeds) else f"only seeds {' '.join(seeds)}, which have both clean and degraded images"


def _describe(block: ComparableRuns, row: ScoredRow, condition: StoredCondition, metric: str) -> TableRow:
    return {
        "dataset": block.dataset,
        "model": row.name,
        "condition": condition.name,
        "augmentation": condition.augmentation,
        "severity": condition.severity,
        "level": condition.level,
        "metric": metric,
    }


def _change_per_seed(clean: ScoredRow, row: ScoredRow, metric: str) -> SeedScores:
    """The change from clean images of each seed; a row that no seed changes on clean images has one there."""
    before, after = clean.seed_scores(metric), row.seed_scores(metric)
    return SeedScores(estimates=after.estimates - before.estimates, changes=after.changes - before.changes)


def _change(change: SeedScores, judgement: Judgement, seeds: VarianceTerm | None) -> PairedDifference | None:
    """The mean change, paired by group and by seed; None where it is undefined."""
    if not np.isfinite(change.mean):
        return None
    none = SeedScores(estimates=np.zeros(1), changes=np.zeros((1, judgement.cases.groups)))
    return paired_difference(change, none, judgement.cases.strata(judgement.metric), seeds)


def _change_columns(change: PairedDifference | None) -> TableRow:
    keys: Sequence[str] = ("change", "change.ci_low", "change.ci_high")
    if change is None:
        return dict.fromkeys(keys)
    return dict(zip(keys, (change.estimate, change.low, change.high), strict=True))


def _score(block: ComparableRuns, clean: ScoredRow, row: ScoredRow, metric: str) -> float | None:
    """The share of the clean value that is retained; None where low values are better, or where it is undefined."""
    if block.task.metrics[metric].best != "high":
        return None
    try:
        return robustness_score(clean.estimate(metric), row.estimate(metric))
    except UndefinedMetric:
        return None
