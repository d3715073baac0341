"""Altair charts of how good the probabilities and the decisions of the models are."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arogya_bench.figures import theme

if TYPE_CHECKING:
    import altair as alt

_SIDE = 190
_COLUMNS = 3
_WIDTH, _HEIGHT = 420, 260
_LETTERS = 32

Rows = Sequence[Mapping[str, Any]]


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
    names = list(dict.fromkeys(str(row["model"]) for row in rows))
    short = theme.shorten_names(names[: theme.MAX_LINES], _LETTERS)
    charts = [
        _benefit_panel(part, short).properties(
            title=theme.panel_title(f"positive: {name}"),
            width=_WIDTH if len(shown) == 1 else _SIDE,
            height=_HEIGHT if len(shown) == 1 else _SIDE,
        )
        for name, part in shown.items()
    ]
    note = "Dashed: act on every case. A model is of use where it lies above both the dashed line and 0."
    chart = charts[0] if len(charts) == 1 else alt.concat(*charts, columns=_COLUMNS, spacing=24)
    left_out = f"The first {len(short)} of {len(names)} models." if len(short) < len(names) else ""
    return theme.apply_theme(chart, "Net benefit", note, left_out)


def _benefit_panel(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> "alt.LayerChart":
    import altair as alt

    def point(row: Mapping[str, Any], column: str, model: str) -> dict[str, Any]:
        return {"pt": row["threshold_probability"], "value": row[column], "model": model}

    models = list(names.values())
    dashes = theme.dash_numbers(names)
    lines = [
        {**point(row, "net_benefit", names[name]), "dash": dashes[name]}
        for row in rows
        if (name := str(row["model"])) in names
    ]
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
        base.mark_line(strokeWidth=1.8).encode(strokeDash=theme.dash_encoding()),
        base.mark_point(filled=True, size=30, opacity=1).encode(
            shape=alt.Shape("model:N", scale=theme.cycle(models, theme.SHAPES), title=None)
        ),
    )
