"""The table of conditions of a comparison: each model against itself on clean images."""

from collections.abc import Sequence

import numpy as np

from arogya_bench.analysis.conditions import StoredCondition
from arogya_bench.analysis.judgement import Judgement
from arogya_bench.analysis.row_intervals import row_interval
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import DegradedRows, Study
from arogya_bench.analysis.table_rows import TableRow, interval_columns
from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.robustness import robustness_score
from arogya_bench.statistics.group_variance import VarianceTerm
from arogya_bench.statistics.paired_differences import PairedDifference, paired_difference
from arogya_bench.statistics.seed_variance import SeedScores, estimate_seed_variance


def robustness_rows(study: Study) -> list[TableRow]:
    """Compare every row under each condition with itself on clean images, seed by seed.

    Returns:
        Rows in the order of the leaderboard, then of the conditions.
    """
    by_model: dict[str, list[TableRow]] = {row.name: [] for row in study.rows}
    for degraded in study.degraded:
        for row in _condition_rows(study, degraded):
            by_model[str(row["model"])].append(row)
    return [row for rows in by_model.values() for row in rows]


def _condition_rows(study: Study, degraded: DegradedRows) -> list[TableRow]:
    metric, rows, clean = study.metric, degraded.rows, degraded.clean
    values = estimate_seed_variance([row.seed_scores(metric) for row in rows])
    changes = [_change_per_seed(before, row, metric) for before, row in zip(clean, rows, strict=True)]
    of_changes = estimate_seed_variance(changes)
    return [
        {
            **_describe(study, row, degraded.condition),
            **interval_columns("value", row_interval(row, metric, study.cases, values.of_mean(i))),
            **_change_columns(_change(changes[i], study.judgement, of_changes.of_mean(i))),
            "score": _score(study, clean[i], row),
            "note": degraded.notes.get(row.name, ""),
        }
        for i, row in enumerate(rows)
    ]


def _describe(study: Study, row: ScoredRow, condition: StoredCondition) -> TableRow:
    return {
        "dataset": study.dataset,
        "model": row.name,
        "condition": condition.name,
        "augmentation": condition.augmentation,
        "severity": condition.severity,
        "level": condition.level,
        "scale": condition.scale,
        "metric": study.metric,
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


def _score(study: Study, clean: ScoredRow, row: ScoredRow) -> float | None:
    """The share of the clean value that is retained; None where low values are better, or where it is undefined."""
    if study.task.metrics[study.metric].best != "high":
        return None
    try:
        return robustness_score(clean.estimate(study.metric), row.estimate(study.metric))
    except UndefinedMetric:
        return None
