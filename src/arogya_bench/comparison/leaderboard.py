"""The leaderboard of a block: every row with its metrics, and what must be known of it."""

from collections.abc import Mapping, Sequence

import numpy as np

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.analysis.judgement import Judgement, seed_terms
from arogya_bench.analysis.row_intervals import row_interval
from arogya_bench.analysis.scored_rows import ScoredRow, SharedCases
from arogya_bench.analysis.table_rows import TableRow, bounds, interval_columns
from arogya_bench.comparison.api_answers import ApiAnswers
from arogya_bench.comparison.api_notes import outcome_note
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.costs import COST, row_kind
from arogya_bench.comparison.pareto import LATENCY
from arogya_bench.scoring.classification import CLASSIFICATION
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import join_notes

ROUNDING_TOLERANCE = 1e-9  # of two values of a metric
SPEED_AND_COST_COLUMNS = (*bounds(LATENCY), "latency_grade", *bounds(COST))


def leaderboard_rows(
    block: ComparableRuns, judgement: Judgement, robustness: Sequence[TableRow], apis: Mapping[str, ApiAnswers]
) -> list[TableRow]:
    """One row per model, best first, without what is measured apart."""
    metrics = judgement.rows[0].metrics
    seeds = {name: seed_terms(judgement, name) for name in metrics}
    classes = judgement.cases.class_names
    positive = classes[-1] if len(classes) == 2 and block.task.name == CLASSIFICATION.name else None
    rows = []
    for position, row in enumerate(judgement.rows):
        intervals = {name: row_interval(row, name, judgement.cases, seeds[name][row.name]) for name in metrics}
        intervals[judgement.metric] = judgement.intervals[row.name]
        rows.append(
            {
                "dataset": block.dataset,
                "rank": judgement.ranks[position],
                **_describe_row(row, judgement),
                **{key: value for name in metrics for key, value in interval_columns(name, intervals[name]).items()},
                **_robustness_summary(block, row.name, robustness),
                **dict.fromkeys(SPEED_AND_COST_COLUMNS),  # their order
                "kind": row_kind(block, row.name),
                "run_ids": _run_ids(block, row),
                "positive_class": positive,
                **_logged_columns(block, row, judgement, intervals[judgement.metric], _outcome_note(apis, row.name)),
            }
        )
    return rows


def _run_ids(block: ComparableRuns, row: ScoredRow) -> list[str]:
    """The evaluations on clean images, in the order of the seeds."""
    digest = next(digest for digest, name in block.row_names.items() if name == row.name)
    return [run.run_id for seed in row.row.seeds for run in block.parts((digest, CLEAN, seed))]


def _describe_row(row: ScoredRow, judgement: Judgement) -> TableRow:
    values = [seed[judgement.metric].estimate for seed in row.by_seed]
    several = len(values) > 1
    return {
        "model": row.name,
        "seeds": [int(seed) if seed.isdecimal() else seed for seed in row.row.seeds],  # folds: 42-r0
        "seeded": row.row.seeded or several,
        "seed_sd": float(np.std(values, ddof=1)) if several else None,
        "seed_values": values if several else [],
        "above_chance": judgement.above_chance[row.name],
        "cases": judgement.cases.cases,
        "groups": judgement.cases.groups,
    }


def _outcome_note(apis: Mapping[str, ApiAnswers], name: str) -> str:
    return outcome_note(apis[name]) if name in apis else ""


def _logged_columns(
    block: ComparableRuns, row: ScoredRow, judgement: Judgement, primary: Interval | None, outcomes: str
) -> TableRow:
    """The note of a row, and metrics whose runs log another value."""
    metric = judgement.metric
    logged = _logged_values(row, judgement.cases, block)
    notes = [outcomes, primary.note if primary else "the metric is undefined on these cases"]
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


def add_speed_and_cost(
    leaderboard: Sequence[TableRow], measurements: Sequence[TableRow], costs: Mapping[str, TableRow]
) -> list[TableRow]:
    """Fill the columns of latency and cost, which are None where they are not measured."""
    by_model = {str(row["model"]): row for row in measurements}
    return [
        {
            **row,
            **{column: by_model.get(str(row["model"]), {}).get(column) for column in bounds(LATENCY)},
            "latency_grade": by_model.get(str(row["model"]), {}).get("grade"),
            **{column: costs.get(str(row["model"]), {}).get(column) for column in bounds(COST)},
        }
        for row in leaderboard
    ]
