"""What results show of themselves in a notebook: a verdict, short tables, a chart or two, and where the runs are."""

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape

import pandas as pd

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.table_frames import to_records
from arogya_bench.figures import theme
from arogya_bench.figures.evaluation import to_svg
from arogya_bench.figures.prepared import Drawable
from arogya_bench.report import charts, findings
from arogya_bench.report.chart_words import translate_chart
from arogya_bench.report.columns import Row
from arogya_bench.report.robustness_chart import plot_robustness
from arogya_bench.report.text_words import TextWords
from arogya_bench.report.wording import UNDEFINED, format_with_interval, is_undefined
from arogya_bench.report.words import load_words
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.ui_address import find_ui
from arogya_bench.tracking.ui_paths import run_path

STYLE = "text-align: left; white-space: normal; max-width: 48em"
MAX_CHARTED = 3  # datasets with charts: the others have their tables
MAX_ROWS = 12  # of a table of evaluations
# Where a page is dark: notebooks of Jupyter, of VS Code, and pages that follow the system.
DARK = (":root[data-jp-theme-light=false] .arogya-bench", "[data-jp-theme-light=false] .arogya-bench",
        "body.vscode-dark .arogya-bench")  # fmt: skip


def comparison_html(comparison: ComparisonTables, store: Store | None = None) -> str:
    """The verdict of each dataset in full, its leaderboard, and charts of both; where the runs are, if it is known."""
    verdicts = to_records(comparison.verdict)
    parts = [_dataset_html(comparison, verdict, charted=n < MAX_CHARTED) for n, verdict in enumerate(verdicts)]
    missing = len(comparison.missing)
    count = "1 cell is" if missing == 1 else f"{missing} cells are"
    note = f"<p>{count} missing: <code>.missing</code> says why.</p>" if missing else ""
    return _frame("".join(parts) + note + (runs_link(store) if store else ""))


def comparison_text(comparison: ComparisonTables) -> str:
    """The verdict of each dataset, one line each."""
    lines = [f"{row['dataset']}: {row['reason']}" for row in to_records(comparison.verdict)]
    return "\n".join([f"{type(comparison).__name__} of {comparison.about['experiment']}", *lines])


def sweep_html(
    heading: str, evaluations: pd.DataFrame, failures: pd.DataFrame, *, metric: str, store: Store | None, run_id: str
) -> str:
    """How a sweep ended, with its evaluations and failures, and a chart of the clean ones of one dataset.

    Args:
        heading: How it ended, in one line.
        evaluations: One row per finished cell.
        failures: One row per cell that did not finish.
        metric: Of the chart.
        store: Where the runs are; None if it is not known.
        run_id: Of the sweep.
    """
    first = evaluations.sort_values("condition", key=lambda names: names != CLEAN, kind="stable")
    tables = [table_html(table.head(MAX_ROWS)) + _rest(table) for table in (first, failures) if len(table)]
    chart = _chart_clean(to_records(evaluations), metric)
    link = runs_link(store, run_id) if store else ""
    return _frame(f"<p style='{STYLE}'>{escape(heading)}</p>" + "".join(tables) + chart + link)


def chart_html(chart: Drawable) -> str:
    """A chart as a finished picture, for which nothing is loaded."""
    return _frame(_draw(chart))


def table_html(rows: Sequence[Mapping[str, object]] | pd.DataFrame) -> str:
    """Rows as an HTML table; texts are escaped and whole."""
    with pd.option_context("display.max_colwidth", None):
        return str(pd.DataFrame(rows).to_html(index=False, border=0, na_rep=UNDEFINED, justify="left"))


def runs_link(store: Store, run_id: str = "") -> str:
    """A link to the runs of an experiment in MLflow, or to one run, with the command that shows them if none runs."""
    ui = find_ui(store)
    path = run_path(store.experiment_id, run_id) if run_id else store.ui_path
    command = f", after <code>{escape(' '.join(ui.command))}</code>" if ui.command else ""
    link = f"<a href='{escape(ui.server + path)}' target='_blank' style='color: inherit'>The runs in MLflow</a>"
    return f"<p>{link}{command}</p>"


def _frame(content: str) -> str:
    """Give charts the colours of the notebook around them, if it is dark; the colours on white are in the charts."""
    colours = " ".join(f"--chart-{name}: {dark};" for name, _, dark in theme.VARIABLES)
    return f"<div class='arogya-bench'><style>{', '.join(DARK)} {{ {colours} }}</style>{content}</div>"


def _dataset_html(comparison: ComparisonTables, verdict: Row, *, charted: bool) -> str:
    dataset, metric = verdict["dataset"], str(verdict["metric"])
    board = [row for row in to_records(comparison.leaderboard) if row["dataset"] == dataset]
    degraded = [row for row in to_records(comparison.robustness) if row["dataset"] == dataset]
    reason = _english().prose(str(verdict["reason"]))
    table = f"<p style='{STYLE}'><b>{escape(str(dataset))}</b>: {escape(reason)}</p>" + _table(board, metric)
    if not charted or all(is_undefined(row.get(metric)) for row in board):
        return table
    first = _draw_in_words(charts.plot_leaderboard(board, metric), findings.describe_leaderboard(board, metric))
    chart = plot_robustness(degraded, board, metric) if degraded else None
    low = {facts["dataset"] for facts in comparison.about.get("datasets", ()) if facts.get("direction") == "low"}
    finding = findings.describe_robustness(degraded, board, metric, low_is_better=dataset in low)
    second = _draw_in_words(chart, finding) if chart else ""
    return table + first + second


@cache
def _english() -> TextWords:
    return TextWords(words=load_words())


def _draw(chart: Drawable, finding: str = "") -> str:
    return f"<div>{to_svg(chart, theme_variables=True, alternative=finding)}</div>"


def _draw_in_words(chart: Drawable | None, finding: str) -> str:
    """The chart with the terms of the field in place of the names that metrics have in MLflow."""
    spoken = translate_chart(chart, _english().title, _english().prose)
    return _draw(spoken, _english().prose(finding)) if spoken else ""


def _chart_clean(rows: Sequence[Row], metric: str) -> str:
    """A chart of the evaluations on clean images, if they are of one dataset, and of two models or seeds at least."""
    clean = [row for row in rows if row["condition"] == CLEAN and not is_undefined(row.get(metric))]
    if len(clean) < 2 or len({row["dataset"] for row in clean}) > 1:
        return ""
    several = len({row["seed"] for row in clean}) > 1
    named = [{**row, "model": f"{row['model']}, seed {row['seed']}" if several else row["model"]} for row in clean]
    return _draw_in_words(charts.plot_leaderboard(named, metric), findings.describe_leaderboard(named, metric))


def _rest(table: pd.DataFrame) -> str:
    more = len(table) - MAX_ROWS
    return f"<p>The first {MAX_ROWS} of {len(table)} rows.</p>" if more > 0 else ""


def _table(board: Sequence[Row], metric: str) -> str:
    rows = [
        {
            "#": row["rank"],
            "model": row["model"],
            f"{_english().spoken(metric)} [95 % CI]": format_with_interval(row, metric),
            "note": _english().prose(str(row["note"] or "")),
        }
        for row in board
    ]
    noted = any(row["note"] for row in rows)
    return table_html(rows if noted else [{key: row[key] for key in row if key != "note"} for row in rows])
