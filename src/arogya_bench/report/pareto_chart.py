"""The Pareto picture: the deciding metric against latency or cost, with intervals and the front."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from arogya_bench.comparison.costs import COST
from arogya_bench.comparison.measurement_choice import UNUSABLE_GRADE
from arogya_bench.comparison.pareto import LATENCY, NOT_RANKED, UNUSABLE_NOTE
from arogya_bench.figures import theme
from arogya_bench.report.chart_axis import Axis, linear_ticks, log_ticks
from arogya_bench.report.label_placement import LINE_HEIGHT, Box, Segment, place_labels

if TYPE_CHECKING:
    import altair as alt

_WIDTH, _HEIGHT = 600, 380
_LETTERS = 32

Row = Mapping[str, Any]
Rows = Sequence[Row]


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a model is chosen for beside its quality: the lower, the better.

    Attributes:
        column: Of the rows, as ``front`` says whether a model is on the front.
        name: In the title.
        axis: Title of the axis.
        unit: In a sentence.
        better: Of a model with a lower price.
        allowed: Notes of the rows that are drawn.
    """

    column: str
    front: str
    name: str
    axis: str
    unit: str
    better: str
    allowed: tuple[str, ...]


BY_LATENCY = Price(
    column=LATENCY,
    front="on_front",
    name="latency",
    axis="latency p50 (ms, logarithmic)",
    unit="ms",
    better="faster",
    allowed=("", UNUSABLE_NOTE),
)
BY_COST = Price(
    column=COST,
    front="on_cost_front",
    name="cost",
    axis="USD per 1,000 images (logarithmic)",
    unit="USD per 1,000 images",
    better="cheaper",
    allowed=("", UNUSABLE_NOTE, NOT_RANKED),
)


def plot_pareto(rows: Rows, metric: str, *, best: str = "high", by: Price = BY_LATENCY) -> "alt.TopLevelMixin | None":
    """Plot the deciding metric against latency or cost, both with their intervals, and the front as a step line.

    Returns:
        None unless a model has both numbers.
    """
    drawn = [row for row in rows if row["note"] in by.allowed and None not in (row["value"], row[by.column])]
    short = theme.shorten_names((str(row["model"]) for row in drawn), _LETTERS)
    points = [_pareto_point({**row, "model": short[str(row["model"])]}, by) for row in drawn]
    if not points:
        return None
    x_axis, y_axis = _price_axis(points), _metric_axis(points)
    notes = (
        f"Filled: no other model is both {by.better} and better; the line joins these. Hollow: another is. Grey: "
        f"measured with the grade {UNUSABLE_GRADE}, not considered. Lines through a point are 95 % intervals.",
        theme.format_list("Not in the picture", [str(row["model"]) for row in rows if row not in drawn]),
    )
    better = "up and to the left" if best == "high" else "down and to the left"
    return theme.apply_theme(
        _pareto_layers(points, x_axis, y_axis, (by.axis, metric)),
        f"{metric} against {by.name} (better: {better})",
        *notes,
    )


def _pareto_point(row: Row, by: Price) -> dict[str, Any]:
    if row["note"] == UNUSABLE_NOTE:
        colour, fill = theme.FAINT, "white"
    else:
        colour, fill = theme.ACCENT, theme.ACCENT if row[by.front] else "white"
    grade = row["grade"]
    marked = f" ({grade})" if grade not in ("", None, "A", "B") else ""
    return {
        "name": f"{row['model']}{marked}",
        "on_front": bool(row[by.front]),
        "x": row[by.column],
        "y": row["value"],
        "x_low": _end(row, f"{by.column}.ci_low", by.column),
        "x_high": _end(row, f"{by.column}.ci_high", by.column),
        "y_low": _end(row, "value.ci_low", "value"),
        "y_high": _end(row, "value.ci_high", "value"),
        "colour": colour,
        "fill": fill,
    }


def _end(row: Row, column: str, otherwise: str) -> Any:
    return row[otherwise] if row[column] is None else row[column]


def _price_axis(points: Rows) -> Axis:
    low, high = min(point["x_low"] for point in points), max(point["x_high"] for point in points)
    pad = max((high / low) ** 0.12, 1.25)
    return Axis(low=low / pad, high=high * pad, pixels=_WIDTH, logarithmic=True)


def _metric_axis(points: Rows) -> Axis:
    low, high = min(point["y_low"] for point in points), max(point["y_high"] for point in points)
    pad = max(0.1 * (high - low), 0.01)
    return Axis(low=low - pad, high=high + pad, pixels=_HEIGHT, flipped=True)


