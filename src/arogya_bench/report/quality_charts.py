"""Altair charts of how good the probabilities and the decisions of the models are."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arogya_bench.figures import theme

if TYPE_CHECKING:
    import altair as alt

_SIDE = 190
_COLUMNS = 3
_WIDTH, _HEIGHT = 420, 260

Rows = Sequence[Mapping[str, Any]]


def plot_reliability(rows: Rows) -> "alt.TopLevelMixin | None":
    """Plot what is observed against the probability, one panel per model, with 95 % intervals.

    Returns:
        None without a bin.
    """
    import altair as alt

    panels: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        low, high = row["observed.ci_low"], row["observed.ci_high"]
        point = {"probability": row["probability"], "observed": row["observed"], "low": low, "high": high}
        panels.setdefault(str(row["model"]), []).append({**point, "cases": row["cases"]})
    if not panels:
        return None
    charts = [
        _reliability_panel(points, first=i % _COLUMNS == 0).properties(
            title=theme.panel_title(name), width=_SIDE, height=_SIDE
        )
        for i, (name, points) in enumerate(panels.items())
    ]
    note = "On the line, the probability is what is observed; bars are 95 % intervals, areas are numbers of cases."
    return theme.apply_theme(alt.concat(*charts, columns=_COLUMNS, spacing=24), "Reliability", note)


def plot_net_benefit(rows: Rows) -> "alt.TopLevelMixin | None":
    """Plot the net benefit of each model against the threshold probability, beside acting on all cases and on none.

    One panel per positive class, of at most six.

    Returns:
        None without a value.
    """
    import altair as alt

    panels: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        panels.setdefault(str(row["positive_class"]), []).append(row)
    shown = dict(list(panels.items())[: 2 * _COLUMNS])
    if not any(row["net_benefit"] is not None for row in rows):
        return None
    models = list(dict.fromkeys(str(row["model"]) for row in rows))
    charts = [
        _benefit_panel(part, models).properties(
            title=theme.panel_title(f"positive: {name}"),
            width=_WIDTH if len(shown) == 1 else _SIDE,
            height=_HEIGHT if len(shown) == 1 else _SIDE,
        )
        for name, part in shown.items()
    ]
    note = "Dashed: act on every case. A model is of use where it lies above both the dashed line and 0."
    chart = charts[0] if len(charts) == 1 else alt.concat(*charts, columns=_COLUMNS, spacing=24)
    return theme.apply_theme(chart, "Net benefit", note)


def _reliability_panel(points: Sequence[dict[str, Any]], *, first: bool) -> "alt.LayerChart":
    import altair as alt

    scale = alt.Scale(domain=[0, 1], nice=False)
    diagonal = alt.Chart(alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
    base = alt.Chart(alt.Data(values=list(points))).encode(
        x=alt.X("probability:Q", title="probability", scale=scale, axis=alt.Axis(values=[0, 0.5, 1]))
    )
    title = "observed" if first else None
    return alt.layer(
        diagonal.mark_line(color=theme.MUTED, strokeDash=[4, 3], strokeWidth=1).encode(x="x:Q", y="y:Q"),
        base.mark_rule(color=theme.ACCENT, strokeWidth=1.4).encode(
            y=alt.Y("low:Q", title=title, scale=scale, axis=alt.Axis(values=[0, 0.5, 1])), y2="high:Q"
        ),
        base.mark_point(filled=True, color=theme.ACCENT, opacity=1).encode(
            y="observed:Q", size=alt.Size("cases:Q", legend=None, scale=alt.Scale(range=[12, 120]))
        ),
    )


def _benefit_panel(rows: Sequence[Mapping[str, Any]], models: Sequence[str]) -> "alt.LayerChart":
    import altair as alt

    def point(row: Mapping[str, Any], column: str, model: str) -> dict[str, Any]:
        return {"pt": row["threshold_probability"], "value": row[column], "model": model}

    lines = [point(row, "net_benefit", str(row["model"])) for row in rows]
    first = [row for row in rows if row["model"] == rows[0]["model"]]
    treat_all = alt.Chart(alt.Data(values=[point(row, "treat_all", "") for row in first if row["treat_all"] > -0.1]))
    zero = alt.Chart(alt.Data(values=[{"zero": 0}]))
    base = alt.Chart(alt.Data(values=lines)).encode(
        x=alt.X("pt:Q", title="threshold probability"),
        y=alt.Y("value:Q", title="net benefit"),
        color=alt.Color("model:N", scale=theme.cycle(models, theme.COLOURS), title=None),
    )
    return alt.layer(
        zero.mark_rule(color=theme.MUTED).encode(y="zero:Q"),
        treat_all.mark_line(color=theme.MUTED, strokeDash=[4, 3]).encode(x="pt:Q", y="value:Q"),
        base.mark_line(strokeWidth=1.8),
        base.mark_point(filled=True, size=30, opacity=1).encode(
            shape=alt.Shape("model:N", scale=theme.cycle(models, theme.SHAPES), title=None)
        ),
    )
