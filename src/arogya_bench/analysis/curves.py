"""The tables of curves over thresholds: ROC, and precision against recall."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.analysis.positive_class import PositiveClass, positive_classes, states_probabilities
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.metrics.score_curves import ScoreCurve, mean_precision_recall, mean_roc, precision_recall, roc
from arogya_bench.runtime.console import plural
from arogya_bench.scoring.classification import NO_PROBABILITIES
from arogya_bench.types import Floats, Predictions

MOST_POINTS = 60  # of one curve
MODEL_POINTS = 240  # of all curves of a model, so that pages stay small
FEWEST_POINTS = 12
MOST_CLASSES = 30  # as many as a chart can show
ROC_COLUMNS = ("dataset", "model", "class", "fpr", "tpr", "auroc", "seeds", "note")
PRECISION_RECALL_COLUMNS = ("dataset", "model", "class", "recall", "precision", "average_precision", "seeds", "note")


@dataclass(frozen=True, kw_only=True)
class _CurveKind:
    """How a table draws the curve of one seed, averages over seeds, and names its columns."""

    draw: Callable[[NDArray[np.bool_], Floats], ScoreCurve | None]
    average: Callable[[Sequence[ScoreCurve], int], ScoreCurve]
    columns: tuple[str, str, str]


ROC = _CurveKind(draw=roc, average=mean_roc, columns=("fpr", "tpr", "auroc"))
PRECISION_RECALL = _CurveKind(
    draw=precision_recall, average=mean_precision_recall, columns=("recall", "precision", "average_precision")
)


def roc_rows(study: Study) -> list[TableRow]:
    """Some points of the ROC curve of each row and class against the rest; of two classes the positive one only.

    Seeds are averaged at equal false positive rates. Of more than 30 classes, those with the most test cases are shown.
    A row without probabilities has one line that says so. Detectors have no such table.
    """
    return list(_curve_rows(study, ROC))


def precision_recall_rows(study: Study) -> list[TableRow]:
    """Some points of the precision of each row and class at each recall, as ``roc_rows``.

    Between two points, the precision is that of the higher recall.
    """
    return list(_curve_rows(study, PRECISION_RECALL))


def _curve_rows(study: Study, kind: _CurveKind) -> Iterator[TableRow]:
    if study.task.name != "classification":
        return
    classes = _shown_classes(study)
    points = int(np.clip(MODEL_POINTS // max(1, len(classes)), FEWEST_POINTS, MOST_POINTS))
    for row in study.rows:
        reason = _no_curve(row, study)
        for positive in classes:
            yield from _class_rows(study, row, positive, kind, points=points, reason=reason)


def _class_rows(
    study: Study, row: ScoredRow, positive: PositiveClass, kind: _CurveKind, *, points: int, reason: str
) -> Iterator[TableRow]:
    seeds = [seed for seed in row.row.predictions if isinstance(seed, Predictions)]
    start: TableRow = {"dataset": study.dataset, "model": row.name, "class": positive.name}
    drawn = [None if reason else kind.draw(positive.flags(seed), positive.scores(seed)) for seed in seeds]
    curves = [curve for curve in drawn if curve is not None]
    if not curves:
        missing = reason or "no test case of this class, or of no other"
        yield {**start, **dict.fromkeys(kind.columns), "seeds": len(seeds), "note": missing}
        return
    mean, (x_name, y_name, area_name) = kind.average(curves, points), kind.columns
    for x, y in zip(mean.x.tolist(), mean.y.tolist(), strict=True):
        yield {**start, x_name: x, y_name: y, area_name: mean.area, "seeds": len(seeds), "note": ""}


def _shown_classes(study: Study) -> tuple[PositiveClass, ...]:
    names = study.cases.class_names
    classes = positive_classes(names, study.options) or positive_classes(names, AnalysisOptions())
    if len(classes) <= MOST_CLASSES or not isinstance(study.cases.predictions, Predictions):
        return classes
    sizes = np.bincount(study.cases.predictions.targets, minlength=len(names))
    largest = {int(k) for k in np.argsort(-sizes, kind="stable")[:MOST_CLASSES]}
    return tuple(one for one in classes if one.index in largest)


def _no_curve(row: ScoredRow, study: Study) -> str:
    """Why a row has no curve; empty if it has."""
    if not states_probabilities(row):
        return NO_PROBABILITIES
    seeds = [seed for seed in row.row.predictions if isinstance(seed, Predictions)]
    silent = max(int(np.isnan(seed.probabilities).any(axis=1).sum()) for seed in seeds)
    return f"{silent} of {plural(study.cases.cases, 'case')} have no probabilities" if silent else ""
