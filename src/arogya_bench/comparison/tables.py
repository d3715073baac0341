"""Compare the models of one block: leaderboard, paired tests, robustness and verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from arogya_bench.comparison.api_answers import ApiAnswers, load_api_answers
from arogya_bench.comparison.api_notes import verdict_notes
from arogya_bench.comparison.api_outcomes import api_outcome_rows
from arogya_bench.comparison.api_table import api_table_rows
from arogya_bench.comparison.blocks import CLEAN, ComparableRuns
from arogya_bench.comparison.costs import PriceChoice, cost_rows, costs_by_model
from arogya_bench.comparison.judgement import Judgement, judge, verdict_metrics
from arogya_bench.comparison.leaderboard import add_speed_and_cost, leaderboard_rows
from arogya_bench.comparison.measurement_tables import latency_pair_rows, measurement_rows, throughput_rows
from arogya_bench.comparison.measurements import BlockMeasurements, load_measurements
from arogya_bench.comparison.pair_table import TableRow, pair_rows
from arogya_bench.comparison.pareto import pareto_rows
from arogya_bench.comparison.recommendations import Findings, recommendation_rows
from arogya_bench.comparison.robustness_table import robustness_rows
from arogya_bench.comparison.scored_rows import score_rows, shared_cases
from arogya_bench.comparison.verdict import build_verdict, no_verdict
from arogya_bench.scoring.scores import Resampling

DEFAULT_MARGIN = 0.02  # of the deciding metric, that a cheaper model may be worse


@dataclass(frozen=True, kw_only=True)
class JudgedBlock:
    """A block whose rows are judged.

    Attributes:
        resampling: The resamples of the clean images.
        digests: Display name to row digest, best first.
        apis: The answers of each row behind an API, by display name, best first.
    """

    block: ComparableRuns
    judgement: Judgement
    resampling: Resampling
    digests: Mapping[str, str]
    apis: Mapping[str, ApiAnswers]

    @property
    def local(self) -> dict[str, str]:
        """The digests of the rows that may be measured."""
        return {name: digest for name, digest in self.digests.items() if name not in self.apis}


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
    api: list[TableRow] = field(default_factory=list)
    api_outcomes: list[TableRow] = field(default_factory=list)
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
    judged = _judge_block(block, metric)
    missing: list[TableRow] = [{"dataset": block.dataset, **cell} for cell in block.missing]
    if judged is None:
        verdict: TableRow = {"dataset": block.dataset, "metric": metric, **no_verdict(block)}
        return BlockTables(verdict=[verdict], leaderboard=[], pairwise=[], robustness=[], missing=missing)
    robustness = robustness_rows(block, judged.judgement, judged.digests, judged.resampling)
    tables = BlockTables(
        verdict=[{"dataset": block.dataset, "metric": metric, **_verdict(judged)}],
        leaderboard=leaderboard_rows(block, judged.judgement, robustness, judged.apis),
        pairwise=pair_rows(block, judged.judgement),
        robustness=robustness,
        missing=missing,
        api_outcomes=api_outcome_rows(block, judged.apis, judged.digests),
    )
    return _with_measurements(tables, judged, prices=prices, margin=margin)


def _judge_block(block: ComparableRuns, metric: str) -> JudgedBlock | None:
    """Judge the rows with a clean evaluation; None without one."""
    evaluated = {digest: row for digest in block.row_names if (row := block.evaluated_row(digest, CLEAN)) is not None}
    if not evaluated:
        return None
    block.check_same_cases([row.predictions for row in evaluated.values()])
    rows = list(evaluated.values())
    cases = shared_cases(rows, block.task)
    names = dict.fromkeys((*block.task.interval_metrics, metric, *verdict_metrics(metric)))
    resampling = Resampling(predictions=cases.predictions, resamples=block.resamples, seed=block.split_digest)
    scored = score_rows(rows, block.task, [name for name in names if name in block.task.metrics], resampling)
    judgement = judge(scored, cases, metric, seed=block.split_digest, excluded=block.not_recommendable)
    by_name = {row.name: digest for digest, row in evaluated.items()}
    answers = load_api_answers(block, evaluated)
    return JudgedBlock(
        block=block,
        judgement=judgement,
        resampling=resampling,
        digests={row.name: by_name[row.name] for row in judgement.rows},
        apis={row.name: answers[row.name] for row in judgement.rows if row.name in answers},
    )


def _verdict(judged: JudgedBlock) -> dict[str, str]:
    verdict = build_verdict(judged.block, judged.judgement)
    notes = [verdict["notes"], *verdict_notes(judged.apis, judged.judgement)]
    return {**verdict, "notes": "\n".join(filter(None, notes))}


def _with_measurements(
    tables: BlockTables, judged: JudgedBlock, *, prices: PriceChoice | None, margin: float
) -> BlockTables:
    """Add what was measured of the models, what it costs, and what follows."""
    block, measured = judged.block, load_measurements(judged.block)
    measurements = measurement_rows(block, measured, judged.local)
    costs = cost_rows(block, measured, judged.digests, prices, judged.apis)
    by_model = costs_by_model(costs)
    priced = replace(
        tables,
        leaderboard=add_speed_and_cost(tables.leaderboard, measurements, by_model),
        measurements=measurements,
        throughput=throughput_rows(block, measured, judged.local),
        latency_pairs=latency_pair_rows(block, measured, judged.local),
        cost=costs,
        pareto=pareto_rows(block, judged.judgement, judged.digests, measured, by_model),
        api=api_table_rows(block, judged.apis.values(), by_model),
        measured=measured,
    )
    return replace(priced, recommendations=_recommendations(priced, judged, prices=prices, margin=margin))


def _recommendations(
    tables: BlockTables, judged: JudgedBlock, *, prices: PriceChoice | None, margin: float
) -> list[TableRow]:
    """What follows from throughput and costs."""
    findings = Findings(
        block=judged.block,
        judgement=judged.judgement,
        measured=tables.measured,
        models=judged.digests,
        throughput=tables.throughput,
        costs=tables.cost,
        margin=margin,
        choice=prices,
        api_terms={name: answers.terms for name, answers in judged.apis.items() if answers.terms},
    )
    return recommendation_rows(findings)
