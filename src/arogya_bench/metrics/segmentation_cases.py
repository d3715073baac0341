"""Means of segmentation metrics over cases, with the effect of empty masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from arogya_bench.metrics.binary_counts import count_groups
from arogya_bench.metrics.result import Result
from arogya_bench.metrics.segmentation import (
    EMPTY_MASKS,
    METRICS,
    SegmentationScores,
    Spacing,
    score_with_reasons,
    surface_dice_label,
)
from arogya_bench.types import Floats


@dataclass(frozen=True, kw_only=True)
class SegmentationSummary(Result):
    """Metrics of many predicted masks: means over cases, never of pooled pixels.

    Attributes:
        values: Means over the cases in which a metric is defined, by name.
        undefined: Reasons why the other metrics are undefined, by name.
        flags: Effect of empty masks, and cases left out, by name.
        per_case: Shape (n,) each, by name; NaN where undefined. Resample them by patient.
        without_both_empty: As ``values``, without cases in which both masks are empty.
        both_empty: Number of cases in which both masks are empty.
        one_empty: Number of cases in which only one mask is empty.
    """

    values: Mapping[str, float]
    undefined: Mapping[str, str]
    flags: Mapping[str, str]
    per_case: Mapping[str, Floats]
    without_both_empty: Mapping[str, float]
    both_empty: int
    one_empty: int


def score_cases(
    targets: Sequence[ArrayLike],
    predictions: Sequence[ArrayLike],
    *,
    spacing: Spacing | Sequence[Spacing],
    tolerance: float,
    groups: ArrayLike | None = None,
) -> SegmentationSummary:
    """Score predicted masks and average over cases, with the effect of empty masks.

    Args:
        targets: n masks, as for ``segmentation.score``; sizes may differ between cases.
        predictions: n masks of the same sizes.
        spacing: Size of a pixel along each axis, in mm; one for all cases, or n of them.
        tolerance: Tolerance of the surface Dice, in mm, 0 or more.
        groups: One label per case, the patient; each case is its own group if None.

    Returns:
        Without cases, a summary with reasons instead of values.
    """
    n = len(targets)
    if len(predictions) != n:
        raise ValueError(f"{n} targets and {len(predictions)} predictions")
    spacings = _spacing_per_case(spacing, n)
    method = f"mean over cases; {EMPTY_MASKS}; {surface_dice_label(tolerance)}"
    cases = [
        score_with_reasons(target, predicted, spacing=sizes, tolerance=tolerance)
        for target, predicted, sizes in zip(targets, predictions, spacings, strict=True)
    ]
    values, kept = _means(cases), _means([case for case in cases if case.n_empty < 2])
    empties = [case.n_empty for case in cases]
    return SegmentationSummary(
        values=values,
        undefined={name: _explain_undefined(name, n) for name in METRICS if name not in values},
        flags=_flag_empty_masks(cases, values, kept),
        per_case={
            name: np.array([case.values.get(name, np.nan) for case in cases], dtype=np.float64) for name in METRICS
        },
        without_both_empty=kept,
        both_empty=empties.count(2),
        one_empty=empties.count(1),
        method=method,
        n=n,
        groups=count_groups(n, groups),
        note="" if groups is not None else "no patients named: each case is its own group",
    )


def _flag_empty_masks(
    cases: Sequence[SegmentationScores], values: Mapping[str, float], kept: Mapping[str, float]
) -> dict[str, str]:
    both, one = (sum(case.n_empty == count for case in cases) for count in (2, 1))
    flags = {}
    for name, metric in METRICS.items():
        remarks = []
        if both and metric.empty_value is not None:
            without = f"{kept[name]:.4g} without" if kept else "no other case"
            remarks.append(
                f"{both} of {len(cases)} cases have both masks empty and count as "
                f"{metric.empty_value:g}: mean {values[name]:.4g} with them, {without}"
            )
        if one and metric.empty_value is not None:
            worst = "the image diagonal" if metric.unit else "0"
            remarks.append(f"{one} of {len(cases)} cases have one empty mask and count as {worst}")
        missing = sum(name in case.undefined for case in cases)
        if missing:
            remarks.append(f"{missing} of {len(cases)} cases left out: {metric.undefined}")
        if remarks:
            flags[name] = "; ".join(remarks)
    return flags


def _means(cases: Sequence[SegmentationScores]) -> dict[str, float]:
    """Means of each metric where it is defined; sums are exact, so that the order has no effect."""
    means = {}
    for name in METRICS:
        defined = [case.values[name] for case in cases if name in case.values]
        if defined:
            means[name] = fsum(defined) / len(defined)
    return means


def _explain_undefined(name: str, n: int) -> str:
    return f"in every case: {METRICS[name].undefined}" if n else "no cases"


def _spacing_per_case(spacing: Spacing | Sequence[Spacing], n: int) -> Sequence[Spacing]:
    if not len(spacing) or np.ndim(spacing[0]) == 0:
        return [cast(Spacing, spacing)] * n
    if len(spacing) != n:
        raise ValueError(f"{len(spacing)} spacings for {n} cases")
    return cast(Sequence[Spacing], spacing)
