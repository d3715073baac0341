"""Altair chart of the time that answers of APIs take, by what it consists of."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arogya_bench.comparison.api_table import MEAN_SPANS
from arogya_bench.figures import theme
from arogya_bench.report.wording import format_significant, is_undefined

if TYPE_CHECKING:
    import altair as alt

_WIDTH = 480
SPANS = dict(zip(MEAN_SPANS, ("wait for a turn", "retries", "last attempt"), strict=True))

Row = Mapping[str, Any]


def plot_api_times(rows: Sequence[Row]) -> "alt.TopLevelMixin | None":
    """Plot the mean time of an answer as a bar of its spans, one bar per model; None without a time."""
    timed = [row for row in rows if not any(is_undefined(row[name]) for name in SPANS)]
    if not timed:
        return None
    note = "Means, which add up. Over the network: not comparable with local latencies."
    return theme.apply_theme(_span_layers(timed), "What the time of an answer consists of", note)


def _span_layers(rows: Sequence[Row]) -> "alt.LayerChart":
    import altair as alt

    names = list(SPANS.values())
    short = theme.shorten_names(str(row["model"]) for row in rows)
    rows = [{**row, "model": short[str(row["model"])]} for row in rows]
    bars = [bar for row in rows for bar in _bars(row)]
    totals = [{"model": row["model"], "label": _total_label(row)} for row in rows]
    axis = alt.Axis(ticks=False, domain=False, labelLimit=0, labelPadding=8)
    y = alt.Y("model:N", sort=[row["model"] for row in rows], title=None, axis=axis)
    colours = alt.Scale(domain=names, range=[theme.COLOURS[5], theme.COLOURS[1], theme.COLOURS[0]])
    stacked = (
        alt.Chart(alt.Data(values=bars))
        .mark_bar(size=16)
        .encode(
            y=y,
            x=alt.X("seconds:Q", title="seconds per answer", stack="zero"),
            order="order:Q",
            color=alt.Color("span:N", title=None, scale=colours, legend=alt.Legend(orient="bottom")),
        )
    )
    labels = (
        alt.Chart(alt.Data(values=totals)).mark_text(align="left").encode(y=y, x=alt.value(_WIDTH + 14), text="label:N")
    )
    return alt.layer(stacked, labels).properties(width=_WIDTH, height=alt.Step(30))


def _bars(row: Row) -> list[dict[str, Any]]:
    """The spans of one model, from the first to the last."""
    return [
        {"model": row["model"], "span": span, "order": order, "seconds": row[column] / 1000}
        for order, (column, span) in enumerate(SPANS.items())
    ]


def _total_label(row: Row) -> str:
    total = sum(float(row[name]) for name in SPANS) / 1000
    return f"{format_significant(total)} s"
