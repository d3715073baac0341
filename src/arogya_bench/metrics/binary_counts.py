"""The four cells of a threshold, true and false by positive and negative, and their rates."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arogya_bench.metrics.per_class import FEW_POSITIVES, safe_divide
from arogya_bench.types import Floats

NO_POSITIVES = "no positive cases"
NO_NEGATIVES = "no negative cases"


def check_columns(positive: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    """Check the truth and the scores of one class against the rest.

    Args:
        positive: Shape (n,), booleans, or 0 and 1.
        scores: Shape (n,), higher for positives; NaN for a case without an answer.

    Raises:
        ValueError: If a column is misshapen, the truth is not of two values, a score infinite.
    """
    flags, values = np.asarray(positive), np.asarray(scores, dtype=np.float64)
    if flags.ndim != 1 or values.shape != flags.shape:
        raise ValueError(f"positive has shape {flags.shape}, scores {values.shape}, not (n,) both")
    if flags.dtype != np.bool_ and not np.isin(flags, (0, 1)).all():
        raise ValueError(f"positive must be 0 or 1, not {np.unique(flags)[:5]}")
    if np.isinf(values).any():
        raise ValueError("scores must not be infinite; NaN stands for no answer")
    return flags.astype(np.bool_), values


def count_groups(n: int, groups: ArrayLike | None) -> int:
    """Count the independent units among n cases; each is its own if there are no groups.

    Raises:
        ValueError: If the groups are not one per case.
    """
    if groups is None:
        return n
    if np.shape(groups) != (n,):
        raise ValueError(f"groups have shape {np.shape(groups)}, not ({n},)")
    return int(np.unique(np.asarray(groups)).size)


def check_share(value: float, name: str) -> float:
    """Require a number strictly between 0 and 1.

    Raises:
        ValueError: If it is another.
    """
    if not 0 < value < 1:
        raise ValueError(f"{name} is {value}, not between 0 and 1")
    return float(value)


def confusion_masks(
    positive: NDArray[np.bool_], scores: Floats, threshold: float
) -> NDArray[np.bool_]:
    """Sort the cases into true positives, false positives, false and true negatives.

    Args:
        positive: Shape (n,).
        scores: Shape (n,); a NaN is wrong at every threshold.
        threshold: A score from it on is called positive.

    Returns:
        Shape (4, n): tp, fp, fn, tn.

    Raises:
        ValueError: If the threshold is NaN.
    """
    if math.isnan(threshold):
        raise ValueError("the threshold is NaN")
    called = scores >= threshold
    suspect = called | np.isnan(scores)
    return np.array(
        [positive & called, ~positive & suspect, positive & ~called, ~positive & ~suspect]
    )


def binary_rates(counts: Floats, *, prevalence: float | None = None) -> dict[str, Floats]:
    """Turn counts into rates, with NaN where a rate is undefined.

    Args:
        counts: Shape (4, ...): tp, fp, fn, tn.
        prevalence: Of the deployment, between 0 and 1.

    Returns:
        Arrays of shape (...): ``sensitivity``, ``specificity``, ``ppv``, ``npv``,
        ``lr_positive``, ``lr_negative``, and with a prevalence ``ppv_at_prevalence`` and
        ``npv_at_prevalence``.

    Raises:
        ValueError: If the prevalence is not between 0 and 1.
    """
    tp, fp, fn, tn = counts
    hit, miss = safe_divide(tp, tp + fn), safe_divide(fn, tp + fn)
    clear, alarm = safe_divide(tn, tn + fp), safe_divide(fp, tn + fp)
    found = {
        "sensitivity": hit,
        "specificity": clear,
        "ppv": safe_divide(tp, tp + fp),
        "npv": safe_divide(tn, tn + fn),
        "lr_positive": safe_divide(hit, alarm),
        "lr_negative": safe_divide(miss, clear),
    }
    if prevalence is not None:
        ill = check_share(prevalence, "prevalence")
        well = 1 - ill
        found["ppv_at_prevalence"] = safe_divide(hit * ill, hit * ill + alarm * well)
        found["npv_at_prevalence"] = safe_divide(clear * well, clear * well + miss * ill)
    return found


def explain_undefined(counts: Floats, *, prevalence: float | None = None) -> dict[str, str]:
    """Say why rates are undefined.

    Args:
        counts: Shape (4,): tp, fp, fn, tn.
        prevalence: Of the deployment, as for ``binary_rates``.

    Returns:
        One text for each of them that is.
    """
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
    found = binary_rates(counts, prevalence=prevalence)
    return {name: texts[name] for name, value in found.items() if np.isnan(value)}


def small_sample_note(positive: NDArray[np.bool_], scores: Floats) -> str:
    """Say what weakens every rate of these cases: a rare side, or missing answers.

    Args:
        positive: Shape (n,).
        scores: Shape (n,); NaN for a case without an answer.

    Returns:
        Empty if there is nothing to say.
    """
    sides = {"positive": int(positive.sum()), "negative": int((~positive).sum())}
    few = [f"{count} {side}" for side, count in sides.items() if count < FEW_POSITIVES]
    silent = int(np.isnan(scores).sum())
    texts = [f"fewer than {FEW_POSITIVES} cases to judge by: {', '.join(few)}" if few else ""]
    texts.append(f"{silent} cases have no answer and count as wrong" if silent else "")
    return "; ".join(text for text in texts if text)
