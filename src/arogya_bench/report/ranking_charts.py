"""The chart of ranks over resamples of the test cases."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arogya_bench.figures import theme
from arogya_bench.report.wording import format_chance, is_undefined

if TYPE_CHECKING:
    import altair as alt

_WIDTH = 380
_ROOMY_ROWS = 12  # beyond which rows stand closer

Row = Mapping[str, Any]


def plot_ranks(rows: Sequence[Row]) -> "alt.TopLevelMixin | None":
    """Plot the rank of each model with 95 % of its ranks over resamples, and how often it is first.

    Returns:
        None without a rank.
    """
    import altair as alt

    short = theme.shorten_names(str(row["model"]) for row in rows)
    points = [_rank_point(row, short[str(row["model"])]) for row in rows if not is_undefined(row.get("rank"))]
    if not points:
        return None
    last = max(point["high"] for point in points)
    axis = alt.Axis(ticks=False, domain=False, labelLimit=0, labelPadding=8)
    base = alt.Chart(alt.Data(values=points)).encode(
        y=alt.Y("name:N", sort=[point["name"] for point in points], title=None, axis=axis)
    )
    scale = alt.Scale(domain=[0.7, last + 0.3], nice=False, zero=False)
    steps = alt.Axis(values=_steps(last), format="d")
    chart = alt.layer(
        base.mark_rule(color=theme.ACCENT, strokeWidth=7, opacity=0.35, strokeCap="round").encode(
            x=alt.X("low:Q", title="rank (1 is the best)", scale=scale, axis=steps), x2="high:Q"
        ),
        base.mark_point(size=70, opacity=1, filled=True, color=theme.ACCENT).encode(x=alt.X("rank:Q", scale=scale)),
        base.mark_text(align="left").encode(x=alt.value(_WIDTH + 14), text="label:N"),
    )
    note = "Bars: 95 % of the ranks over resamples of the cases; beside them the share in which a model is first."
    step = 28 if len(points) <= _ROOMY_ROWS else 20
    return theme.apply_theme(chart.properties(width=_WIDTH, height=alt.Step(step)), "How sure the ranks are", note)


def _rank_point(row: Row, name: str) -> dict[str, Any]:
    rank = int(row["rank"])
    low, high = (
        rank if is_undefined(row.get(f"rank.{end}")) else int(row[f"rank.{end}"]) for end in ("ci_low", "ci_high")
    )
    return {"name": name, "rank": rank, "low": low, "high": high, "label": format_chance(row.get("p_best"))}


def _steps(last: int) -> list[int]:
    """Whole ranks, all of them as long as they have room."""
    step = next(step for step in (1, 5, 10, 50, 1000) if last / step <= 15)
    return sorted({1, *range(step, last + 1, step)})
