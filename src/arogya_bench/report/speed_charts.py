"""Altair charts of speed and cost: throughput by batch size, and the cost of 1,000 images."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arogya_bench.comparison.costs import COST, LOCAL
from arogya_bench.comparison.measurement_choice import USABLE_GRADES
from arogya_bench.comparison.measurement_tables import OK
from arogya_bench.figures import theme
from arogya_bench.report.wording import format_measured

if TYPE_CHECKING:
    import altair as alt

_COST_WIDTH = 380
_LETTERS = 36
_LOG_COST_RATIO = 20  # from the cheapest to the dearest, beyond which the axis is logarithmic

Row = Mapping[str, Any]
Rows = Sequence[Row]


def plot_throughput(rows: Rows) -> "alt.TopLevelMixin | None":
    """Plot images per second against batch size, one line per model, on logarithmic axes; None without a value."""
    known = [row for row in rows if row["images_per_s"]]
    if not known:
        return None
    models = list(dict.fromkeys(str(row["model"]) for row in known))
    short = theme.shorten_names(models[: theme.MAX_LINES], _LETTERS)
    drawn = [{**row, "model": short[str(row["model"])]} for row in known if str(row["model"]) in short]
    points = [_throughput_point(row) for row in drawn]
    bad = {_legend_name(row) for row in drawn if row["grade"] not in USABLE_GRADES}
    ended = [f"{row['model']} at {row['batch']} ({row['status']})" for row in rows if row["status"] != OK]
    note = "With decoding; both axes are logarithmic. Bars are 95 % intervals over rounds."
    left_out = f"The first {len(short)} of {len(models)} models." if len(short) < len(models) else ""
    return theme.apply_theme(
        _throughput_layers(points, bad),
        "Throughput by batch size",
        note,
        left_out,
        theme.format_list("No value", ended),
    )


def _throughput_point(row: Row) -> dict[str, Any]:
    return {
        "model": _legend_name(row),
        "batch": row["batch"],
        "value": row["images_per_s"],
        "low": row["images_per_s.ci_low"] or row["images_per_s"],
        "high": row["images_per_s.ci_high"] or row["images_per_s"],
    }


def _throughput_layers(points: Rows, bad: Collection[str]) -> "alt.LayerChart":
    import altair as alt

    models = list(dict.fromkeys(point["model"] for point in points))
    batches = sorted({point["batch"] for point in points})
    colours = theme.cycle(models, theme.COLOURS)
    colours.range = [theme.FAINT if name in bad else colour for name, colour in zip(models, colours.range, strict=True)]
    scale = alt.Scale(type="log", base=2, domain=[batches[0] / 1.15, batches[-1] * 1.15], nice=False)
    axis = alt.Axis(values=batches, format="d", grid=False)
    dashes = theme.dash_numbers(models)
    base = alt.Chart(alt.Data(values=[{**point, "dash": dashes[point["model"]]} for point in points])).encode(
        x=alt.X("batch:Q", title="batch size", scale=scale, axis=axis),
        color=alt.Color("model:N", title=None, scale=colours),
    )
    y = alt.Y("value:Q", title="images per second", scale=alt.Scale(type="log", nice=False, padding=12))
    shape = alt.Shape("model:N", title=None, scale=theme.cycle(models, theme.SHAPES))
    return alt.layer(
        base.mark_rule(strokeWidth=1.4, opacity=0.8).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(strokeWidth=1.8).encode(y=y, strokeDash=theme.dash_encoding()),
        base.mark_point(filled=True, size=36, opacity=1).encode(y=y, shape=shape),
    ).properties(width=460, height=300)


def plot_cost(rows: Rows) -> "alt.TopLevelMixin | None":
    """Plot the cost of 1,000 images of each model and API, the cheapest first; None without a cost."""
    priced = sorted((row for row in rows if row[COST] is not None), key=lambda row: (row[COST], str(row["model"])))
    if not priced:
        return None
    note = "Filled: an API." if any(row["kind"] != LOCAL for row in priced) else ""
    missing = [str(row["model"]) for row in rows if row[COST] is None]
    short = theme.shorten_names(str(row["model"]) for row in priced)
    chart = _cost_layers([_cost_point({**row, "model": short[str(row["model"])]}) for row in priced])
    return theme.apply_theme(chart, "Cost of 1,000 images", note, theme.format_list("No cost", missing))


def _cost_point(row: Row) -> dict[str, Any]:
    local = row["kind"] == LOCAL
    return {
        "name": row["model"] if local else f"{row['model']} (API)",
        "value": row[COST],
        "low": row[f"{COST}.ci_low"] or row[COST],
        "high": row[f"{COST}.ci_high"] or row[COST],
        "label": format_measured(row, COST, grade=row["grade"]),
        "colour": theme.FAINT if local and row["grade"] not in USABLE_GRADES else theme.ACCENT,
        "fill": "white" if local else theme.ACCENT,
    }


def _cost_layers(points: Rows) -> "alt.LayerChart":
    import altair as alt

    positive = [point["low"] for point in points if point["low"] > 0]
    logarithmic = len(positive) == len(points) and max(p["high"] for p in points) > _LOG_COST_RATIO * min(positive)
    scale = alt.Scale(type="log", nice=False, padding=14) if logarithmic else alt.Scale(zero=True, nice=True)
    title = f"USD per 1,000 images{' (logarithmic)' if logarithmic else ''}"
    order = [point["name"] for point in points]
    axis = alt.Axis(ticks=False, domain=False, labelLimit=0, labelPadding=8)
    base = alt.Chart(alt.Data(values=points)).encode(
        y=alt.Y("name:N", sort=order, title=None, axis=axis), color=alt.Color("colour:N", scale=None)
    )
    axis_x = alt.Axis(tickCount=5, format="~g")
    return alt.layer(
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title, scale=scale, axis=axis_x), x2="high:Q"),
        base.mark_point(size=80, opacity=1, strokeWidth=2).encode(
            x=alt.X("value:Q", title=title, scale=scale, axis=axis_x), fill=alt.Fill("fill:N", scale=None)
        ),
        base.mark_text(align="left").encode(x=alt.value(_COST_WIDTH + 14), text="label:N", color=alt.value(theme.INK)),
    ).properties(width=_COST_WIDTH, height=alt.Step(30))


def _legend_name(row: Row) -> str:
    grade = row["grade"]
    return str(row["model"]) if grade in USABLE_GRADES else f"{row['model']} (grade {grade or 'unknown'})"
