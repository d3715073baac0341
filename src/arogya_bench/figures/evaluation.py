"""Altair charts of one evaluation, and rendering of charts as SVG or PNG.

Altair and SciPy take a second to import and are imported inside the functions.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arogya_bench.figures import theme
from arogya_bench.figures.contact_rows import format_count
from arogya_bench.figures.prepared import Drawable, title_of
from arogya_bench.figures.svg import describe_svg, number_identifiers, use_variables
from arogya_bench.metrics.calibration import reliability_bins
from arogya_bench.types import Floats, Labels, Probabilities

if TYPE_CHECKING:
    import altair as alt

_CURVE_POINTS = 200
LABEL_LIMIT = 240  # pixels of the name of a class
PLOT_SIDE = 380  # pixels of a square plot
NO_ANSWER_LABEL = "(no answer)"
MAX_CLASSES = 30  # that a figure shows; a matrix of hundreds takes a minute to draw, and nobody can read it


def plot_confusion_matrix(counts: NDArray[np.int64], classes: Sequence[str]) -> "alt.TopLevelMixin":
    """Draw a confusion matrix: counts as text, shares of the true class as text and colour.

    Args:
        counts: Shape (classes, classes); rows are true, columns predicted. One more column counts the cases without
            an answer.
        classes: Names, in the order of rows and columns. Of more than 30, those with the most wrong answers are shown,
            and one column counts the answers with another class.
    """
    import altair as alt

    n_cases, n_classes = int(counts.sum()), len(classes)
    counts, classes, rest = _most_confused(counts, classes)
    unanswered = [NO_ANSWER_LABEL] if counts.shape[1] > len(classes) + len(rest) else []
    predicted = [*classes, *rest, *unanswered]
    cells = _confusion_cells(counts, classes, predicted)
    step = 84 if len(classes) <= 4 else 58
    label_width = 7 * max(map(len, classes))  # pixels, about
    columns = alt.Axis(orient="top", labelAngle=-35 if label_width > step else 0, domain=False, labelLimit=LABEL_LIMIT)
    base = alt.Chart(alt.Data(values=cells)).encode(
        x=alt.X("predicted:N", sort=predicted, title="predicted", axis=columns),
        y=alt.Y("true:N", sort=list(classes), title="true", axis=alt.Axis(domain=False, labelLimit=LABEL_LIMIT)),
    )
    colour = alt.Color(
        "share:Q",
        title="share of true class",
        scale=alt.Scale(domain=[0, 1], range=list(theme.RAMP)),
        legend=alt.Legend(format=".0%", gradientLength=140),
    )
    fill = alt.condition("datum.share === null", alt.value(theme.EMPTY), colour)
    ink = alt.condition("datum.share > 0.75", alt.value("white"), alt.value(theme.INK))
    count = base.mark_text(dy=-7, fontSize=14, fontWeight="bold").encode(text="count:Q", color=ink)
    share = base.transform_filter("datum.share !== null").mark_text(dy=10, fontSize=11)
    chart = alt.layer(
        base.mark_rect(stroke="white", strokeWidth=2, invalid=None).encode(color=fill),
        count,
        share.encode(text=alt.Text("share:Q", format=".0%"), color=ink),
    ).properties(width=alt.Step(step), height=alt.Step(min(step, 64)))
    without_cases = theme.format_list(
        "No share, as there are no cases", [name for name, row in zip(classes, counts, strict=True) if not row.sum()]
    )
    shown = f"{len(classes)} of {n_classes} classes, those with the most wrong answers." if rest else ""
    cases = f"{format_count(n_cases, 'case')}."
    return theme.apply_theme(chart, "Confusion matrix", cases, shown, without_cases)


def plot_roc(
    targets: Labels, probabilities: Probabilities, classes: Sequence[str], *, unanswered: int = 0
) -> "alt.TopLevelMixin":
    """Draw a ROC curve for each class against the rest; of two classes, for the second only.

    Curves are thinned to 200 points; the AUROC in the legend is computed from all points. Of more than 30 classes,
    those with the lowest AUROC are shown.
    """
    import altair as alt

    binary = len(classes) == 2
    curves_of = {k: _roc_curve(targets == k, probabilities[:, k]) for k in range(binary, len(classes))}
    drawn, rest = _lowest_areas(curves_of)
    undefined, labels = [], []
    points: list[dict[str, object]] = []
    for k in drawn:
        curve = curves_of[k]
        if curve is None:
            undefined.append(f"{classes[k]} (no {'other ' if (targets == k).any() else ''}case)")
            # It stays in the legend, so that the other classes keep their colours.
            labels.append(f"{classes[k]} (undefined)")
        else:
            labels.append(f"{classes[k]} ({curve.area:.3f})")
            points += thin_curve(curve.false_rate, curve.true_rate, labels[-1])
    unit = alt.Scale(domain=[0, 1], nice=False)
    curves = alt.Chart(alt.Data(values=points), mark=alt.MarkDef("line", strokeWidth=2)).encode(
        x=alt.X("x:Q", title="false-positive rate (1 - specificity)", scale=unit),
        y=alt.Y("y:Q", title="true-positive rate (sensitivity)", scale=unit),
        order="order:Q",
        color=alt.Color("label:N", title="class (AUROC)", scale=theme.cycle(labels, theme.COLOURS)),
    )
    chart = alt.layer(_diagonal(), curves).properties(width=PLOT_SIDE, height=PLOT_SIDE)
    pairing = f"{classes[1]} against {classes[0]}" if binary else "Each class against the rest"
    note = f"{pairing}; {format_count(targets.size, 'case')}{describe_unanswered(unanswered)}."
    shown = f"{len(drawn)} of {len(classes)} classes, those with the lowest AUROC." if rest else ""
    return theme.apply_theme(chart, "ROC", note, shown, theme.format_list("Undefined", undefined))


def plot_reliability(
    confidence: Floats, correct: NDArray[np.bool_], *, bins: int = 15, unanswered: int = 0
) -> "alt.TopLevelMixin":
    """Draw accuracy against confidence in bins of equal width, closed on the right.

    Args:
        confidence: Largest class probability, shape (n,).
        correct: Whether the prediction was correct, shape (n,).
        bins: Number of bins.
        unanswered: Number of cases that are left out, since they have no answer.
    """
    import altair as alt

    rows = _reliability_rows(confidence, correct, bins)
    unit = alt.Scale(domain=[0, 1], nice=False)
    filled = alt.Data(values=[row for row in rows if row["count"]])
    bin_edges = alt.X("left:Q", title=None, scale=unit, axis=alt.Axis(labels=False, ticks=False))
    bands = alt.Chart(filled).mark_rect(color=theme.ACCENT, opacity=0.22)
    dots = alt.Chart(filled).mark_point(color=theme.ACCENT, filled=True, opacity=1, size=50)
    counts = alt.Chart(alt.Data(values=rows)).mark_rect(color=theme.FAINT, stroke="white")
    upper = alt.layer(
        _diagonal(),
        bands.encode(x=bin_edges, x2="right:Q", y=alt.Y("low:Q", title="accuracy", scale=unit), y2="high:Q"),
        dots.encode(x="confidence:Q", y="accuracy:Q"),
    )
    lower = counts.encode(
        x=alt.X("left:Q", title="confidence", scale=unit),
        x2="right:Q",
        y=alt.Y("count:Q", title="cases", axis=alt.Axis(tickCount=3, tickMinStep=1)),
        y2=alt.datum(0),
    )
    chart = alt.vconcat(
        upper.properties(width=PLOT_SIDE, height=300), lower.properties(width=PLOT_SIDE, height=70), spacing=8
    )
    empty = sum(not row["count"] for row in rows)
    cases = f"{format_count(confidence.size, 'case')}{describe_unanswered(unanswered)}"
    note = f"{cases} in {bins} bins, {empty} of them empty; 95 % Wilson bands."
    return theme.apply_theme(chart, "Reliability", note)


def to_svg(chart: "Drawable", *, theme_variables: bool = False, alternative: str = "") -> str:
    """Render as a self-contained SVG document that keeps text as text.

    Args:
        chart: Of Altair, or a prepared one.
        theme_variables: Whether colours of text, axes, background and series are CSS variables
            (``theme.css_variables``), whose fallback is the colour on white.
        alternative: States what the chart shows; by default its title and notes.
    """
    # Altair validated the chart when it was built; validating again would double the time.
    spec = chart.to_dict(validate=False)
    svg = describe_svg(render_svg(json.dumps(spec)), alternative or title_of(spec))
    return use_variables(svg) if theme_variables else svg


@lru_cache(maxsize=256)  # a page and a PDF of one comparison show the same charts
def render_svg(spec: str) -> str:
    """Render a Vega-Lite specification, given as JSON."""
    import vl_convert

    return number_identifiers(str(vl_convert.vegalite_to_svg(spec)))


def to_png(chart: "Drawable", scale: float = 2) -> bytes:
    """Render as PNG, enlarged by ``scale``."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(chart.to_dict(validate=False), scale=scale))