def _pareto_layers(points: Rows, x_axis: Axis, y_axis: Axis, titles: tuple[str, str]) -> "alt.LayerChart":
    import altair as alt

    x_scale = alt.Scale(type="log", domain=x_axis.domain, nice=False)
    y_scale = alt.Scale(domain=y_axis.domain, nice=False, zero=False)
    ticks = alt.Axis(values=log_ticks(x_axis), format="~g", grid=True)
    x_title, y_title = titles
    x = alt.X("x:Q", title=x_title, scale=x_scale, axis=ticks)
    y_ticks = alt.Axis(values=linear_ticks(points, y_axis), format="~g")
    y = alt.Y("y:Q", title=y_title, scale=y_scale, axis=y_ticks)
    front = _front_line(points, x_axis)
    leaders, names = _name_layers(_labels(points, front, x_axis, y_axis), x_scale, y_scale)
    base = alt.Chart(alt.Data(values=points)).encode(color=alt.Color("colour:N", scale=None))
    rules = base.mark_rule(strokeWidth=1.4, opacity=0.55)
    layers = [
        rules.encode(x=x.copy(), y=alt.Y("y_low:Q", title=y_title, scale=y_scale, axis=y_ticks), y2="y_high:Q"),
        rules.encode(x=alt.X("x_low:Q", scale=x_scale, axis=ticks), x2="x_high:Q", y=y.copy()),
        base.mark_point(size=90, opacity=1, strokeWidth=2).encode(x=x, y=y, fill=alt.Fill("fill:N", scale=None)),
    ]
    line = alt.Chart(alt.Data(values=front)).mark_line(
        interpolate="step-after", color=theme.ACCENT, strokeWidth=1.6, strokeDash=[5, 3], opacity=0.8
    )
    layers = [line.encode(x=x, y=y, order="order:Q"), leaders, *layers, names]
    return alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT)


def _name_layers(labels: Rows, x_scale: "alt.Scale", y_scale: "alt.Scale") -> "tuple[alt.Chart, alt.Chart]":
    """The lines from names to points that are far from them, and the names."""
    import altair as alt

    x, y = alt.X("x:Q", scale=x_scale), alt.Y("y:Q", scale=y_scale)
    leaders = alt.Chart(alt.Data(values=[label for label in labels if label["far"]]))
    names = alt.Chart(alt.Data(values=labels)).mark_text(align="center", baseline="middle")
    return (
        leaders.mark_rule(color=theme.FAINT, strokeWidth=1).encode(x=x, x2="point_x:Q", y=y, y2="point_y:Q"),
        names.encode(x=x, y=y, text="name:N"),
    )


def _front_line(points: Rows, x_axis: Axis) -> list[dict[str, Any]]:
    """The models on the front from fast to slow, and the end of the last step at the edge of the picture."""
    front = sorted((point for point in points if point["on_front"]), key=lambda point: float(point["x"]))
    if not front:
        return []
    corners = [(point["x"], point["y"]) for point in front]
    corners.append((x_axis.high, front[-1]["y"]))
    return [{"x": x, "y": y, "order": order} for order, (x, y) in enumerate(corners)]


def _labels(points: Rows, front: Rows, x_axis: Axis, y_axis: Axis) -> list[dict[str, Any]]:
    pixels = [(x_axis.to_pixels(point["x"]), y_axis.to_pixels(point["y"])) for point in points]
    boxes = place_labels(
        pixels,
        [point["name"] for point in points],
        width=_WIDTH,
        height=_HEIGHT,
        lines=[*_interval_lines(points, x_axis, y_axis), *_step_lines(front, x_axis, y_axis)],
    )
    return [
        {
            "name": point["name"],
            "x": x_axis.to_value(box.x),
            "y": y_axis.to_value(box.y),
            "point_x": point["x"],
            "point_y": point["y"],
            "far": _is_far(box, at),
        }
        for point, at, box in zip(points, pixels, boxes, strict=True)
    ]


def _is_far(box: Box, point: tuple[float, float]) -> bool:
    """Whether the label needs a line to its point."""
    across = abs(box.x - point[0]) - box.width / 2
    return max(across, abs(box.y - point[1]) - LINE_HEIGHT / 2) > 16


def _interval_lines(points: Rows, x_axis: Axis, y_axis: Axis) -> list[Segment]:
    lines: list[Segment] = []
    for point in points:
        x, y = x_axis.to_pixels(point["x"]), y_axis.to_pixels(point["y"])
        lines.append(((x_axis.to_pixels(point["x_low"]), y), (x_axis.to_pixels(point["x_high"]), y)))
        lines.append(((x, y_axis.to_pixels(point["y_low"])), (x, y_axis.to_pixels(point["y_high"]))))
    return lines


def _step_lines(front: Rows, x_axis: Axis, y_axis: Axis) -> list[Segment]:
    corners = [(x_axis.to_pixels(point["x"]), y_axis.to_pixels(point["y"])) for point in front]
    steps = []
    for (x, y), (next_x, next_y) in pairwise(corners):
        steps += [((x, y), (next_x, y)), ((next_x, y), (next_x, next_y))]
    return steps
