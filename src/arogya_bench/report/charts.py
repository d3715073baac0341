"""Altair charts of the tables of a comparison."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arogya_bench.figures import theme
from arogya_bench.report.wording import MINUS, format_p_value, format_with_interval

if TYPE_CHECKING:
    import altair as alt

_WIDTH = 380
_COLUMNS = 3

Rows = Sequence[Mapping[str, Any]]


def plot_leaderboard(rows: Rows, metric: str) -> "alt.TopLevelMixin":
    """Plot value and 95 % interval of each model, in the given order."""
    points = [
        _point(row, metric, name=row["model"], label=format_with_interval(row, metric), filled=True) for row in rows
    ]
    chart = _interval_layers(points, f"{metric} with 95 % interval")
    return theme.apply_theme(chart, f"Leaderboard by {metric}", *_omission_notes(points))


def plot_pairwise(rows: Rows, metric: str, *, alpha: float = 0.05) -> "alt.TopLevelMixin":
    """Plot the paired difference of each pair of models, with the 95 % interval and the p-value for all pairs at once.

    Points with a p-value below ``alpha`` are filled. Comparisons of earlier versions have the interval of each pair
    alone.
    """
    import altair as alt

    points = [
        _point(
            {**row, **_simultaneous_interval(row)},
            "difference",
            name=f"{row['a']} {MINUS} {row['b']}",
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
        *_omission_notes(points),
    )


def plot_robustness(rows: Rows, leaderboard: Rows, metric: str) -> "alt.TopLevelMixin | None":
    """Plot the metric against severity, one panel per augmentation and one line per model.

    Each panel starts at the clean values; a line is interrupted where the metric is undefined.
    Conditions without a severity have no place on the axis.

    Returns:
        None if no condition with a severity, or no value, exists.
    """
    import altair as alt

    clean = [_point(row, metric, name=row["model"], model=row["model"], tick="clean", level=0) for row in leaderboard]
    panels: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["severity"] is not None:
            name, model, severity = row["augmentation"], row["model"], f"{row['severity']:g}"
            fields = {"model": model, "tick": severity, "level": int(row["level"])}
            point = _point(row, "value", name=f"{model} at {name} {severity}", **fields)
            panels.setdefault(name, [*clean]).append(point)
    points = [*clean, *(point for panel in panels.values() for point in panel[len(clean) :])]
    numbers = [point[key] for point in points for key in ("value", "low", "high") if point[key] is not None]
    if not panels or not numbers:
        return None
    models = list(dict.fromkeys(point["model"] for point in points))
    scale = alt.Scale(domain=[min(numbers), max(numbers)], nice=True, zero=False)
    charts = [
        _degradation_panel(panel, models)
        .encode(y=alt.Y("value:Q", title=metric if i % _COLUMNS == 0 else None, scale=scale))
        .properties(title=theme.panel_title(name.replace("_", " ")), width=190, height=170)
        for i, (name, panel) in enumerate(panels.items())
    ]
    chart = alt.concat(*charts, columns=_COLUMNS, spacing=24)
    note = "Severity increases from clean to the right; bars are 95 % intervals."
    return theme.apply_theme(chart, f"{metric} under augmentation", note, *_omission_notes(points))


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


def _point(row: Mapping[str, Any], column: str, **fields: object) -> dict[str, Any]:
    return {"value": row[column], "low": row[f"{column}.ci_low"], "high": row[f"{column}.ci_high"], **fields}


def _degradation_panel(points: Sequence[dict[str, Any]], models: Sequence[str]) -> "alt.LayerChart":
    import altair as alt

    ticks = {point["level"]: point["tick"] for point in points}
    spread = 0.22 / max(len(models) - 1, 1)
    shifts = {model: spread * (i - (len(models) - 1) / 2) for i, model in enumerate(models)}
    data = alt.Data(values=[{**point, "x": point["level"] + shifts[point["model"]]} for point in points])
    texts = [ticks.get(level, "") for level in range(max(ticks) + 1)]
    axis = alt.Axis(values=sorted(ticks), labelExpr=f"{texts}[datum.value]", grid=False)
    scale = alt.Scale(domain=[-0.2, max(ticks) + 0.2], nice=False, zero=False)
    base = alt.Chart(data).encode(
        x=alt.X("x:Q", title=None, axis=axis, scale=scale),
        color=alt.Color("model:N", scale=theme.cycle(models, theme.COLOURS)),
    )
    return alt.layer(
        base.mark_rule(strokeWidth=1.4, opacity=0.8).encode(y="low:Q", y2="high:Q"),
        base.mark_line(strokeWidth=1.8).encode(y="value:Q"),
        base.mark_point(filled=True, size=30, opacity=1).encode(
            y="value:Q", shape=alt.Shape("model:N", scale=theme.cycle(models, theme.SHAPES))
        ),
    )


def _interval_layers(points: Sequence[dict[str, Any]], title: str, *background: "alt.Chart") -> "alt.LayerChart":
    import altair as alt

    defined = [point for point in points if point["value"] is not None]
    axis = alt.Axis(ticks=False, domain=False, labelLimit=420, labelPadding=8)
    order = [point["name"] for point in defined]
    base = alt.Chart(alt.Data(values=defined)).encode(y=alt.Y("name:N", sort=order, title=None, axis=axis))
    scale = alt.Scale(zero=False, nice=False, padding=14)
    dots = base.mark_point(size=80, opacity=1, stroke=theme.ACCENT, strokeWidth=2)
    intervals = alt.layer(
        base.mark_rule(color=theme.ACCENT, strokeWidth=2).encode(
            x=alt.X("low:Q", title=title, scale=scale), x2="high:Q"
        ),
        dots.encode(
            x=alt.X("value:Q", title=title, scale=scale),
            fill=alt.condition("datum.filled", alt.value(theme.ACCENT), alt.value("white")),
        ),
        base.mark_text(align="left").encode(x=alt.value(_WIDTH + 14), text="label:N"),
    )
    return alt.layer(*background, intervals).properties(width=_WIDTH, height=alt.Step(30))


def _omission_notes(points: Sequence[dict[str, Any]]) -> list[str]:
    return [
        theme.format_list("Undefined", [point["name"] for point in points if point["value"] is None]),
        theme.format_list(
            "No interval", [point["name"] for point in points if point["value"] is not None and point["low"] is None]
        ),
    ]