def _most_confused(
    counts: NDArray[np.int64], classes: Sequence[str]
) -> tuple[NDArray[np.int64], Sequence[str], list[str]]:
    """The rows and columns of the classes with the most wrong answers, and the name of the column for the others."""
    size = len(classes)
    if size <= MAX_CLASSES:
        return counts, classes, []
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    n_wrong = wrong.sum(axis=1) + wrong[:, :size].sum(axis=0)
    shown = np.sort(np.argsort(-n_wrong, kind="stable")[:MAX_CLASSES])
    rows = counts[shown]
    others = rows[:, :size].sum(axis=1) - rows[:, shown].sum(axis=1)
    small = np.column_stack([rows[:, shown], others, rows[:, size:]])
    return small, [classes[k] for k in shown], [f"({size - MAX_CLASSES} others)"]


class _RocCurve(NamedTuple):
    false_rate: Floats
    true_rate: Floats
    area: float


def _roc_curve(positive: NDArray[np.bool_], scores: Floats) -> _RocCurve | None:
    """The curve of one class; None without a positive or a negative case."""
    from sklearn.metrics import auc, roc_curve

    if positive.all() or not positive.any():
        return None
    false_rate, true_rate, _ = roc_curve(positive, scores, drop_intermediate=False)
    return _RocCurve(false_rate, true_rate, float(auc(false_rate, true_rate)))


