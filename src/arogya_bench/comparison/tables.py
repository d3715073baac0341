"""Compare the models of one block: leaderboard, paired tests, robustness and verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arogya_bench.comparison.blocks import CLEAN, ComparableRuns
from arogya_bench.comparison.judgement import Judgement, judge, verdict_metrics
from arogya_bench.comparison.pair_table import TableRow, interval_columns, pair_rows
from arogya_bench.comparison.robustness_table import robustness_rows
from arogya_bench.comparison.row_intervals import row_interval
from arogya_bench.comparison.scored_rows import ScoredRow, SharedCases, score_rows, shared_cases
from arogya_bench.comparison.verdict import build_verdict, no_verdict
from arogya_bench.scoring.scores import Resampling
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.seed_variance import estimate_seed_variance
from arogya_bench.tracking.runs import search_runs
from arogya_bench.tracking.tags import KIND, MODEL_CONFIG_DIGEST

ROUNDING_TOLERANCE = 1e-9  # of two values of a metric
NOT_MEASURED = "not measured"
MEASUREMENT_COLUMNS = ("latency_p50_ms", "cost_per_1k_images_usd")  # from measurement runs


@dataclass(frozen=True, kw_only=True)
class BlockTables:
    """The tables of one block, as lists of rows."""

    verdict: list[TableRow]
    leaderboard: list[TableRow]
    pairwise: list[TableRow]
    robustness: list[TableRow]
    missing: list[TableRow]


def compare_block(block: ComparableRuns, requested_metric: str) -> BlockTables:
    """Compare the models of a block by the requested metric, or by the default of their task.

    Raises:
        TrackingError: If the stored predictions of different models cover different cases.
    """
    metric = block.primary_metric(requested_metric)
    evaluated = {digest: row for digest in block.row_names if (row := block.evaluated_row(digest, CLEAN)) is not None}
    missing: list[TableRow] = [{"dataset": block.dataset, **cell} for cell in block.missing]
    if not evaluated:
        verdict: TableRow = {"dataset": block.dataset, "metric": metric, **no_verdict(block)}
        return BlockTables(verdict=[verdict], leaderboard=[], pairwise=[], robustness=[], missing=missing)
    block.check_same_cases([row.predictions for row in evaluated.values()])
    rows = list(evaluated.values())
    cases = shared_cases(rows, block.task)
    names = dict.fromkeys((*block.task.interval_metrics, metric, *verdict_metrics(metric)))
    resampling = Resampling(predictions=cases.predictions, resamples=block.resamples, seed=block.split_digest)
    scored = score_rows(rows, block.task, [name for name in names if name in block.task.metrics], resampling)
    judgement = judge(scored, cases, metric, seed=block.split_digest, excluded=block.not_recommendable)
    digests = {row.name: digest for digest, row in evaluated.items()}
    robustness = robustness_rows(block, judgement, digests, resampling)
    return BlockTables(
        verdict=[{"dataset": block.dataset, "metric": metric, **build_verdict(block, judgement)}],
        leaderboard=_leaderboard_rows(block, judgement, robustness, digests),
        pairwise=pair_rows(block, judgement),
        robustness=robustness,
        missing=missing,
    )


def _leaderboard_rows(
    block: ComparableRuns, judgement: Judgement, robustness: Sequence[TableRow], digests: Mapping[str, str]
) -> list[TableRow]:
    metrics = judgement.rows[0].metrics
    seeds = {name: estimate_seed_variance([row.seed_scores(name) for row in judgement.rows]) for name in metrics}
    rows = []
    for position, row in enumerate(judgement.rows):
        intervals = {name: row_interval(row, name, judgement.cases, seeds[name].of_mean(position)) for name in metrics}
        intervals[judgement.metric] = judgement.intervals[row.name]
        rows.append(
            {
                "dataset": block.dataset,
                "rank": judgement.ranks[position],
                **_describe_row(row, judgement),
                **{key: value for name in metrics for key, value in interval_columns(name, intervals[name]).items()},
                **_robustness_summary(block, row.name, robustness),
                **_latest_measurement(block, digests[row.name]),
                **_logged_columns(block, row, judgement, intervals[judgement.metric]),
            }
        )
    return rows


def _describe_row(row: ScoredRow, judgement: Judgement) -> TableRow:
    values = [seed[judgement.metric].estimate for seed in row.by_seed]
    several = len(values) > 1
    return {
        "model": row.name,
        "seeds": " ".join(row.row.seeds) if row.row.seeded or several else "any",
        "seed_sd": float(np.std(values, ddof=1)) if several else None,
        "seed_values": " ".join(f"{value:.4f}" for value in values) if several else None,
        "above_chance": judgement.above_chance[row.name],
        "cases": judgement.cases.cases,
        "groups": judgement.cases.groups,
    }


def _logged_columns(block: ComparableRuns, row: ScoredRow, judgement: Judgement, primary: Interval | None) -> TableRow:
    """The note of a row, and metrics whose runs log another value."""
    metric = judgement.metric
    logged = _logged_values(row, judgement.cases, block)
    notes = [primary.note if primary else "the metric is undefined on these cases"]
    if metric in logged:
        notes.append(f"{metric} is {logged[metric]:.3f} with the classes that scikit-learn averages, as its run logs")
    return {**{f"{name}.as_logged": value for name, value in logged.items()}, "note": join_notes(*notes)}


def _logged_values(row: ScoredRow, cases: SharedCases, block: ComparableRuns) -> dict[str, float]:
    """Metrics that the runs log with another value, since a class is predicted that has no test case."""
    if cases.groups_per_class is not None and not cases.missing_classes:
        return {}
    logged = [block.task.score(predictions).values for predictions in row.row.predictions]
    means = {name: float(np.mean([values.get(name, np.nan) for values in logged])) for name in row.metrics}
    return {name: value for name, value in means.items() if abs(value - row.estimate(name)) > ROUNDING_TOLERANCE}


def _robustness_summary(block: ComparableRuns, model: str, robustness: Sequence[TableRow]) -> TableRow:
    """Mean robustness score and worst condition; None unless every condition has a score.

    Otherwise a model whose worst condition failed would look better than one evaluated under it.
    """
    scores = {
        str(row["condition"]): float(str(row["score"]))
        for row in robustness
        if row["model"] == model and row["score"] is not None
    }
    if not scores or len(scores) < sum(condition.name != CLEAN for condition in block.conditions):
        return {"robustness_score": None, "worst_condition": None}
    worst = min(scores, key=scores.__getitem__)
    return {
        "robustness_score": float(np.mean(list(scores.values()))),
        "worst_condition": worst if scores[worst] < 1 else "none",
    }


def _latest_measurement(block: ComparableRuns, row: str) -> TableRow:
    """Latency and cost of the newest measurement of a model."""
    runs = search_runs(
        block.store,
        f"tags.`{KIND}` = 'measurement' and tags.`{MODEL_CONFIG_DIGEST}` = '{row}' and attributes.status = 'FINISHED'",
    )
    metrics = runs[-1].metrics if runs else {}
    return {name: metrics.get(name, NOT_MEASURED) for name in MEASUREMENT_COLUMNS}
