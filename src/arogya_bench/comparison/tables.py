"""Compare the models of one block: leaderboard, paired tests, robustness and verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from arogya_bench.comparison.blocks import CLEAN, ComparableRuns
from arogya_bench.comparison.costs import COST, PriceChoice, cost_rows, costs_by_model
from arogya_bench.comparison.judgement import Judgement, judge, verdict_metrics
from arogya_bench.comparison.measurement_tables import bounds, latency_pair_rows, measurement_rows, throughput_rows
from arogya_bench.comparison.measurements import BlockMeasurements, load_measurements
from arogya_bench.comparison.pair_table import TableRow, interval_columns, pair_rows
from arogya_bench.comparison.pareto import LATENCY, pareto_rows
from arogya_bench.comparison.recommendations import Findings, recommendation_rows
from arogya_bench.comparison.robustness_table import robustness_rows
from arogya_bench.comparison.row_intervals import row_interval
from arogya_bench.comparison.scored_rows import ScoredRow, SharedCases, score_rows, shared_cases
from arogya_bench.comparison.verdict import build_verdict, no_verdict
from arogya_bench.scoring.scores import Resampling
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.seed_variance import estimate_seed_variance

ROUNDING_TOLERANCE = 1e-9  # of two values of a metric
SPEED_AND_COST_COLUMNS = (*bounds(LATENCY), "latency_grade", *bounds(COST))  # of the leaderboard
DEFAULT_MARGIN = 0.02  # of the deciding metric, that a cheaper model may be worse


@dataclass(frozen=True, kw_only=True)
class BlockTables:
    """The tables of one block, as lists of rows."""

    verdict: list[TableRow]
    leaderboard: list[TableRow]
    pairwise: list[TableRow]
    robustness: list[TableRow]
    missing: list[TableRow]
    measurements: list[TableRow] = field(default_factory=list)
    throughput: list[TableRow] = field(default_factory=list)
    latency_pairs: list[TableRow] = field(default_factory=list)
    cost: list[TableRow] = field(default_factory=list)
    pareto: list[TableRow] = field(default_factory=list)
    recommendations: list[TableRow] = field(default_factory=list)
    measured: BlockMeasurements = field(default_factory=BlockMeasurements)


def compare_block(
    block: ComparableRuns, requested_metric: str, *, prices: PriceChoice | None = None, margin: float = DEFAULT_MARGIN
) -> BlockTables:
    """Compare the models of a block by the requested metric, or by the default of their task.

    Args:
        block: The evaluations.
        requested_metric: The deciding metric, if the task has it.
        prices: Of machines, energy and APIs; None for no costs.
        margin: Largest loss of the deciding metric that is accepted for a lower cost.

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
    tables = BlockTables(
        verdict=[{"dataset": block.dataset, "metric": metric, **build_verdict(block, judgement)}],
        leaderboard=_leaderboard_rows(block, judgement, robustness),
        pairwise=pair_rows(block, judgement),
        robustness=robustness,
        missing=missing,
    )
    return _with_measurements(tables, block, judgement, digests, prices=prices, margin=margin)


def _with_measurements(
    tables: BlockTables,
    block: ComparableRuns,
    judgement: Judgement,
    digests: Mapping[str, str],
    *,
    prices: PriceChoice | None,
    margin: float,
) -> BlockTables:
    """Add what was measured of the models, what it costs, and what follows."""
    measured = load_measurements(block)
    models = {row.name: digests[row.name] for row in judgement.rows}
    measurements = measurement_rows(block, measured, models)
    throughput = throughput_rows(block, measured, models)
    costs = cost_rows(block, measured, models, prices)
    by_model = costs_by_model(costs)
    findings = Findings(
        block=block,
        judgement=judgement,
        measured=measured,
        models=models,
        throughput=throughput,
        costs=costs,
        margin=margin,
        choice=prices,
    )
    return replace(
        tables,
        leaderboard=_add_speed_and_cost(tables.leaderboard, measurements, by_model),
        measurements=measurements,
        throughput=throughput,
        latency_pairs=latency_pair_rows(block, measured, models),
        cost=costs,
        pareto=pareto_rows(block, judgement, digests, measured, by_model),
        recommendations=recommendation_rows(findings),
        measured=measured,
    )


def _add_speed_and_cost(
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


def _leaderboard_rows(block: ComparableRuns, judgement: Judgement, robustness: Sequence[TableRow]) -> list[TableRow]:
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
                **dict.fromkeys(SPEED_AND_COST_COLUMNS),  # their order
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
