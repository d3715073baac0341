"""The content of a report, which HTML, PDF, figures and the terminal share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from arogya_bench.analysis.literature import NO_SUCH_DATASET
from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.costs import COST, costs_by_model
from arogya_bench.comparison.selection import ALL_VARIANTS
from arogya_bench.comparison.table_frames import TABLES, to_records
from arogya_bench.gate.findings import format_finding
from arogya_bench.report.api_outcome_sections import api_conditions_section, api_outcomes_section
from arogya_bench.report.api_sections import api_section, api_times_section, describe_apis
from arogya_bench.report.columns import Row
from arogya_bench.report.combining_sections import across_datasets_section, ensembles_section, literature_section
from arogya_bench.report.cost_sections import cost_section, recommendations_section
from arogya_bench.report.failure_sections import (
    degradation_section,
    errors_section,
    missed_section,
    subgroup_gap_section,
    subgroup_section,
)
from arogya_bench.report.limit_sections import limits_section
from arogya_bench.report.pareto_sections import cost_front_section, pareto_section
from arogya_bench.report.planning_sections import planning_section
from arogya_bench.report.quality_sections import (
    calibration_section,
    froc_section,
    net_benefit_section,
    operating_section,
    per_class_section,
)
from arogya_bench.report.ranking_sections import (
    agreement_section,
    margins_section,
    rank_stability_section,
    ranks_section,
)
from arogya_bench.report.reading_sections import (
    fold_pairs_section,
    folds_section,
    not_compared_section,
    variants_section,
)
from arogya_bench.report.section import Section
from arogya_bench.report.sections import (
    leaderboard_section,
    missing_section,
    pairwise_section,
    robustness_detail_section,
    robustness_section,
    seeds_section,
)
from arogya_bench.report.speed_methods import describe_measuring
from arogya_bench.report.speed_sections import speed_section, throughput_section
from arogya_bench.runtime.console import plural

TITLE = "Model comparison"
METHODS_TITLE = "Methods"
SECTIONS_TITLE = "Beyond one dataset"
NO_RESULT = "no-result"
DIRECTIONS = {"high": "higher is better", "low": "lower is better"}


@dataclass(frozen=True, kw_only=True)
class DatasetReport:
    """The part of a report about one dataset.

    Attributes:
        status: ``ahead``, ``recommended`` or ``undecided``, or ``no-result`` if no evaluation finished.
        headline: The status and the models concerned.
        reason: The verdict in one to three sentences.
        warnings: Errors and warnings of the data gate, the heaviest first, one line each.
        caveats: Limitations of the data, one sentence each.
        notes: What a reader of the verdict must know, one sentence each.
    """

    dataset: str
    status: str
    headline: str
    reason: str
    warnings: tuple[str, ...]
    caveats: tuple[str, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole report.

    Attributes:
        methods: Pairs of a term and its explanation.
        sections: What does not belong to one dataset of the comparison.
    """

    title: str
    subtitle: str
    datasets: tuple[DatasetReport, ...]
    methods: tuple[tuple[str, str], ...]
    methods_title: str = METHODS_TITLE
    sections: tuple[Section, ...] = ()
    sections_title: str = SECTIONS_TITLE


def build_report(comparison: ComparisonTables) -> Report:
    """Arrange a comparison as a report."""
    about = comparison.about
    metrics = dict.fromkeys(f"{facts['metric']} ({DIRECTIONS[facts['direction']]})" for facts in about["datasets"])
    evaluations = plural(int(about["evaluations"]), "evaluation")
    return Report(
        title=f"{TITLE}: {about['experiment']}",
        subtitle=f"Primary metric: {', '.join(metrics)}. {evaluations} read from MLflow."
        + _filter_note(about)
        + _without_result_note(about),
        datasets=(
            *(_build_dataset_report(comparison, verdict) for verdict in to_records(comparison.verdict)),
            *(_build_failed_report(comparison, facts) for facts in about.get("datasets_without_result", ())),
        ),
        methods=(*_describe_methods(about), *describe_apis(to_records(comparison.api))),
        sections=_build_common_sections(comparison),
    )


def _build_common_sections(comparison: ComparisonTables) -> tuple[Section, ...]:
    elsewhere = [row for row in to_records(comparison.literature) if row["note"] == NO_SUCH_DATASET]
    sections = (
        across_datasets_section(to_records(comparison.across_datasets)),
        literature_section(elsewhere, elsewhere=True),
    )
    return tuple(section for section in sections if section.records)


def _filter_note(about: Mapping[str, Any]) -> str:
    """Which evaluations of the experiments were read, if not all."""
    sentences = [
        f"Only evaluations that match the filter: {about['where']}." if about.get("where") else "",
        f"Only evaluations of the sweep {about['sweep']}." if about.get("sweep") else "",
        f"Only {plural(len(about['run_ids']), 'evaluation')} named by run id." if about.get("run_ids") else "",
        "All variants of every model, although the best on the test split looks better than it is."
        if about.get("variants") == ALL_VARIANTS
        else "",
    ]
    return "".join(f" {sentence}" for sentence in sentences if sentence)


def _without_result_note(about: Mapping[str, Any]) -> str:
    names = ", ".join(str(facts["dataset"]) for facts in about.get("datasets_without_result", ()))
    return f" Without a result, because no evaluation finished: {names}." if names else ""


def _build_failed_report(comparison: ComparisonTables, facts: Mapping[str, Any]) -> DatasetReport:
    dataset = str(facts["dataset"])
    return DatasetReport(
        dataset=dataset,
        status=NO_RESULT,
        headline="No result",
        reason=f"{facts['reason']} The same sweep evaluates what is missing.",
        warnings=(),
        caveats=(),
        sections=(missing_section(_rows_of(comparison.missing, dataset)),),
    )