def _lowest_areas(curves: Mapping[int, _RocCurve | None]) -> tuple[list[int], int]:
    """The classes to draw, in their order, and how many others there are."""
    if len(curves) <= MAX_CLASSES:
        return list(curves), 0
    by_area = sorted(curves, key=lambda k: np.inf if (curve := curves[k]) is None else curve.area)
    return sorted(by_area[:MAX_CLASSES]), len(curves) - MAX_CLASSES


def _confusion_cells(
    counts: NDArray[np.int64], classes: Sequence[str], columns: Sequence[str]
) -> list[dict[str, object]]:
    totals = counts.sum(axis=1)
    return [
        {
            "true": true,
            "predicted": predicted,
            "count": int(counts[i, j]),
            "share": float(counts[i, j] / totals[i]) if totals[i] else None,
        }
        for i, true in enumerate(classes)
        for j, predicted in enumerate(columns)
    ]


def thin_curve(x: Floats, y: Floats, label: str) -> Iterator[dict[str, object]]:
    """Points of a curve at equal distances along it, at most 200."""
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    positions = np.linspace(0, length[-1], _CURVE_POINTS)
    indices = np.unique(np.searchsorted(length, positions).clip(max=length.size - 1))
    for order, i in enumerate(indices.tolist()):
        yield {"label": label, "order": order, "x": float(x[i]), "y": float(y[i])}


def _reliability_rows(confidence: Floats, correct: NDArray[np.bool_], bins: int) -> list[dict[str, float | None]]:
    from arogya_bench.statistics.proportions import wilson

    rows: list[dict[str, float | None]] = []
    in_range = np.clip(confidence, 0, 1)  # rounding may exceed 1 a little
    for reliability in reliability_bins(in_range, correct, bins=bins):
        band = wilson(reliability.correct, reliability.n) if reliability.n else None
        rows.append(
            {
                "left": reliability.low,
                "right": reliability.high,
                "count": reliability.n,
                "confidence": reliability.confidence,
                "accuracy": reliability.accuracy,
                "low": band.low if band else None,
                "high": band.high if band else None,
            }
        )
    return rows


def describe_unanswered(unanswered: int) -> str:
    """What a note adds about cases that have no answer."""
    return f" with an answer, {unanswered:,} without" if unanswered else ""


def _diagonal() -> "alt.Chart":
    import altair as alt

    corners = alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}])
    line = alt.Chart(corners).mark_line(color=theme.FAINT, strokeDash=[5, 4], strokeWidth=1.2)
    return line.encode(x="x:Q", y="y:Q")
