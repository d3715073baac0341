"""The chart of all pairs of models: which differ, and by how much."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arogya_bench.figures import theme
from arogya_bench.report.wording import format_number, is_undefined

if TYPE_CHECKING:
    import altair as alt

_WORDED_MODELS = 12  # beyond which the tiles hold no numbers
_LETTERS = 30

Rows = Sequence[Mapping[str, Any]]


def plot_pair_map(rows: Rows, metric: str, *, alpha: float = 0.05) -> "alt.TopLevelMixin":
    """Plot a tile per pair, the better model at the left; a ring marks a difference that is not shown."""
    models = list(dict.fromkeys(str(row[side]) for side in ("a", "b") for row in rows))
    short = theme.shorten_names(models, _LETTERS)
    worded = len(models) <= _WORDED_MODELS
    tiles = [
        {
            "a": short[str(row["a"])],
            "b": short[str(row["b"])],
            "size": abs(row["difference"]),
            "shown": not is_undefined(row["p_adjusted"]) and row["p_adjusted"] < alpha,
            "text": format_number(abs(row["difference"]), digits=2) if worded else "",
        }
        for row in rows
        if not is_undefined(row["difference"])
    ]
    undefined = [f"{row['a']} and {row['b']}" for row in rows if is_undefined(row["difference"])]
    chart = _layers(tiles, list(short.values()), f"difference in {metric}", worded=worded)
    return theme.apply_theme(
        chart,
        f"Paired differences in {metric}",
        f"The model at the left is the better one. A ring: the difference is not shown (p for all pairs at once "
        f"≥ {alpha:g}).",
        theme.format_list("Undefined", undefined),
    )


def _layers(tiles: Rows, models: Sequence[str], title: str, *, worded: bool) -> "alt.LayerChart":
    import altair as alt

    step = 44 if worded else 22
    columns = alt.Axis(orient="top", labelAngle=-40, domain=False, ticks=False, labelLimit=220)
    base = alt.Chart(alt.Data(values=list(tiles))).encode(
        x=alt.X("b:N", sort=list(models), title=None, axis=columns),
        y=alt.Y("a:N", sort=list(models), title=None, axis=alt.Axis(domain=False, ticks=False, labelLimit=240)),
    )
    most = max((tile["size"] for tile in tiles), default=0) or 1
    key = alt.Legend(format=".2f", gradientLength=120, tickCount=3)
    scale = alt.Scale(domain=[0, most], range=list(theme.RAMP), nice=False)
    ink = alt.condition(f"datum.size > {0.6 * most}", alt.value(theme.TILE_PAPER), alt.value(theme.TILE_INK))
    ring = base.transform_filter("!datum.shown").mark_point(size=140 if not worded else 900, strokeWidth=1.5, opacity=1)
    layers = [
        base.mark_rect(stroke=theme.PAPER, strokeWidth=1).encode(
            color=alt.Color("size:Q", title=title, scale=scale, legend=key)
        ),
        ring.encode(stroke=ink),
    ]
    if worded:
        layers.append(base.mark_text(fontSize=12).encode(text="text:N", color=ink))
    return alt.layer(*layers).properties(width=alt.Step(step), height=alt.Step(min(step, 34)))
