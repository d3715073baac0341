"""Altair charts of a comparison."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from arogya_bench.errors import UndefinedMetric
from arogya_bench.figures import theme

if TYPE_CHECKING:
    import altair as alt

_WIDTH = 380
_COLUMNS = 3


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A metric of one model under one condition.

    Attributes:
        value: None if the metric is undefined.
        low: Lower end of the 95 % interval; None, like ``high``, if there is none.
        level: Rank of the severity, from 1 (mildest); None for ``clean``.
    """

    model: str
    value: float | None
    low: float | None
    high: float | None
    augmentation: str = "clean"
    severity: float | None = None
    level: int | None = None

    @property
    def name(self) -> str:
        """The model, with the condition unless it is ``clean``."""
        if self.severity is None:
            return self.model
        return f"{self.model} at {self.augmentation} {self.severity:g}"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A paired comparison of two models.

    Attributes:
        value: Metric of ``first`` minus metric of ``second``; None if undefined.
        low: Lower end of the 95 % interval; None, like ``high``, if there is none.
        p_holm: Holm-adjusted p-value; None if undefined.
    """

    first: str
    second: str
    value: float | None
    low: float | None
    high: float | None
    p_holm: float | None

    @property
    def name(self) -> str:
        """The two models, in the order of subtraction."""
        return f"{self.first} \u2212 {self.second}"


def plot_forest(rows: Sequence[Estimate], *, metric: str) -> "alt.TopLevelMixin":
    """Plot value and 95 % interval of each model, in the given order."""
    import altair as alt

    points = [
        {**asdict(row), "label": _format_with_interval(row), "filled": True} for row in rows if row.value is not None
    ]
    chart = _interval_layers(points, "model", f"{metric} with 95 % interval")
    chart = chart.properties(width=_WIDTH, height=alt.Step(30))
    return theme.apply_theme(chart, f"Leaderboard by {metric}", *_omission_notes(rows))


def plot_differences(rows: Sequence[Difference], *, metric: str, alpha: float = 0.05) -> "alt.TopLevelMixin":
    """Plot the paired difference of each pair of models with 95 % interval and p-value.

    Points with a Holm-adjusted p-value below ``alpha`` are filled.
    """
    import altair as alt

    points = [
        {
            **asdict(row),
            "pair": row.name,
            "label": _format_p_value(row.p_holm),
            "filled": row.p_holm is not None and row.p_holm < alpha,
        }
        for row in rows
        if row.value is not None
    ]
    zero = alt.Chart(alt.Data(values=[{"zero": 0}]))
    line = zero.mark_rule(color=theme.MUTED, strokeDash=[4, 3]).encode(x="zero:Q")
    chart = alt.layer(line, _interval_layers(points, "pair", f"difference in {metric}"))
    return theme.apply_theme(
        chart.properties(width=_WIDTH, height=alt.Step(30)),
        f"Paired differences in {metric}",
        f"First minus second model, 95 % interval. Filled points: Holm-adjusted p < {alpha:g}.",
        *_omission_notes(rows),
    )


def plot_degradation(rows: Sequence[Estimate], *, metric: str) -> "alt.TopLevelMixin":
    """Plot the metric against severity, one panel per augmentation and one line per model.

    Each panel starts at the ``clean`` values; a line is interrupted where the metric is undefined.

    Raises:
        UndefinedMetric: If no augmentation has a value.
    """
    import altair as alt

    models = _unique(row.model for row in rows)
    clean = [row for row in rows if row.level is None]
    names = _unique(row.augmentation for row in rows if row.level is not None)
    numbers = [number for row in rows for number in (row.value, row.low, row.high) if number is not None]
    if not names or not numbers:
        raise UndefinedMetric("no value under any augmentation")
    scale = alt.Scale(domain=[min(numbers), max(numbers)], nice=True, zero=False)
    panels = [
        _degradation_panel([*clean, *(row for row in rows if row.augmentation == name)], models)
        .encode(y=alt.Y("value:Q", title=metric if i % _COLUMNS == 0 else None, scale=scale))
        .properties(title=theme.panel_title(name.replace("_", " ")), width=190, height=170)
        for i, name in enumerate(names)
    ]
    chart = alt.concat(*panels, columns=_COLUMNS, spacing=24)
    notes = "Severity increases from clean to the right; bars are 95 % intervals."
    return theme.apply_theme(chart, f"{metric} under augmentation", notes, *_omission_notes(rows))


def _degradation_panel(rows: Sequence[Estimate], models: Sequence[str]) -> "alt.LayerChart":
    import altair as alt

    ticks = {row.level or 0: "clean" if row.level is None else f"{row.severity:g}" for row in rows}
    spread = 0.22 / max(len(models) - 1, 1)
    points = [
        {**asdict(row), "x": (row.level or 0) + spread * (models.index(row.model) - (len(models) - 1) / 2)}
        for row in rows
    ]
    texts = [ticks.get(level, "") for level in range(max(ticks) + 1)]
    axis = alt.Axis(values=sorted(ticks), labelExpr=f"{texts}[datum.value]", grid=False)
    scale = alt.Scale(domain=[-0.2, max(ticks) + 0.2], nice=False, zero=False)
    base = alt.Chart(alt.Data(values=points)).encode(
        x=alt.X("x:Q", title=None, axis=axis, scale=scale), color=alt.Color("model:N", scale=theme.palette(models))
    )
    return alt.layer(
        base.mark_rule(strokeWidth=1.4, opacity=0.8).encode(y="low:Q", y2="high:Q"),
        base.mark_line(strokeWidth=1.8).encode(y="value:Q"),
        base.mark_point(filled=True, size=30, opacity=1).encode(
            y="value:Q", shape=alt.Shape("model:N", scale=theme.shapes(models))
        ),
    )


def _interval_layers(points: list[dict[str, object]], name_field: str, title: str) -> "alt.LayerChart":
    import altair as alt

    order = [row[name_field] for row in points]
    axis = alt.Axis(ticks=False, domain=False, labelLimit=420, labelPadding=8)
    base = alt.Chart(alt.Data(values=points)).encode(y=alt.Y(f"{name_field}:N", sort=order, title=None, axis=axis))
    scale = alt.Scale(zero=False, nice=False, padding=14)
    dots = base.mark_point(size=80, opacity=1, stroke=theme.ACCENT, strokeWidth=2)
    return alt.layer(
        base.mark_rule(color=theme.ACCENT, strokeWidth=2).encode(
            x=alt.X("low:Q", title=title, scale=scale), x2="high:Q"
        ),
        dots.encode(
            x=alt.X("value:Q", title=title, scale=scale),
            fill=alt.condition("datum.filled", alt.value(theme.ACCENT), alt.value("white")),
        ),
        base.mark_text(align="left").encode(x=alt.value(_WIDTH + 14), text="label:N"),
    )


def _format_with_interval(row: Estimate) -> str:
    if row.low is None or row.high is None:
        return f"{row.value:.3f}"
    return f"{row.value:.3f} [{row.low:.3f}, {row.high:.3f}]"


def _format_p_value(p_holm: float | None) -> str:
    if p_holm is None:
        return "p undefined"
    return "p < 0.001" if p_holm < 0.001 else f"p = {p_holm:.3f}"


def _omission_notes(rows: Sequence[Estimate] | Sequence[Difference]) -> list[str]:
    return [
        theme.format_list("Undefined", [row.name for row in rows if row.value is None]),
        theme.format_list("No interval", [row.name for row in rows if row.value is not None and row.low is None]),
    ]


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
