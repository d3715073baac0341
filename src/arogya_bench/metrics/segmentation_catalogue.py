"""Metrics of one predicted mask, with conventions for empty masks."""

from dataclasses import dataclass
from math import inf
from typing import Literal

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
