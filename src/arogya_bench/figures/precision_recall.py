"""Precision-recall curves of one evaluation, for classes that are rare."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arogya_bench.figures import theme
from arogya_bench.figures.contact_rows import format_count
from arogya_bench.figures.evaluation import MAX_CLASSES, PLOT_SIDE, describe_unanswered, thin_curve
from arogya_bench.types import Floats, Labels, Probabilities

if TYPE_CHECKING:
    import altair as alt


class _Curve(NamedTuple):
    recall: Floats
    precision: Floats
    average: float


def plot_precision_recall(
    targets: Labels, probabilities: Probabilities, classes: Sequence[str], *, unanswered: int = 0
) -> "alt.TopLevelMixin":
    """Draw a precision-recall curve for each class against the rest; of two classes, for the second only.

    A dashed line shows the share of the second of two classes: the precision of answers at random. Of more than 30
    classes, those with the lowest average precision are shown.
    """
    import altair as alt

    binary = len(classes) == 2
    curves = {k: _curve(targets == k, probabilities[:, k]) for k in range(binary, len(classes))}
    drawn = _lowest_averages(curves)
    labels = {k: f"{classes[k]} ({'undefined' if (c := curves[k]) is None else f'{c.average:.3f}'})" for k in drawn}
    points = [
        point for k in drawn if (curve := curves[k]) for point in thin_curve(curve.recall, curve.precision, labels[k])
    ]
    unit = alt.Scale(domain=[0, 1], nice=False)
    lines = alt.Chart(alt.Data(values=points), mark=alt.MarkDef("line", strokeWidth=2, interpolate="step-before"))
    encoded = lines.encode(
        x=alt.X("x:Q", title="recall (sensitivity)", scale=unit),
        y=alt.Y("y:Q", title="precision (positive predictive value)", scale=unit),
        order="order:Q",
        color=alt.Color(
            "label:N", title="class (average precision)", scale=theme.cycle(labels.values(), theme.COLOURS)
        ),
    )
    chance = [_level(float((targets == 1).mean()))] if binary else []
    chart = alt.layer(*chance, encoded).properties(width=PLOT_SIDE, height=PLOT_SIDE)
    pairing = f"{classes[1]} against {classes[0]}" if binary else "Each class against the rest"
    undefined = [f"{classes[k]} (no case)" for k in drawn if curves[k] is None]
    return theme.apply_theme(
        chart,
        "Precision and recall",
        f"{pairing}; {format_count(targets.size, 'case')}{describe_unanswered(unanswered)}.",
        "" if len(drawn) == len(curves) else f"{len(drawn)} of {len(classes)} classes, those with the lowest values.",
        theme.format_list("Undefined", undefined),
    )


def _curve(positive: NDArray[np.bool_], scores: Floats) -> _Curve | None:
    """The curve of one class in ascending order of recall; None without a positive case."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    if not positive.any():
        return None
    precision, recall, _ = precision_recall_curve(positive, scores)
    return _Curve(recall[::-1], precision[::-1], float(average_precision_score(positive, scores)))


def _lowest_averages(curves: dict[int, _Curve | None]) -> list[int]:
    by_average = sorted(curves, key=lambda k: np.inf if (curve := curves[k]) is None else curve.average)
    return sorted(by_average[:MAX_CLASSES])


def _level(share: float) -> "alt.Chart":
    import altair as alt

    ends = alt.Data(values=[{"x": 0, "y": share}, {"x": 1, "y": share}])
    line = alt.Chart(ends).mark_line(color=theme.FAINT, strokeDash=[5, 4], strokeWidth=1.2)
    return line.encode(x="x:Q", y="y:Q")
