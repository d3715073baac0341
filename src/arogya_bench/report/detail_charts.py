"""The charts of one model: ROC, reliability and confusion matrix, for the part of a report on each row.

Altair builds each kind once; a report of twenty models then swaps data only. Most of the time of drawing goes into
measuring texts, of which these charts have few.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from arogya_bench.figures import theme
from arogya_bench.figures.prepared import PreparedChart
from arogya_bench.report.confusions import confusion_cells
from arogya_bench.report.detail_findings import format_cases
from arogya_bench.report.wording import UNDEFINED, format_number

if TYPE_CHECKING:
    import altair as alt

SIDE = 220  # pixels of a plot
_LETTERS = 44  # of a line of a note
_CLASS_LETTERS = 26
_KEY_STEP = 0.075  # between the lines of the key, in parts of the plot
_WORDED_CLASSES = 8  # beyond which the cells of a confusion matrix hold no numbers
_TICKS = [0, 0.5, 1]
_MAX_PANELS, _PANEL_COLUMNS, _PANEL_SIDE, _PANEL_LETTERS = 9, 3, 190, 32
RELIABILITY_NOTE = "Bands: 95 % intervals; size of points: cases."

Row = Mapping[str, Any]
Rows = Sequence[Row]


def plot_roc(rows: Rows) -> PreparedChart | None:
    """Plot the ROC curves of one model, each class against the rest.

    Of more than eight classes, those with the lowest AUROC are drawn.

    Args:
        rows: Of the table ``roc``: one point of a curve each.

    Returns:
        None without a point.
    """
    curves: dict[str, list[Row]] = {}
    for row in rows:
        if row["fpr"] is not None and row["tpr"] is not None:
            curves.setdefault(str(row["class"]), []).append(row)
    if not curves:
        return None
    lowest = sorted(curves, key=lambda name: _area(curves[name]))[: theme.MAX_LINES]
    drawn = [name for name in curves if name in lowest]
    short = theme.shorten_names(drawn, _CLASS_LETTERS)
    points = [
        {"series": series, "order": order, "x": row["fpr"], "y": row["tpr"]}
        for series, name in enumerate(drawn)
        for order, row in enumerate(curves[name])
    ]
    key = [
        {"series": series, "y": 1 - _KEY_STEP * (series + 0.5), "text": f"{short[name]} ({_format_area(curves[name])})"}
        for series, name in enumerate(drawn)
    ]
    note = f"{len(drawn)} of {len(curves)} classes, those with the lowest AUROC." if len(drawn) < len(curves) else ""
    return _roc_template().with_data("ROC (AUROC beside the class)", wrap(note, _LETTERS), points=points, key=key)


def plot_reliability(rows: Rows) -> PreparedChart | None:
    """Plot what is observed against the probability of one model, with the bands of the intervals.

    Args:
        rows: Of the table ``reliability``: one bin of the probability each.

    Returns:
        None without a bin.
    """
    bins = _bins(rows)
    if not bins:
        return None
    return _reliability_template().with_data("Reliability", [RELIABILITY_NOTE], bins=bins)


def plot_reliabilities(rows: Rows) -> PreparedChart | None:
    """Plot the same of several models, one panel each; the first nine of them.

    Returns:
        None without a bin.
    """
    models: dict[str, list[Row]] = {}
    for row in rows:
        models.setdefault(str(row["model"]), []).append(row)
    drawn = {name: bins for name, of_model in models.items() if (bins := _bins(of_model))}
    if not drawn:
        return None
    names = list(drawn)[:_MAX_PANELS]
    left_out = f"The first {len(names)} of {len(drawn)} models." if len(names) < len(drawn) else ""
    template = _reliability_template().with_data("Reliability", [RELIABILITY_NOTE, left_out])
    short = theme.shorten_names(drawn, _PANEL_LETTERS)
    return template.in_panels(
        {short[name]: {"bins": drawn[name]} for name in names}, columns=_PANEL_COLUMNS, side=_PANEL_SIDE
    )


def _bins(rows: Rows) -> list[dict[str, Any]]:
    return [
        {
            "left": row["low"],
            "right": row["high"],
            "probability": row["probability"],
            "observed": row["observed"],
            "low": row["observed.ci_low"],
            "high": row["observed.ci_high"],
            "cases": row["cases"],
        }
        for row in rows
        if row["observed"] is not None
    ]


def plot_confusion(rows: Rows) -> PreparedChart | None:
    """Plot the confusion matrix of one model; the colour is the share of the true class.

    Of more than twelve classes, those with the most wrong answers are drawn.

    Args:
        rows: Of the table ``confusion``: one pair of a true and a predicted class each.

    Returns:
        None without a row.
    """
    cells, left_out = confusion_cells(rows)
    if not cells:
        return None
    true, predicted = (list(dict.fromkeys(str(cell[name]) for cell in cells)) for name in ("true", "predicted"))
    short = theme.shorten_names([*true, *predicted], _CLASS_LETTERS)
    worded = len(true) <= _WORDED_CLASSES
    drawn = [
        {
            **cell,
            "true": short[str(cell["true"])],
            "predicted": short[str(cell["predicted"])],
            "text": format_cases(cell["count"]) if worded and cell["count"] else "",
        }
        for cell in cells
    ]
    notes = [
        "Colour: share of the true class.",
        f"Without {left_out} other classes, which have fewer wrong answers." if left_out else "",
    ]
    step = 56 if len(predicted) <= 4 else 36 if worded else 22
    slanted = 7 * max(map(len, predicted)) > step  # pixels, about
    lines = [line for note in notes for line in wrap(note, _LETTERS)]
    return _confusion_template(step, slanted).with_data("Confusion matrix", lines, cells=drawn)


def _area(curve: Rows) -> float:
    area = curve[0]["auroc"]
    return float("inf") if area is None else float(area)


def _format_area(curve: Rows) -> str:
    area = curve[0]["auroc"]
    return UNDEFINED if area is None else format_number(area)


@cache
def _roc_template() -> PreparedChart:
    import altair as alt

    base = alt.Chart(alt.NamedData(name="points")).mark_line()
    unit = alt.Scale(domain=[0, 1], nice=False)
    curves = base.encode(
        x=alt.X("x:Q", title="1 \N{MINUS SIGN} specificity", scale=unit, axis=alt.Axis(values=_TICKS)),
        y=alt.Y("y:Q", title="sensitivity", scale=unit, axis=alt.Axis(values=_TICKS)),
        order="order:Q",
        **_looks_of_series(),
    )
    key = alt.Chart(alt.NamedData(name="key")).encode(y=alt.Y("y:Q", scale=unit))
    lines = key.mark_rule().encode(x=alt.value(SIDE + 10), x2=alt.value(SIDE + 36), **_looks_of_series())
    texts = key.mark_text(align="left", baseline="middle").encode(x=alt.value(SIDE + 42), text="text:N")
    return _prepare(alt.layer(_diagonal(), curves, lines, texts).properties(width=SIDE, height=SIDE))


@cache
def _reliability_template() -> PreparedChart:
    import altair as alt

    unit = alt.Scale(domain=[0, 1], nice=False)
    base = alt.Chart(alt.NamedData(name="bins"))
    y_axis = alt.Axis(values=_TICKS)
    bands = base.mark_rect(color=theme.ACCENT, opacity=0.25).encode(
        x=alt.X("left:Q", title="probability", scale=unit, axis=alt.Axis(values=_TICKS)),
        x2="right:Q",
        y=alt.Y("low:Q", title="observed", scale=unit, axis=y_axis),
        y2="high:Q",
    )
    points = base.mark_point(filled=True, color=theme.ACCENT, opacity=1).encode(
        x=alt.X("probability:Q", scale=unit),
        y=alt.Y("observed:Q", scale=unit),
        size=alt.Size("cases:Q", legend=None, scale=alt.Scale(range=[14, 140])),
    )
    return _prepare(alt.layer(bands, _diagonal(), points).properties(width=SIDE, height=SIDE))


@cache
def _confusion_template(step: int, slanted: bool) -> PreparedChart:
    import altair as alt

    columns = alt.Axis(orient="top", labelAngle=-40 if slanted else 0, domain=False, ticks=False, labelLimit=0)
    base = alt.Chart(alt.NamedData(name="cells")).encode(
        x=alt.X("predicted:N", sort=None, title="predicted", axis=columns),
        y=alt.Y("true:N", sort=None, title="true", axis=alt.Axis(domain=False, ticks=False, labelLimit=0)),
    )
    scale = alt.Scale(domain=[0, 1], range=list(theme.RAMP))
    share = alt.Color("share:Q", scale=scale, legend=None)
    tiles = base.mark_rect(stroke=theme.PAPER, strokeWidth=1, invalid=None).encode(
        color=alt.condition("datum.share === null", alt.value(theme.EMPTY), share)
    )
    ink = alt.condition("datum.share > 0.6", alt.value(theme.TILE_PAPER), alt.value(theme.TILE_INK))
    counts = base.transform_filter("datum.text").mark_text(fontSize=12).encode(text="text:N", color=ink)
    return _prepare(alt.layer(tiles, counts).properties(width=alt.Step(step), height=alt.Step(min(step, 40))))


def _looks_of_series() -> "dict[str, Any]":
    """Colour, dash and width by the number of a line, so that no two look alike without colour."""
    import altair as alt

    series = list(range(theme.MAX_LINES))
    dashes = [list(theme.DASHES[i % len(theme.DASHES)]) for i in series]
    widths = [2.2 if i < len(theme.DASHES) else 1.2 for i in series]
    return {
        "color": alt.Color("series:N", legend=None, scale=alt.Scale(domain=series, range=list(theme.COLOURS))),
        "strokeDash": alt.StrokeDash("series:N", legend=None, scale=alt.Scale(domain=series, range=dashes)),
        "strokeWidth": alt.StrokeWidth("series:N", legend=None, scale=alt.Scale(domain=series, range=widths)),
    }


def _diagonal() -> "alt.Chart":
    import altair as alt

    corners = alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}])
    return alt.Chart(corners).mark_line(color=theme.FAINT, strokeDash=[5, 4], strokeWidth=1.2).encode(x="x:Q", y="y:Q")


def _prepare(chart: "alt.TopLevelMixin") -> PreparedChart:
    return PreparedChart(spec=theme.apply_theme(chart, " ").to_dict())
