"""What results show of themselves in a notebook: short HTML tables."""

from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.table_frames import to_records
from arogya_bench.report.wording import UNDEFINED, format_with_interval

STYLE = "text-align: left; white-space: normal; max-width: 48em"


def comparison_html(comparison: ComparisonTables) -> str:
    """The verdict of each dataset in full, and its leaderboard."""
    boards = to_records(comparison.leaderboard)
    parts = [
        f"<p style='{STYLE}'><b>{escape(str(verdict['dataset']))}</b>: {escape(str(verdict['reason']))}</p>"
        + table_html(_leaderboard([row for row in boards if row["dataset"] == verdict["dataset"]], verdict["metric"]))
        for verdict in to_records(comparison.verdict)
    ]
    missing = len(comparison.missing)
    count = "1 cell is" if missing == 1 else f"{missing} cells are"
    return "".join(parts) + (f"<p>{count} missing: <code>.missing</code> says why.</p>" if missing else "")


def comparison_text(comparison: ComparisonTables) -> str:
    """The verdict of each dataset, one line each."""
    lines = [f"{row['dataset']}: {row['reason']}" for row in to_records(comparison.verdict)]
    return "\n".join([f"{type(comparison).__name__} of {comparison.about['experiment']}", *lines])


def table_html(rows: Sequence[Mapping[str, object]] | pd.DataFrame) -> str:
    """Rows as an HTML table; texts are escaped and whole."""
    with pd.option_context("display.max_colwidth", None):
        return str(pd.DataFrame(rows).to_html(index=False, border=0, na_rep=UNDEFINED, justify="left"))


def _leaderboard(rows: Sequence[Mapping[str, object]], metric: str) -> list[dict[str, object]]:
    return [
        {
            "#": row["rank"],
            "model": row["model"],
            f"{metric} [95 % CI]": format_with_interval(row, metric),
            "note": row["note"],
        }
        for row in rows
    ]
