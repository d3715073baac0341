"""Lesion-wise sensitivity, precision and F1 of a mask."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import generate_binary_structure, label

from arogya_bench.metrics.result import Result
from arogya_bench.metrics.segmentation_surfaces import BoolArray, check_masks
from arogya_bench.types import Floats


@dataclass(frozen=True, kw_only=True)
class LesionScores(Result):
    """Counts of the lesions of one image, and rates that follow from them.

    Attributes:
        sensitivity: tp / (tp + fn); None without a true lesion.
        precision: tp / (tp + fp); None without a lesion that is found or false.
        f1: 2 tp / (2 tp + fp + fn); None without a lesion in either mask.
        tp: True lesions that are found, as ``fn`` are missed.
        fp: Predicted lesions that are false.
        predicted_lesions: Number of predicted lesions; with fragments, more than tp + fp.
        undefined: Reasons for None, by name.
    """

    sensitivity: float | None
    precision: float | None
    f1: float | None
    tp: int
    fp: int
    fn: int
    target_lesions: int
    predicted_lesions: int
    undefined: dict[str, str] = field(default_factory=dict)
    n: int = 1
    groups: int = 1


def lesion_scores(target: ArrayLike, predicted: ArrayLike, *, min_overlap: float = 0.0) -> LesionScores:
    """Compare lesions, which are connected components of a mask; pixels connect at edges and corners.

    A true lesion is found if more than ``min_overlap`` of its pixels are predicted, by one lesion
    or by several, and counts once. A predicted lesion is false unless more than ``min_overlap`` of
    its pixels are true. With 0, one common pixel is enough.

    Source: the lesion-wise F1 of Hernandez Petzsche et al. 2022 (ISLES), with 0.

    Args:
        target: Booleans, shape (height, width) or (depth, height, width).
        predicted: The same shape.
        min_overlap: Share of the pixels of a lesion that must be exceeded, 0 to below 1.
    """
    if not 0 <= min_overlap < 1:
        raise ValueError(f"overlap is {min_overlap}, not from 0 to below 1")
    pair = check_masks(target, predicted)
    found_lesions = lesion_coverage(pair.target, pair.predicted) > min_overlap
    confirmed = lesion_coverage(pair.predicted, pair.target) > min_overlap
    tp, fn, fp = int(found_lesions.sum()), int((~found_lesions).sum()), int((~confirmed).sum())
    shares = {
        "sensitivity": (tp, tp + fn, "no lesion in the truth"),
        "precision": (tp, tp + fp, "neither a lesion found nor a false one"),
        "f1": (2 * tp, 2 * tp + fp + fn, "no lesion in truth or prediction"),
    }
    values = {name: part / whole if whole else None for name, (part, whole, _) in shares.items()}
    return LesionScores(
        sensitivity=values["sensitivity"],
        precision=values["precision"],
        f1=values["f1"],
        tp=tp,
        fp=fp,
        fn=fn,
        target_lesions=found_lesions.size,
        predicted_lesions=confirmed.size,
        undefined={name: shares[name][2] for name, value in values.items() if value is None},
        method=f"components by full connectivity, found above an overlap of {min_overlap:g}",
        note=_note(tp, int(confirmed.sum())),
    )


def lesion_coverage(mask: BoolArray, other: BoolArray) -> Floats:
    """Share of each lesion of ``mask`` that ``other`` covers, shape (lesions,), 0 to 1."""
    numbered = label_components(mask)
    sizes = np.bincount(numbered.ravel())[1:]
    common = np.bincount(numbered[other], minlength=sizes.size + 1)[1:]
    return np.asarray(common / sizes, dtype=np.float64)


def label_components(mask: BoolArray) -> NDArray[np.int64]:
    """Number the connected components from 1, with background 0; pixels connect at corners too."""
    numbered, _ = label(mask, structure=generate_binary_structure(mask.ndim, mask.ndim))
    return np.asarray(numbered, dtype=np.int64)


def _note(found: int, confirmed: int) -> str:
    if found == confirmed:
        return ""
    return f"{confirmed} predicted lesions match {found} true lesions"
