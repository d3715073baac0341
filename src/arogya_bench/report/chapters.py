"""The chapters of a report of one dataset: which section stands where."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from arogya_bench.analysis.literature import NO_SUCH_DATASET
from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.costs import COST, costs_by_model
from arogya_bench.comparison.table_frames import TABLES, to_records
from arogya_bench.report.api_outcome_sections import api_conditions_section
from arogya_bench.report.api_sections import api_section, api_times_section
from arogya_bench.report.case_sections import error_groups
from arogya_bench.report.columns import Row
from arogya_bench.report.combining_sections import ensembles_section, literature_section
from arogya_bench.report.cost_sections import cost_section, recommendations_section
from arogya_bench.report.data_sections import data_groups
from arogya_bench.report.failure_sections import degradation_section, subgroup_gap_section, subgroup_section
from arogya_bench.report.limit_sections import limits_section
from arogya_bench.report.model_sections import DETAIL, model_groups
from arogya_bench.report.pareto_sections import cost_front_section, pareto_section
from arogya_bench.report.planning_sections import planning_section
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
from arogya_bench.report.robustness_sections import robustness_detail_section, robustness_section
from arogya_bench.report.run_links import RunLinks, find_run_links, with_run_links
from arogya_bench.report.section import Section
from arogya_bench.report.sections import leaderboard_section, missing_section, pairwise_section, seeds_section
from arogya_bench.report.speed_sections import speed_section, throughput_section
from arogya_bench.report.structure import Chapter, SectionGroup

Tables = Mapping[str, Sequence[Row]]
TITLES = {
    "overview": "Overview",
    "comparison": "Model comparison",
    "robustness": "Robustness",
    "cost": "Cost and speed",
    "models": "Each model in detail",
    "errors": "Errors",
    "subgroups": "Subgroups",
    "data": "Data and split",
}


def build_chapters(comparison: ComparisonTables, dataset: str, facts: Mapping[str, Any]) -> tuple[Chapter, ...]:
    """The chapters of a dataset with anything to show, in their order.

    Args:
        comparison: With the tables of all datasets.
        dataset: Display name.
        facts: The entry of ``about`` on the dataset.
    """
    tables = {name: rows_of(comparison, name, dataset) for name in TABLES}
    links = find_run_links(tables["runs"], tables["measurements"])
    groups = {
        "overview": _single(_overview(tables, facts)),
        "comparison": _single(_comparison(tables, facts)),
        "robustness": _single(_robustness(tables, facts)),
        "cost": _single(_cost(comparison.about, tables, facts)),
        "models": model_groups(tables, str(facts["metric"])),
        "errors": error_groups(tables, facts),
        "subgroups": _single([subgroup_gap_section(tables["subgroup_gaps"]), subgroup_section(tables["subgroups"])]),
        "data": data_groups(tables, facts),
    }
    return tuple(
        Chapter(name=name, title=TITLES[name], groups=shown)
        for name, parts in groups.items()
        if (shown := tuple(group for part in parts if (group := _with_content(part, links, measured=name == "cost"))))
    )


def _single(sections: Sequence[Section]) -> tuple[SectionGroup, ...]:
    return (SectionGroup(name="all", sections=tuple(sections)),)


def _with_content(group: SectionGroup, links: RunLinks, *, measured: bool) -> SectionGroup | None:
    """The group without sections that have no rows, and without empty columns, with links to the runs of its rows.

    None if nothing is left.
    """
    filled = [section.without_empty_columns() for section in group.sections if section.records]
    if not filled and not group.sentences:
        return None
    if not group.name.startswith(DETAIL):  # the facts on one model name its runs once
        filled = with_run_links(filled, links, measured=measured)
    return replace(group, sections=tuple(filled))


def _overview(tables: Tables, facts: Mapping[str, Any]) -> list[Section]:
    metric = str(facts["metric"])
    return [
        leaderboard_section(tables["leaderboard"], metric, facts["secondary_metrics"]),
        missing_section(tables["missing"]),
        not_compared_section(tables["not_compared"]),
        limits_section(tables["limits"]),
        recommendations_section(tables["recommendations"], tables["pareto"]),
        variants_section(tables["variants"]),
        folds_section(tables["folds"]),
        seeds_section(tables["leaderboard"], metric),
        api_section(tables["api"]),
        literature_section([row for row in tables["literature"] if row["note"] != NO_SUCH_DATASET]),
    ]


def _comparison(tables: Tables, facts: Mapping[str, Any]) -> list[Section]:
    metric = str(facts["metric"])
    return [
        pairwise_section(tables["pairwise"], metric, task=str(facts["task"])),
        fold_pairs_section(tables["fold_pairs"]),
        margins_section(tables["pairwise"], metric, "patient" if facts.get("grouped", True) else "case"),
        ranks_section(tables["ranks"], metric),
        rank_stability_section(tables["rank_stability"]),
        agreement_section(tables["agreement"]),
        planning_section(tables["planning"], tables["overall_tests"], metric),
        ensembles_section(tables["ensembles"], metric),
    ]


def _robustness(tables: Tables, facts: Mapping[str, Any]) -> list[Section]:
    metric, low_is_better = str(facts["metric"]), facts.get("direction") == "low"
    rows, board, outcomes = tables["robustness"], tables["leaderboard"], tables["api_outcomes"]
    return [
        robustness_section(rows, board, metric, outcomes, low_is_better=low_is_better),
        robustness_detail_section(tables["robustness"], metric),
        degradation_section(tables["degradation"], tables["robustness"]),
        api_conditions_section(tables["api_outcomes"]),
    ]


def _cost(about: Mapping[str, Any], tables: Tables, facts: Mapping[str, Any]) -> list[Section]:
    """What was measured of the models of a dataset, what they cost, and which model to take for which of both."""
    metric, direction = str(facts["metric"]), str(facts["direction"])
    measurements, costs, pareto = tables["measurements"], tables["cost"], tables["pareto"]
    measured = measurement_facts(about, str(facts["dataset"]))
    return [
        pareto_section(pareto, metric, direction),
        speed_section(_with_cost(measurements, costs), tables["latency_pairs"], measured),
        throughput_section(tables["throughput"], measurements),
        api_times_section(tables["api"]),
        cost_section(costs),
        cost_front_section(pareto, metric, direction),
    ]


def measurement_facts(about: Mapping[str, Any], dataset: str) -> Mapping[str, Any]:
    """Machine and caveats of the measurements on a dataset; empty in comparisons of earlier versions."""
    return next((facts for facts in about.get("measurements", ()) if facts["dataset"] == dataset), {})


def _with_cost(measurements: Sequence[Row], costs: Sequence[Row]) -> list[Row]:
    by_model = costs_by_model(costs)
    return [{**row, COST: by_model.get(str(row["model"]), {}).get(COST)} for row in measurements]


def rows_of(comparison: ComparisonTables, table: str, dataset: str) -> list[Row]:
    """The rows of a table that are about a dataset."""
    rows = getattr(comparison, table)
    return [*to_records(rows[rows["dataset"] == dataset])] if len(rows) else []
