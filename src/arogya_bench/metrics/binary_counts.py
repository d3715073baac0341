"""Confusion counts of a binary decision, and the rates that follow from them."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arogya_bench.metrics.per_class import FEW_POSITIVES, safe_divide
from arogya_bench.types import Floats

NO_POSITIVES = "no positive cases"
NO_NEGATIVES = "no negative cases"


def check_columns(positive: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    """Validate the truth and the scores of one class against the rest.

    Args:
        positive: Shape (n,), booleans, or 0 and 1.
        scores: Shape (n,), higher for positives; NaN for a case without an answer.
    """
    flags, values = np.asarray(positive), np.asarray(scores, dtype=np.float64)
    if flags.ndim != 1 or values.shape != flags.shape:
        raise ValueError(f"positive has shape {flags.shape}, scores {values.shape}, both must be (n,)")
    if flags.dtype != np.bool_ and not np.isin(flags, (0, 1)).all():
        raise ValueError(f"positive must be 0 or 1, not {np.unique(flags)[:5]}")
    if np.isinf(values).any():
        raise ValueError("scores must not be infinite; NaN stands for no answer")
    return flags.astype(np.bool_), values


def count_groups(n: int, groups: ArrayLike | None) -> int:
    """Count the groups among n cases; without groups, each case is its own."""
    if groups is None:
        return n
    if np.shape(groups) != (n,):
        raise ValueError(f"groups have shape {np.shape(groups)}, not ({n},)")
    return int(np.unique(np.asarray(groups)).size)


def check_share(value: float, name: str) -> float:
    """Return a number that must lie strictly between 0 and 1."""
    if not 0 < value < 1:
        raise ValueError(f"{name} is {value}, not between 0 and 1")
    return float(value)


def confusion_masks(positive: NDArray[np.bool_], scores: Floats, threshold: float) -> NDArray[np.bool_]:
    """Return masks of tp, fp, fn and tn, shape (4, n); a score of NaN is wrong at every threshold."""
    if math.isnan(threshold):
        raise ValueError("the threshold is NaN")
    called = scores >= threshold
    not_cleared = called | np.isnan(scores)
    return np.array([positive & called, ~positive & not_cleared, positive & ~called, ~positive & ~not_cleared])


def binary_rates(counts: Floats, *, prevalence: float | None = None) -> dict[str, Floats]:
    """Compute rates from tp, fp, fn and tn, shape (4, ...), with NaN where a rate is undefined.

    Returns:
        Arrays of shape (...): ``sensitivity``, ``specificity``, ``ppv``, ``npv``,
        ``lr_positive``, ``lr_negative``, and with a prevalence ``ppv_at_prevalence`` and
        ``npv_at_prevalence``.
    """
    tp, fp, fn, tn = counts
    sensitivity, fn_rate = safe_divide(tp, tp + fn), safe_divide(fn, tp + fn)
    specificity, fp_rate = safe_divide(tn, tn + fp), safe_divide(fp, tn + fp)
    rates = {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": safe_divide(tp, tp + fp),
        "npv": safe_divide(tn, tn + fn),
        "lr_positive": safe_divide(sensitivity, fp_rate),
        "lr_negative": safe_divide(fn_rate, specificity),
    }
    if prevalence is not None:
        pi = check_share(prevalence, "prevalence")
        tp_share, fp_share = sensitivity * pi, fp_rate * (1 - pi)
        tn_share, fn_share = specificity * (1 - pi), fn_rate * pi
        rates["ppv_at_prevalence"] = safe_divide(tp_share, tp_share + fp_share)
        rates["npv_at_prevalence"] = safe_divide(tn_share, tn_share + fn_share)
    return rates


def explain_undefined(counts: Floats, *, prevalence: float | None = None) -> dict[str, str]:
    """Return a reason for each undefined rate of ``binary_rates``, by name, from counts of shape (4,)."""
    tp, fp, fn, tn = counts
    sizes = {NO_POSITIVES: tp + fn, NO_NEGATIVES: fp + tn}
    both = " and ".join(text for text, size in sizes.items() if not size)
    texts = {
        "sensitivity": NO_POSITIVES,
        "specificity": NO_NEGATIVES,
        "ppv": "no case is called positive",
        "npv": "no case is called negative",
        "lr_positive": both or "no negative case is called positive: no bound",
        "lr_negative": both or "no negative case is called negative: no bound",
        "ppv_at_prevalence": both or "no case is called positive",
        "npv_at_prevalence": both or "no case is called negative",
    }
    rates = binary_rates(counts, prevalence=prevalence)
    return {name: texts[name] for name, value in rates.items() if np.isnan(value)}


def small_sample_note(positive: NDArray[np.bool_], scores: Floats) -> str:
    """Return a caveat on few positive or negative cases and on missing answers, or an empty string."""
    sides = {"positive": int(positive.sum()), "negative": int((~positive).sum())}
    few = [f"{count} {side}" for side, count in sides.items() if count < FEW_POSITIVES]
    unanswered = int(np.isnan(scores).sum())
    texts = [f"fewer than {FEW_POSITIVES} cases: {', '.join(few)}" if few else ""]
    texts.append(f"{unanswered} cases have no answer and count as wrong" if unanswered else "")
    return "; ".join(text for text in texts if text)
