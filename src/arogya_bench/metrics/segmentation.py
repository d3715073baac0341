"""Metrics of a predicted segmentation mask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot, inf
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from arogya_bench.metrics.per_class import Row
from arogya_bench.metrics.result import Result
from arogya_bench.metrics.segmentation_surfaces import (
    MaskPair,
    border_distances,
    check_masks,
    check_spacing,
    check_tolerance,
    hausdorff,
    surface_dice,
)
from arogya_bench.types import Labels

Spacing: TypeAlias = Sequence[float]  # mm per axis

SEGMENTATION_METRICS_VERSION = 1  # rises when any number for the same masks changes

EMPTY_MASKS = (
    "both masks empty: Dice, IoU and surface Dice 1, HD and HD95 0; one empty: 0, and the image diagonal in mm"
)


@dataclass(frozen=True, kw_only=True)
class SegmentationMetric:
    """Properties of a metric of one predicted mask.

    Attributes:
        unit: ``mm``, or empty for a share.
        empty_value: Value by convention where both masks are empty; None if it has none.
        undefined: When it is undefined; empty if it always has a value.
    """

    name: str
    best: Literal["high", "low"]
    low: float
    high: float
    unit: str
    empty_value: float | None
    undefined: str
    summary: str


def _overlap_metric(name: str, empty_value: float | None, undefined: str, summary: str) -> SegmentationMetric:
    return SegmentationMetric(
        name=name, best="high", low=0.0, high=1.0, unit="",
        empty_value=empty_value, undefined=undefined, summary=summary,
    )  # fmt: skip


def _distance_metric(name: str, summary: str) -> SegmentationMetric:
    return SegmentationMetric(
        name=name, best="low", low=0.0, high=inf, unit="mm",
        empty_value=0.0, undefined="", summary=summary,
    )  # fmt: skip


METRICS: dict[str, SegmentationMetric] = {
    metric.name: metric
    for metric in (
        _overlap_metric("dice", 1.0, "", "Twice the common pixels over the pixels of both masks."),
        _overlap_metric("iou", 1.0, "", "Common pixels over the pixels in either mask."),
        _overlap_metric("sensitivity", None, "no pixel in the truth", "Share of true pixels predicted."),
        _overlap_metric("specificity", None, "the truth fills the image", "Share of background kept free."),
        _overlap_metric("precision", None, "no pixel is predicted", "Share of predicted pixels in truth."),
        _distance_metric("hd", "Largest distance of a border pixel to the other border."),
        _distance_metric("hd95", "Larger of the two directed 95th percentiles of border distances."),
        _overlap_metric("surface_dice", 1.0, "", "Share of both surfaces within the tolerance (DeepMind)."),
    )
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SegmentationScores(Result):
    """Metrics of one predicted mask.

    Attributes:
        values: Defined metrics by name.
        undefined: Reasons why the other metrics are undefined, by name.
        flags: Conventions behind a value, by name.
        n_empty: Number of empty masks, 0 to 2.
    """

    values: Mapping[str, float]
    undefined: Mapping[str, str]
    flags: Mapping[str, str]
    n_empty: int
    n: int = 1
    groups: int = 1


def score(target: ArrayLike, predicted: ArrayLike, *, spacing: Spacing, tolerance: float) -> dict[str, float | None]:
    """Score a predicted mask as ``score_with_reasons`` does, with None where a metric is undefined.

    Returns:
        ``dice``, ``iou``, ``sensitivity``, ``specificity``, ``precision``, ``surface_dice`` from
        0 to 1, ``hd`` and ``hd95`` in mm.
    """
    scores = score_with_reasons(target, predicted, spacing=spacing, tolerance=tolerance)
    return {name: scores.values.get(name) for name in METRICS}


def score_with_reasons(
    target: ArrayLike, predicted: ArrayLike, *, spacing: Spacing, tolerance: float
) -> SegmentationScores:
    """Score a predicted mask, with reasons where a metric is undefined or set by convention.

    HD and HD95 are distances between border pixels (4 neighbours, 6 in a volume; outside the image
    is background). Empty masks are scored as in ``EMPTY_MASKS``; the diagonal is that of the whole
    image, number of pixels times spacing.

    Source: Dice 1945; Jaccard 1912; ``hausdorff`` and ``surface_dice`` of ``segmentation_surfaces``.

    Args:
        target: Booleans, shape (height, width) or (depth, height, width).
        predicted: The same shape.
        spacing: Size of a pixel along each axis, in mm.
        tolerance: Tolerance of the surface Dice, in mm, 0 or more.
    """
    pair = check_masks(target, predicted)
    sizes = check_spacing(spacing, pair.target.ndim)
    empty = sum(not mask.any() for mask in pair)
    method = surface_dice_label(tolerance)
    values = _overlap_metrics(pair) | _distance_metrics(pair, sizes, tolerance, empty)
    return SegmentationScores(
        values={name: value for name, value in values.items() if value is not None},
        undefined={name: METRICS[name].undefined for name in METRICS if values[name] is None},
        flags=_flag_empty_masks(empty),
        n_empty=empty,
        method=method,
    )


def per_class(
    target_labels: ArrayLike,
    predicted_labels: ArrayLike,
    *,
    classes: Sequence[str] | int,
    spacing: Spacing,
    tolerance: float,
) -> list[Row]:
    """Score each class against the rest, except the first, which is the background.

    Takes masks of class indices, and otherwise the arguments of ``score_with_reasons``.

    Returns:
        One row per class: ``class``, ``support``, ``predicted`` (numbers of pixels), the metrics
        of ``score``, and ``flag``, which may be empty.
    """
    names = [str(k) for k in range(classes)] if isinstance(classes, int) else list(classes)
    if len(names) < 2:
        raise ValueError(f"classes are {names}, none beside the background")
    true, guessed = (_check_labels(labels, len(names)) for labels in (target_labels, predicted_labels))
    rows: list[Row] = []
    for k, name in list(enumerate(names))[1:]:
        pair = check_masks(true == k, guessed == k)
        scores = score_with_reasons(*pair, spacing=spacing, tolerance=tolerance)
        support, predicted = (int(mask.sum()) for mask in pair)
        row: Row = {"class": name, "support": support, "predicted": predicted}
        row |= {metric: scores.values.get(metric) for metric in METRICS}
        rows.append(row | {"flag": _join_flags(scores.flags)})
    return rows


def _overlap_metrics(pair: MaskPair) -> dict[str, float | None]:
    tp = int((pair.target & pair.predicted).sum())
    true, guessed = int(pair.target.sum()), int(pair.predicted.sum())
    either = true + guessed - tp
    background = pair.target.size - true
    return {
        "dice": _divide_or_default(2 * tp, true + guessed, METRICS["dice"].empty_value),
        "iou": _divide_or_default(tp, either, METRICS["iou"].empty_value),
        "sensitivity": _divide_or_default(tp, true),
        "specificity": _divide_or_default(pair.target.size - either, background),
        "precision": _divide_or_default(tp, guessed),
    }


def _distance_metrics(
    pair: MaskPair, sizes: tuple[float, ...], tolerance: float, n_empty: int
) -> dict[str, float | None]:
    if n_empty == 2:
        return {name: METRICS[name].empty_value for name in ("hd", "hd95", "surface_dice")}
    if n_empty == 1:
        sides = (side * size for side, size in zip(pair.target.shape, sizes, strict=True))
        diagonal = hypot(*sides)
        return {"hd": diagonal, "hd95": diagonal, "surface_dice": 0.0}
    distances = border_distances(*pair, spacing=sizes)
    return {
        "hd": hausdorff(distances),
        "hd95": hausdorff(distances, percent=95.0),
        "surface_dice": surface_dice(*pair, spacing=sizes, tolerance=tolerance),
    }


def _divide_or_default(part: int, whole: int, default: float | None = None) -> float | None:
    return part / whole if whole else default


def _flag_empty_masks(n_empty: int) -> dict[str, str]:
    if n_empty == 2:
        return {
            name: f"{metric.empty_value:g} by convention, both masks are empty"
            for name, metric in METRICS.items()
            if metric.empty_value is not None
        }
    text = "the image diagonal by convention, one mask is empty"
    return {name: text for name, metric in METRICS.items() if n_empty and metric.unit}


def surface_dice_label(tolerance: float) -> str:
    """Describe the tolerance of the surface Dice, in mm."""
    return f"surface Dice at {check_tolerance(tolerance):g} mm"


def _check_labels(values: ArrayLike, classes: int) -> Labels:
    labels = np.asarray(values)
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be whole numbers, not {labels.dtype}")
    other = labels[(labels < 0) | (labels >= classes)]
    if other.size:
        raise ValueError(f"label {other.flat[0]} is not one of the {classes} classes")
    return labels.astype(np.int64)


def _join_flags(flags: Mapping[str, str]) -> str:
    """Join the flags, each text once after its metrics."""
    texts = {text: [name for name in flags if flags[name] == text] for text in flags.values()}
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in texts.items())
