"""The chart of degradation curves: the deciding metric against severity."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arogya_bench.figures import theme
from arogya_bench.figures.prepared import PreparedChart
from arogya_bench.report.chart_points import chart_point, omission_notes
from arogya_bench.report.wording import is_undefined

if TYPE_CHECKING:
    import altair as alt

_COLUMNS = 3
_WIDTH, _HEIGHT = 190, 170
_LETTERS = 36

Rows = Sequence[Mapping[str, Any]]
Point = dict[str, Any]


def plot_robustness(rows: Rows, leaderboard: Rows, metric: str) -> PreparedChart | None:
    """Plot the metric against severity, one panel per augmentation and one line per model.

    Each panel starts at the clean values; a line is interrupted where the metric is undefined.
    Conditions without a severity have no place on the axis. Of more than eight models, those after the first eight of
    the leaderboard are thin grey lines.

    Returns:
        None if no condition with a severity, or no value, exists.
    """
    import altair as alt

    panels, scales = _panels(rows, leaderboard, metric)
    points = _distinct(point for panel in panels.values() for point in panel)
    numbers = [point[key] for point in points for key in ("value", "low", "high") if not is_undefined(point[key])]
    if not panels or not numbers:
        return None
    models = list(dict.fromkeys(point["model"] for point in points))
    scale = alt.Scale(domain=[min(numbers), max(numbers)], nice=True, zero=False)
    datasets: dict[str, list[Point]] = {}  # beside the chart, since Altair copies data with every step
    charts = [
        _degradation_panel(panel, models, scales[name], datasets)
        .encode(y=alt.Y("value:Q", title=metric if i % _COLUMNS == 0 else None, scale=scale))
        .properties(title=theme.panel_title(name.replace("_", " ")), width=_WIDTH, height=_HEIGHT)
        for i, (name, panel) in enumerate(panels.items())
    ]
    chart = alt.concat(*charts, columns=_COLUMNS, spacing=24)
    others = len(models) - theme.MAX_LINES
    themed = theme.apply_theme(
        chart,
        f"{metric} under augmentation",
        "Severity increases from clean to the right; bars are 95 % intervals.",
        f"Grey: the {others} models that follow on the leaderboard." if others > 0 else "",
        *omission_notes(points),
    )
    return PreparedChart(spec={**themed.to_dict(), "datasets": datasets})


def _panels(rows: Rows, leaderboard: Rows, metric: str) -> tuple[dict[str, list[Point]], dict[str, str]]:
    """The points of each augmentation, and what its severity is."""
    short = theme.shorten_names((str(row["model"]) for row in (*leaderboard, *rows)), _LETTERS)
    clean = [
        chart_point(row, metric, name=short[str(row["model"])], model=short[str(row["model"])], tick="clean", level=0)
        for row in leaderboard
    ]
    panels: dict[str, list[Point]] = {}
    scales: dict[str, str] = {}
    for row in rows:
        if not is_undefined(row["severity"]):
            name, model, severity = str(row["augmentation"]), short[str(row["model"])], f"{row['severity']:g}"
            fields = {"model": model, "tick": severity, "level": int(row["level"])}
            point = chart_point(row, "value", name=f"{model} at {name} {severity}", **fields)
            panels.setdefault(name, [*clean]).append(point)
            scales[name] = str(row.get("scale") or "")
    return panels, scales


def _distinct(points: Iterable[Point]) -> list[Point]:
    """Each point once: those of clean images are in every panel."""
    return list({point["name"]: point for point in points}.values())


def _degradation_panel(
    points: Sequence[Point], models: Sequence[str], title: str, datasets: dict[str, list[Point]]
) -> "alt.LayerChart":
    """A panel whose rows go into the named datasets of the whole chart."""
    import altair as alt

    named = models[: theme.MAX_LINES]
    ticks = {point["level"]: point["tick"] for point in points}
    texts = [ticks.get(level, "") for level in range(max(ticks) + 1)]
    axis = alt.Axis(values=sorted(ticks), labelExpr=f"{texts}[datum.value]", grid=False, titleLimit=_WIDTH + 40)
    scale = alt.Scale(domain=[-0.2, max(ticks) + 0.2], nice=False, zero=False)
    x = alt.X("x:Q", title=title or None, axis=axis, scale=scale)
    dashes = theme.dash_numbers(named)
    followed = [
        {**point, "x": point["level"] + _shift(named, point["model"]), "dash": dashes[point["model"]]}
        for point in points
        if point["model"] in named
    ]
    others = [{**point, "x": point["level"]} for point in points if point["model"] not in named]
    place = len(datasets)
    datasets |= {f"models-{place}": followed, f"others-{place}": others}
    base = alt.Chart(alt.NamedData(name=f"models-{place}")).encode(
        x=x, color=alt.Color("model:N", title="model", scale=theme.cycle(named, theme.COLOURS))
    )
    shape = alt.Shape("model:N", title="model", scale=theme.cycle(named, theme.SHAPES))
    layers = [
        base.mark_rule(strokeWidth=1.4, opacity=0.8).encode(y="low:Q", y2="high:Q"),
        base.mark_line(strokeWidth=1.8).encode(y="value:Q", strokeDash=theme.dash_encoding()),
        base.mark_point(filled=True, size=30, opacity=1).encode(y="value:Q", shape=shape),
    ]
    if others:
        grey = alt.Chart(alt.NamedData(name=f"others-{place}")).mark_line(color=theme.FAINT, strokeWidth=1, opacity=0.7)
        layers.insert(0, grey.encode(x=x, y="value:Q", detail="model:N"))
    return alt.layer(*layers)


def _shift(models: Sequence[str], model: str) -> float:
    """Beside the others at a level, so that intervals do not cover each other."""
    spread = 0.22 / max(len(models) - 1, 1)
    return spread * (list(models).index(model) - (len(models) - 1) / 2)
