"""The sections of a report, as words, rows and a chart; page and print lay them out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from arogya_bench.comparison.comparison import Comparison
from arogya_bench.report import charts
from arogya_bench.report.wording import (
    MINUS,
    format_number,
    format_p_value,
    format_percent,
    format_with_interval,
)

if TYPE_CHECKING:
    import altair as alt

Cells = list[list[str]]
FOLD_HEADERS = ("model", "splits", "mean", "standard deviation", "range")


@dataclass(frozen=True, kw_only=True)
class Section:
    """One heading of a report.

    Attributes:
        name: Fit for a file name.
        introduction: One or two sentences on how to read it.
        chart: What to look at first; None where a table says it all.
    """

    name: str
    title: str
    introduction: str
    headers: tuple[str, ...]
    rows: Cells
    chart: "alt.TopLevelMixin | None" = None


@dataclass(frozen=True, kw_only=True)
class DatasetReport:
    """Everything about one dataset."""

    dataset: str
    caveats: tuple[str, ...]
    verdict: Mapping[str, str]
    sections: tuple[Section, ...]


def build_dataset_reports(comparison: Comparison) -> tuple[DatasetReport, ...]:
    """Lay a comparison out, one part per dataset."""
    cautions = {each["dataset"]: each.get("cautions", ()) for each in comparison.about["datasets"]}
    return tuple(
        DatasetReport(
            dataset=str(verdict["dataset"]),
            caveats=tuple(cautions[str(verdict["dataset"])]),
            verdict={key: str(value) for key, value in verdict.items()},
            sections=tuple(_build_sections(comparison, str(verdict["dataset"]))),
        )
        for verdict in to_records(comparison.verdict)
    )


def describe_methods(comparison: Comparison) -> list[tuple[str, str]]:
    """What a reader needs to trust the numbers, or to doubt them."""
    about = comparison.about
    deciding = {str(each["metric"]): str(each["summary"]) for each in about["datasets"]}
    return [
        ("metric", "; ".join(f"{name}: {summary}" for name, summary in deciding.items())),
        ("intervals", f"{about['confidence']:.0%}, {about['interval']}, "
                      f"{about['resamples']:,} resamples, the same for every model"),
        ("tests", f"paired, two-sided; level {about['alpha']} after {about['correction']}"),
        ("robustness", "share of the clean value that is kept, from the same draw for every model"),
        ("not measured", "nobody has timed or priced this model; that is not zero"),
        ("splits", ", ".join(str(each["split_digest"]) for each in about["datasets"])),
        ("evidence", f"digest {about['key']} of the runs that were read and of what is missing"),
    ]  # fmt: skip


def _build_sections(comparison: Comparison, dataset: str) -> list[Section]:
    facts = facts_for_dataset(comparison, dataset)
    metric = str(facts["metric"])
    leaderboard = rows_for_dataset(comparison.leaderboard, dataset)
    found = [
        _leaderboard_section(leaderboard, metric, facts["shown"]),
        _pairwise_section(rows_for_dataset(comparison.pairwise, dataset), metric),
        _robustness_section(rows_for_dataset(comparison.robustness, dataset), leaderboard, metric),
        _missing_section(rows_for_dataset(comparison.missing, dataset)),
        _folds_section(rows_for_dataset(comparison.folds, dataset)),
    ]
    return [each for each in found if each is not None]


def _leaderboard_section(
    rows: Sequence[Mapping[str, Any]], metric: str, secondary_metrics: Sequence[str]
) -> Section | None:
    if not rows:
        return None
    names = [metric, *secondary_metrics]
    heads = (
        "#",
        "model",
        *(f"{name} [95 %]" for name in names),
        "latency p50 (ms)",
        "USD per 1,000",
    )
    return Section(
        name="leaderboard",
        title="Leaderboard on clean images",
        introduction=f"{rows[0]['cases']} test cases, {rows[0]['groups']} independent groups. Overlapping "
        f"intervals are no test; the pairs below are.{_missing_interval_notes(rows, metric)}",
        headers=heads,
        rows=[
            [
                str(row["rank"]),
                str(row["model"]),
                *(format_with_interval(row, name) for name in names),
                format_number(row["latency_p50_ms"], digits=1),
                format_number(row["cost_per_1k_images_usd"], digits=2),
            ]
            for row in rows
        ],
        chart=charts.plot_leaderboard(rows, metric),
    )


def _missing_interval_notes(rows: Sequence[Mapping[str, Any]], metric: str) -> str:
    """Why rows have no interval for the metric that decides."""
    return "".join(
        f" {row['model']}: {row['note']}."
        for row in rows
        if row[metric] is not None and row[f"{metric}.ci_low"] is None
    )


def _pairwise_section(rows: Sequence[Mapping[str, Any]], metric: str) -> Section | None:
    if not rows:
        return None
    return Section(
        name="pairwise",
        title="Each two models on the same cases",
        introduction=f"Difference in {metric}, the better model first; p adjusted by Holm over "
        f"{rows[0]['family']} pairs. No difference shown does not mean equal.",
        headers=(
            "pair",
            "difference [95 %]",
            "p",
            "p (Holm)",
            "McNemar p on accuracy",
            "conclusion",
        ),
        rows=[
            [
                f"{row['a']} {MINUS} {row['b']}",
                format_with_interval(row, "difference", signed=True),
                format_p_value(row["p_value"]),
                format_p_value(row["p_holm"]),
                format_p_value(row["mcnemar_p"]),
                str(row["conclusion"]),
            ]
            for row in rows
        ],
        chart=charts.plot_pairwise(rows, metric),
    )


def _robustness_section(
    rows: Sequence[Mapping[str, Any]], leaderboard: Sequence[Mapping[str, Any]], metric: str
) -> Section | None:
    if not rows:
        return None
    return Section(
        name="robustness",
        title="What degraded images do",
        introduction=f"{metric} under each condition, its paired change to clean images, and the share "
        "of the clean value that is kept. A mean over conditions can hide one that is fatal.",
        headers=("model", "condition", f"{metric} [95 %]", "change [95 %]", "kept"),
        rows=[
            [
                str(row["model"]),
                str(row["condition"]),
                format_with_interval(row, "value"),
                format_with_interval(row, "change", signed=True),
                format_percent(row["score"]),
            ]
            for row in rows
        ],
        chart=charts.plot_robustness(rows, leaderboard, metric),
    )


def _missing_section(rows: Sequence[Mapping[str, Any]]) -> Section | None:
    if not rows:
        return None
    heads = ("model", "condition", "seed", "status", "cause", "message")
    cells = [[_text_or_empty(row.get(head)) for head in heads] for row in rows]
    return Section(
        name="missing",
        title="Missing",
        introduction="These cells have no finished run and are in no table above.",
        headers=heads,
        rows=cells,
    )


def _folds_section(rows: Sequence[Mapping[str, Any]]) -> Section | None:
    if not rows:
        return None
    return Section(
        name="folds",
        title=f"{rows[0]['metric']} over all folds of this dataset",
        introduction="How much the score varies from fold to fold. The standard deviation is no standard "
        "error: folds share most of what they learn from.",
        headers=FOLD_HEADERS,
        rows=[format_fold_row(row) for row in rows],
    )


def format_fold_row(row: Mapping[str, Any]) -> list[str]:
    """One model over the folds, as words."""
    return [
        str(row["model"]),
        f"{row['splits']} of {row['expected']}",
        format_number(row["mean"]),
        format_number(row["sd"]),
        f"{format_number(row['lowest'])} to {format_number(row['highest'])}",
    ]


def _text_or_empty(value: object) -> str:
    return value if isinstance(value, str) else ""


def facts_for_dataset(comparison: Comparison, dataset: str) -> Mapping[str, Any]:
    """What the comparison says of one dataset: its task, what decides, its groups."""
    return next(each for each in comparison.about["datasets"] if each["dataset"] == dataset)


def rows_for_dataset(table: pd.DataFrame, dataset: str) -> list[Mapping[str, Any]]:
    """The rows of a table that are about one dataset."""
    return [row for row in to_records(table) if row["dataset"] == dataset]


def to_records(table: pd.DataFrame) -> list[Mapping[str, Any]]:
    """The rows of a table; what is undefined is None."""
    plain = table.astype(object).where(table.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]
