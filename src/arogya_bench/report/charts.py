"""Altair charts of the tables of a comparison."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arogya_bench.figures import theme
from arogya_bench.report.chart_points import chart_point, omission_notes
from arogya_bench.report.pair_map import plot_pair_map
from arogya_bench.report.wording import MINUS, format_p_value, format_with_interval

if TYPE_CHECKING:
    import altair as alt

_WIDTH = 380
_PAIRED_LETTERS = 26  # of each name of a pair
_ROOMY_ROWS = 12  # beyond which rows stand closer
MAX_PAIRS = 15  # that are drawn as intervals; more are a map

Rows = Sequence[Mapping[str, Any]]


def plot_leaderboard(rows: Rows, metric: str) -> "alt.TopLevelMixin":
    """Plot value and 95 % interval of each model, in the given order."""
    short = theme.shorten_names(str(row["model"]) for row in rows)
    points = [
        chart_point(row, metric, name=short[str(row["model"])], label=format_with_interval(row, metric), filled=True)
        for row in rows
    ]
    chart = _interval_layers(points, f"{metric} with 95 % interval")
    return theme.apply_theme(chart, f"Leaderboard by {metric}", *omission_notes(points))


def plot_pairs(rows: Rows, metric: str) -> "alt.TopLevelMixin":
    """Plot the paired differences: as intervals, or of more than 15 pairs as a map."""
    return plot_pair_map(rows, metric) if len(rows) > MAX_PAIRS else plot_pairwise(rows, metric)


def plot_pairwise(rows: Rows, metric: str, *, alpha: float = 0.05) -> "alt.TopLevelMixin":
    """Plot the paired difference of each pair of models, with the 95 % interval and the p-value for all pairs at once.

    Points with a p-value below ``alpha`` are filled. Comparisons of earlier versions have the interval of each pair
    alone.
    """
    import altair as alt

    short = theme.shorten_names((str(row[side]) for side in ("a", "b") for row in rows), _PAIRED_LETTERS)
    points = [
        chart_point(
            {**row, **_simultaneous_interval(row)},
            "difference",
            name=f"{short[str(row['a'])]} {MINUS} {short[str(row['b'])]}",
            label=f"p = {format_p_value(row['p_adjusted'])}".replace("= <", "<"),
            filled=row["p_adjusted"] is not None and row["p_adjusted"] < alpha,
        )
        for row in rows
    ]
    zero = alt.Chart(alt.Data(values=[{"zero": 0}]))
    line = zero.mark_rule(color=theme.MUTED, strokeDash=[4, 3]).encode(x="zero:Q")
    return theme.apply_theme(
        _interval_layers(points, f"difference in {metric}", line),
        f"Paired differences in {metric}",
        f"First minus second model; {_what_bars_are(rows)}. Filled points: p < {alpha:g}.",
        *omission_notes(points),
    )


def _what_bars_are(rows: Rows) -> str:
    simultaneous = all(row.get("difference.simultaneous_low") is not None or row["p_adjusted"] is None for row in rows)
    if simultaneous or "correction" not in (rows[0] if rows else {}):
        return "95 % interval and p for all pairs at once"
    return "95 % interval of each pair by itself, p for all pairs at once"


def _simultaneous_interval(row: Mapping[str, Any]) -> dict[str, Any]:
    if row.get("difference.simultaneous_low") is None:
        return {}
    return {
        "difference.ci_low": row["difference.simultaneous_low"],
        "difference.ci_high": row["difference.simultaneous_high"],
    }


def _interval_layers(points: Sequence[dict[str, Any]], title: str, *background: "alt.Chart") -> "alt.LayerChart":
    import altair as alt

    defined = [point for point in points if point["value"] is not None]
    axis = alt.Axis(ticks=False, domain=False, labelLimit=0, labelPadding=8)
    order = [point["name"] for point in defined]
    base = alt.Chart(alt.Data(values=defined)).encode(y=alt.Y("name:N", sort=order, title=None, axis=axis))
    scale = alt.Scale(zero=False, nice=False, padding=14)
    dots = base.mark_point(size=80, opacity=1, stroke=theme.ACCENT, strokeWidth=2)
    ticks = alt.Axis(tickCount=7)
    intervals = alt.layer(
        base.mark_rule(color=theme.ACCENT, strokeWidth=2).encode(
            x=alt.X("low:Q", title=title, scale=scale, axis=ticks), x2="high:Q"
        ),
        dots.encode(
            x=alt.X("value:Q", title=title, scale=scale, axis=ticks),
            fill=alt.condition("datum.filled", alt.value(theme.ACCENT), alt.value("white")),
        ),
        base.mark_text(align="left").encode(x=alt.value(_WIDTH + 14), text="label:N"),
    )
    return alt.layer(*background, intervals).properties(
        width=_WIDTH, height=alt.Step(30 if len(defined) <= _ROOMY_ROWS else 20)
    )
