"""Compare the models of one block: leaderboard, paired tests, robustness and verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from arogya_bench.analysis.judgement import Judgement, exclude_rows
from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.analysis.pair_table import pair_rows
from arogya_bench.analysis.ranks import add_ranks
from arogya_bench.analysis.robustness_table import robustness_rows
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.analysis.tables import analyse
from arogya_bench.comparison.api_answers import ApiAnswers, load_api_answers
from arogya_bench.comparison.api_notes import verdict_notes
from arogya_bench.comparison.api_outcomes import api_outcome_rows
from arogya_bench.comparison.api_table import api_table_rows
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.costs import PriceChoice, cost_rows, costs_by_model
from arogya_bench.comparison.decision import decide
from arogya_bench.comparison.eligibility import find_eligibility
from arogya_bench.comparison.fold_tables import fold_pair_rows, fold_rows, score_folds
from arogya_bench.comparison.front_draws import Rounds
from arogya_bench.comparison.leaderboard import add_speed_and_cost, leaderboard_rows
from arogya_bench.comparison.limit_outcomes import Evidence
from arogya_bench.comparison.limits import imported_models, licence_facts, limit_rows
from arogya_bench.comparison.measurement_tables import latency_pair_rows, measurement_rows, read_rounds, throughput_rows
from arogya_bench.comparison.measurements import BlockMeasurements, load_measurements
from arogya_bench.comparison.model_table import model_rows
from arogya_bench.comparison.pareto import pareto_rows
from arogya_bench.comparison.recommendations import Findings, recommendation_rows, usable_costs
from arogya_bench.comparison.requirements import Requirements
from arogya_bench.comparison.run_table import run_rows
from arogya_bench.comparison.split_table import split_rows
from arogya_bench.comparison.studies import build_study
from arogya_bench.comparison.verdict import build_verdict, no_verdict


@dataclass(frozen=True, kw_only=True)
class JudgedBlock:
    """A block whose rows are judged.

    Attributes:
        study: What was computed of them.
        digests: Display name to row digest, best first.
        apis: The answers of each row behind an API, by display name, best first.
    """

    block: ComparableRuns
    study: Study
    digests: Mapping[str, str]
    apis: Mapping[str, ApiAnswers]

    @property
    def judgement(self) -> Judgement:
        """Of the rows on clean images."""
        return self.study.judgement

    @property
    def local(self) -> dict[str, str]:
        """The digests of the rows that may be measured."""
        return {name: digest for name, digest in self.digests.items() if name not in self.apis}


@dataclass(frozen=True, kw_only=True)
class BlockTables:
    """The tables of one block, as lists of rows; ``analyses`` has those of ``ANALYSES`` by name.

    ``study`` is what they were computed of; None without a clean evaluation.
    """

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
    limits: list[TableRow] = field(default_factory=list)
    folds: list[TableRow] = field(default_factory=list)
    fold_pairs: list[TableRow] = field(default_factory=list)
    variants: list[TableRow] = field(default_factory=list)
    models: list[TableRow] = field(default_factory=list)
    runs: list[TableRow] = field(default_factory=list)
    splits: list[TableRow] = field(default_factory=list)
    analyses: Mapping[str, list[TableRow]] = field(default_factory=dict)
    measured: BlockMeasurements = field(default_factory=BlockMeasurements)
    study: Study | None = None


def compare_block(
    block: ComparableRuns,
    requested_metric: str,
    *,
    prices: PriceChoice | None = None,
    options: AnalysisOptions | None = None,
    requirements: Requirements | None = None,
) -> BlockTables:
    """Compare the models of a block by the requested metric, or by the default of their task.

    Args:
        block: The evaluations.
        requested_metric: The deciding metric, if the task has it.
        prices: Of machines, energy and APIs; None for no costs.
        options: Of the analyses; None takes the defaults.
        requirements: The limits that a model must be shown to meet; None for none.

    Raises:
        TrackingError: If the stored predictions of different models cover different cases.
    """
    metric = block.primary_metric(requested_metric)
    study = build_study(block, metric, options or AnalysisOptions())
    missing: list[TableRow] = [{"dataset": block.dataset, **cell} for cell in block.missing]
    if study is None:
        verdict: TableRow = {"dataset": block.dataset, "metric": metric, **no_verdict(block)}
        return BlockTables(
            verdict=[verdict],
            leaderboard=[],
            pairwise=[],
            robustness=[],
            missing=missing,
            runs=run_rows(block),
            splits=split_rows(block, None),
        )
    judged, fold_scores = _with_answers(block, study), score_folds(block, study)
    robustness = robustness_rows(study)
    tables = BlockTables(
        verdict=[],
        leaderboard=leaderboard_rows(block, study.judgement, robustness, judged.apis),
        pairwise=pair_rows(study),
        robustness=robustness,
        missing=missing,
        api_outcomes=api_outcome_rows(block, judged.apis, judged.digests),
        folds=fold_rows(block, study, fold_scores),
        fold_pairs=fold_pair_rows(block, study, fold_scores),
        variants=list(block.variants),
        models=model_rows(block, study, judged.digests),
        splits=split_rows(block, study),
        analyses=analyse(study, after_limits=False),
        study=study,
    )
    measured = load_measurements(block)
    rounds = read_rounds(block, measured, judged.local)
    tables = _with_measurements(tables, judged, measured, rounds, prices=prices)
    tables = _with_decision(tables, judged, requirements or Requirements(), prices=prices)
    return replace(_with_ranks(tables, judged, rounds), runs=run_rows(block))


def _with_answers(block: ComparableRuns, study: Study) -> JudgedBlock:
    by_name = {name: digest for digest, name in block.row_names.items()}
    digests = {row.name: by_name[row.name] for row in study.rows}
    answers = load_api_answers(block, {digests[row.name]: study.evaluated[row.name] for row in study.rows})
    return JudgedBlock(
        block=block,
        study=study,
        digests=digests,
        apis={row.name: answers[row.name] for row in study.rows if row.name in answers},
    )


def _with_measurements(
    tables: BlockTables,
    judged: JudgedBlock,
    measured: BlockMeasurements,
    rounds: Mapping[str, Rounds],
    *,
    prices: PriceChoice | None,
) -> BlockTables:
    """Add what was measured of the models, and what it costs."""
    block = judged.block
    measurements = measurement_rows(block, measured, judged.local)
    costs = cost_rows(block, measured, judged.digests, prices, judged.apis)
    by_model = costs_by_model(costs)
    return replace(
        tables,
        leaderboard=add_speed_and_cost(tables.leaderboard, measurements, by_model),
        measurements=measurements,
        throughput=throughput_rows(block, measured, judged.local),
        latency_pairs=latency_pair_rows(block, rounds),
        cost=costs,
        api=api_table_rows(block, judged.apis.values(), by_model),
        measured=measured,
    )


def _with_decision(
    tables: BlockTables, judged: JudgedBlock, requirements: Requirements, *, prices: PriceChoice | None
) -> BlockTables:
    """Add what the limits say, the verdict, and what else can be recommended of the models that may be."""
    limits = limit_rows(judged.block.dataset, requirements, _evidence(tables, judged))
    eligibility = find_eligibility(limits)
    judgement = exclude_rows(judged.judgement, eligibility.reasons)
    costs = usable_costs(tables.cost, judged.digests)
    margin = judged.study.options.margin
    decision = decide(judgement, costs, margin=margin, limited=bool(requirements.limits))
    verdict = build_verdict(judged.block, judgement, decision, eligibility)
    notes = "\n".join(filter(None, [verdict["notes"], *verdict_notes(judged.apis, judgement)]))
    start = {"dataset": judged.block.dataset, "metric": judgement.metric}
    return replace(
        tables,
        verdict=[{**start, **verdict, "notes": notes}],
        limits=limits,
        recommendations=_recommendations(tables, judged, judgement, prices=prices),
        study=replace(judged.study, judgement=judgement),
    )


def _with_ranks(tables: BlockTables, judged: JudgedBlock, rounds: Mapping[str, Rounds]) -> BlockTables:
    """Add what is said of the models that may be recommended, limits included."""
    study = tables.study or judged.study
    analyses = analyse(study, after_limits=True)
    by_model = costs_by_model(tables.cost)
    return replace(
        tables,
        leaderboard=add_ranks(tables.leaderboard, analyses["ranks"]),
        analyses={**tables.analyses, **analyses},
        pareto=pareto_rows(judged.block, study, judged.digests, tables.measured, by_model, rounds),
    )


def _evidence(tables: BlockTables, judged: JudgedBlock) -> Evidence:
    named = ("leaderboard", "robustness", "measurements", "cost", "api")
    return Evidence(
        judgement=judged.judgement,
        tables={**tables.analyses, **{name: getattr(tables, name) for name in named}},
        unit=judged.study.unit,
        positive_class=judged.study.options.positive_class,
        licences=licence_facts(judged.block),
        imported=imported_models(judged.block),
        apis={name: answers.terms for name, answers in judged.apis.items()},
        conditions=[degraded.condition.name for degraded in judged.study.degraded],
    )


def _recommendations(
    tables: BlockTables, judged: JudgedBlock, judgement: Judgement, *, prices: PriceChoice | None
) -> list[TableRow]:
    """What follows from throughput and costs."""
    findings = Findings(
        block=judged.block,
        judgement=judgement,
        measured=tables.measured,
        models=judged.digests,
        throughput=tables.throughput,
        costs=tables.cost,
        margin=judged.study.options.margin,
        choice=prices,
        api_terms={name: answers.terms for name, answers in judged.apis.items() if answers.terms},
    )
    return recommendation_rows(findings)
