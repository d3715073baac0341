"""A comparison on a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from arogya_bench.comparison.comparison import Comparison
from arogya_bench.report.sections import (
    FOLD_HEADERS,
    facts_for_dataset,
    format_fold_row,
    rows_for_dataset,
    to_records,
)
from arogya_bench.report.wording import (
    MINUS,
    format_number,
    format_p_value,
    format_percent,
    format_with_interval,
)

Rows = Sequence[Mapping[str, Any]]

SHORT_NAMES = {"auroc_macro_ovr": "AUROC", "ece": "ECE"}  # what fits a terminal
MAX_MODELS_WITH_SHARE = 4  # columns of two numbers that a log has room for
DEFAULT_WIDTH = 100  # columns, where the output is not a terminal


def print_comparison(comparison: Comparison) -> None:
    """Print the verdict and the tables to standard output."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=DEFAULT_WIDTH)
    cautions = {each["dataset"]: each.get("cautions", ()) for each in comparison.about["datasets"]}
    for verdict in to_records(comparison.verdict):
        console.print(f"\n[bold]{escape(verdict['dataset'])}[/]: {escape(verdict['reason'])}")
        for caution in cautions[verdict["dataset"]]:
            console.print(f"[yellow]{escape(caution)}[/]")
        for table in _dataset_tables(comparison, str(verdict["dataset"])):
            console.print(table)


def _dataset_tables(comparison: Comparison, dataset: str) -> Iterator[Table]:
    facts = facts_for_dataset(comparison, dataset)
    metric = str(facts["metric"])
    if rows := rows_for_dataset(comparison.leaderboard, dataset):
        yield _leaderboard_table(rows, metric, facts["shown"][-2:])
    if rows := rows_for_dataset(comparison.pairwise, dataset):
        yield _pairwise_table(rows, metric)
    if rows := rows_for_dataset(comparison.robustness, dataset):
        yield _robustness_table(rows, metric)
    if rows := rows_for_dataset(comparison.missing, dataset):
        yield _missing_table(rows)
    if rows := rows_for_dataset(comparison.folds, dataset):
        yield _folds_table(rows)


def _leaderboard_table(rows: Rows, metric: str, secondary_metrics: Sequence[str]) -> Table:
    named = [SHORT_NAMES.get(name, name) for name in secondary_metrics]
    heads = ["#", "model", f"{metric} [95 %]", *named, "robustness", "p50 ms", "USD/1k"]
    return _build_table(
        f"Leaderboard, clean images, {rows[0]['groups']} groups",
        heads,
        [
            [
                str(row["rank"]),
                str(row["model"]),
                format_with_interval(row, metric),
                *(format_number(row[name]) for name in secondary_metrics),
                format_percent(row["robustness_score"]),
                format_number(row["latency_p50_ms"], digits=1),
                format_number(row["cost_per_1k_images_usd"], digits=2),
            ]
            for row in rows
        ],
    )


def _pairwise_table(rows: Rows, metric: str) -> Table:
    return _build_table(
        f"Paired differences in {metric}, Holm over {rows[0]['family']} pairs",
        ["pair", "difference [95 %]", "p (Holm)", "conclusion"],
        [
            [
                f"{row['a']} {MINUS} {row['b']}",
                format_with_interval(row, "difference", signed=True),
                format_p_value(row["p_holm"]),
                str(row["conclusion"]),
            ]
            for row in rows
        ],
    )


def _robustness_table(rows: Rows, metric: str) -> Table:
    """One line per condition, one column per model: the value, and the share kept if it fits."""
    models = list(dict.fromkeys(str(row["model"]) for row in rows))
    few = len(models) <= MAX_MODELS_WITH_SHARE
    cells: dict[str, dict[str, str]] = {}
    for row in rows:
        share = f" ({format_percent(row['score'])})" if few else ""
        text = f"{format_number(row['value'])}{share}"
        cells.setdefault(str(row["condition"]), {})[str(row["model"])] = text
    return _build_table(
        f"{metric} under each condition{' (share of the clean value that is kept)' if few else ''}",
        ["condition", *models],
        [
            [name, *(found.get(model, "missing") for model in models)]
            for name, found in cells.items()
        ],
    )


def _folds_table(rows: Rows) -> Table:
    return _build_table(
        f"{rows[0]['metric']} over all folds",
        list(FOLD_HEADERS),
        [format_fold_row(row) for row in rows],
    )


def _missing_table(rows: Rows) -> Table:
    heads = ["model", "condition", "seed", "status", "cause", "message"]
    return _build_table(
        "Missing", heads, [[str(row.get(head) or "") for head in heads] for row in rows]
    )


def _build_table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for place, head in enumerate(headers):
        table.add_column(escape(head), no_wrap=headers[0] == "condition" and not place)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table