def _build_dataset_report(comparison: ComparisonTables, verdict: Row) -> DatasetReport:
    dataset = str(verdict["dataset"])
    facts = next(facts for facts in comparison.about["datasets"] if facts["dataset"] == dataset)
    measured = _measurement_facts(comparison.about, dataset)
    sections = _build_sections(comparison, dataset, facts)
    return DatasetReport(
        dataset=dataset,
        status=str(verdict["verdict"]),
        headline=f"{str(verdict['verdict']).capitalize()}: {verdict['models']}".rstrip(": "),
        reason=str(verdict["reason"]),
        warnings=tuple(format_finding(finding) for finding in facts.get("gate_findings", ())),
        caveats=(*facts.get("caveats", ()), *measured.get("caveats", ())),
        sections=tuple(section for section in sections if section.records),
        notes=tuple(note for note in str(verdict.get("notes") or "").splitlines() if note),
    )


def _build_sections(comparison: ComparisonTables, dataset: str, facts: Mapping[str, Any]) -> list[Section]:
    """The sections of a dataset in their order, also those without anything to show."""
    tables = {name: _rows_of(getattr(comparison, name), dataset) for name in TABLES}
    metric, leaderboard, apis = str(facts["metric"]), tables["leaderboard"], tables["api"]
    return [
        leaderboard_section(leaderboard, metric, facts["secondary_metrics"]),
        limits_section(tables["limits"]),
        literature_section([row for row in tables["literature"] if row["note"] != NO_SUCH_DATASET]),
        recommendations_section(tables["recommendations"], tables["pareto"]),
        missing_section(tables["missing"]),
        not_compared_section(tables["not_compared"]),
        variants_section(tables["variants"]),
        folds_section(tables["folds"]),
        fold_pairs_section(tables["fold_pairs"]),
        api_section(apis),
        api_outcomes_section(apis),
        api_times_section(apis),
        *_speed_and_cost_sections(comparison.about, tables, facts),
        pairwise_section(tables["pairwise"], metric),
        margins_section(tables["pairwise"], metric, "patient" if facts.get("grouped", True) else "case"),
        ranks_section(tables["ranks"], metric),
        rank_stability_section(tables["rank_stability"]),
        agreement_section(tables["agreement"]),
        planning_section(tables["planning"], tables["overall_tests"], metric),
        ensembles_section(tables["ensembles"], metric),
        seeds_section(leaderboard, metric),
        robustness_section(tables["robustness"], leaderboard, metric, tables["api_outcomes"]),
        robustness_detail_section(tables["robustness"], metric),
        degradation_section(tables["degradation"]),
        *_quality_sections(tables),
        api_conditions_section(tables["api_outcomes"]),
    ]


def _quality_sections(tables: Mapping[str, Sequence[Row]]) -> list[Section]:
    """How good the models are on single classes, as probabilities, as decisions, and where they fail."""
    return [
        per_class_section(tables["per_class"]),
        calibration_section(tables["calibration"], tables["reliability"]),
        operating_section(tables["operating_points"]),
        net_benefit_section(tables["net_benefit"]),
        froc_section(tables["froc"]),
        subgroup_gap_section(tables["subgroup_gaps"]),
        subgroup_section(tables["subgroups"]),
        errors_section(tables["errors"]),
        missed_section(tables["missed_by_all"]),
    ]


def _speed_and_cost_sections(
    about: Mapping[str, Any], tables: Mapping[str, Sequence[Row]], facts: Mapping[str, Any]
) -> list[Section]:
    """What was measured of the models of a dataset, what they cost, and which model to take for which of both."""
    metric, direction = str(facts["metric"]), str(facts["direction"])
    measurements, costs, pareto = tables["measurements"], tables["cost"], tables["pareto"]
    measured = _measurement_facts(about, str(facts["dataset"]))
    return [
        pareto_section(pareto, metric, direction),
        speed_section(_with_cost(measurements, costs), tables["latency_pairs"], measured),
        throughput_section(tables["throughput"], measurements),
        cost_section(costs),
        cost_front_section(pareto, metric, direction),
    ]


def _measurement_facts(about: Mapping[str, Any], dataset: str) -> Mapping[str, Any]:
    """Machine and caveats of the measurements on a dataset; empty in comparisons of earlier versions."""
    return next((facts for facts in about.get("measurements", ()) if facts["dataset"] == dataset), {})


def _with_cost(measurements: Sequence[Row], costs: Sequence[Row]) -> list[Row]:
    by_model = costs_by_model(costs)
    return [{**row, COST: by_model.get(str(row["model"]), {}).get(COST)} for row in measurements]


def _describe_methods(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    summaries = {str(facts["metric"]): str(facts["summary"]) for facts in about["datasets"]}
    return [
        ("Primary metric", "; ".join(f"{name}: {summary}" for name, summary in summaries.items())),
        ("Intervals", f"{100 * about['confidence']:.0f} %, {about['interval']}; "
                      f"{about['resamples']:,} resamples, shared by all models"),
        ("Tests", f"paired and two-sided at level {about['alpha']}; pairs after {about['correction']}"),
        *([("Verdict", str(about["verdict_rule"]))] if "verdict_rule" in about else []),
        ("Robustness", "fraction of the clean score that is retained, on the same resamples for "
                       "every model"),
        *describe_measuring(about),
        ("Splits", ", ".join(str(facts["split_digest"]) for facts in about["datasets"])),
        ("Inputs", f"digest {about['key']} of the evaluated runs and missing cells"),
    ]  # fmt: skip


def _rows_of(table: pd.DataFrame, dataset: str) -> list[Row]:
    return [row for row in to_records(table) if row["dataset"] == dataset]
