"""A comparison on a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from arogya_bench.comparison.comparison import Comparison
from arogya_bench.report.sections import FOLD_HEADS, facts_of, fold_cells, records, rows_of
from arogya_bench.report.wording import MINUS, estimate, number, p_value, percent

Rows = Sequence[Mapping[str, Any]]

SHORT = {"auroc_macro_ovr": "AUROC", "ece": "ECE"}  # what fits a terminal
MODELS_WITH_SHARE = 4  # columns of two numbers that a log has room for
WIDE = 100  # columns, where the output is not a terminal


def show(comparison: Comparison) -> None:
    """Print the verdict and the tables to standard output."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    cautions = {each["dataset"]: each.get("cautions", ()) for each in comparison.about["datasets"]}
    for verdict in records(comparison.verdict):
        console.print(f"\n[bold]{escape(verdict['dataset'])}[/]: {escape(verdict['reason'])}")
        for caution in cautions[verdict["dataset"]]:
            console.print(f"[yellow]{escape(caution)}[/]")
        for table in _tables(comparison, str(verdict["dataset"])):
            console.print(table)


def _tables(comparison: Comparison, dataset: str) -> Iterator[Table]:
    facts = facts_of(comparison, dataset)
    metric = str(facts["metric"])
    if rows := rows_of(comparison.leaderboard, dataset):
        yield _leaderboard(rows, metric, facts["shown"][-2:])
    if rows := rows_of(comparison.pairwise, dataset):
        yield _pairwise(rows, metric)
    if rows := rows_of(comparison.robustness, dataset):
        yield _robustness(rows, metric)
    if rows := rows_of(comparison.missing, dataset):
        yield _missing(rows)
    if rows := rows_of(comparison.folds, dataset):
        yield _folds(rows)


def _leaderboard(rows: Rows, metric: str, others: Sequence[str]) -> Table:
    named = [SHORT.get(name, name) for name in others]
    heads = ["#", "model", f"{metric} [95 %]", *named, "robustness", "p50 ms", "USD/1k"]
    return _table(
        f"Leaderboard, clean images, {rows[0]['groups']} groups",
        heads,
        [
            [
                str(row["rank"]),
                str(row["model"]),
                estimate(row, metric),
                *(number(row[name]) for name in others),
                percent(row["robustness_score"]),
                number(row["latency_p50_ms"], digits=1),
                number(row["cost_per_1k_images_usd"], digits=2),
            ]
            for row in rows
        ],
    )


def _pairwise(rows: Rows, metric: str) -> Table:
    return _table(
        f"Paired differences in {metric}, Holm over {rows[0]['family']} pairs",
        ["pair", "difference [95 %]", "p (Holm)", "conclusion"],
        [
            [
                f"{row['a']} {MINUS} {row['b']}",
                estimate(row, "difference", signed=True),
                p_value(row["p_holm"]),
                str(row["conclusion"]),
            ]
            for row in rows
        ],
    )


def _robustness(rows: Rows, metric: str) -> Table:
    """One line per condition, one column per model: the value, and the share kept if it fits."""
    models = list(dict.fromkeys(str(row["model"]) for row in rows))
    few = len(models) <= MODELS_WITH_SHARE
    cells: dict[str, dict[str, str]] = {}
    for row in rows:
        share = f" ({percent(row['score'])})" if few else ""
        text = f"{number(row['value'])}{share}"
        cells.setdefault(str(row["condition"]), {})[str(row["model"])] = text
    return _table(
        f"{metric} under each condition{' (share of the clean value that is kept)' if few else ''}",
        ["condition", *models],
        [
            [name, *(found.get(model, "missing") for model in models)]
            for name, found in cells.items()
        ],
    )


def _folds(rows: Rows) -> Table:
    return _table(
        f"{rows[0]['metric']} over all folds", list(FOLD_HEADS), [fold_cells(row) for row in rows]
    )


def _missing(rows: Rows) -> Table:
    heads = ["model", "condition", "seed", "status", "cause", "message"]
    return _table("Missing", heads, [[str(row.get(head) or "") for head in heads] for row in rows])


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for place, head in enumerate(heads):
        table.add_column(escape(head), no_wrap=heads[0] == "condition" and not place)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table
