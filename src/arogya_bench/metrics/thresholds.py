"""Operating points: thresholds chosen on the validation split, applied to the test split."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.binary_counts import (
    binary_rates,
    check_columns,
    confusion_masks,
    count_groups,
    explain_undefined,
    small_sample_note,
)
from arogya_bench.metrics.per_class import nan_to_none
from arogya_bench.metrics.result import Result
from arogya_bench.types import Floats

TARGET_TOLERANCE = 1e-12  # so that 9 of 10 reaches a target of 1 - .1
NO_POSITIVE_CALLS = "no score reaches the threshold: nothing is called positive"
OPPOSITE_RATE = {"specificity": "sensitivity", "sensitivity": "specificity"}


@dataclass(frozen=True, kw_only=True)
class LockedThreshold(Result):
    """A threshold that reached its target on validation; scores at or above it are positive.

    Attributes:
        threshold: On the scale of the scores; infinite if nothing may be called positive.
        target: ``specificity`` or ``sensitivity``.
        sensitivity: On validation, as the other numbers.
    """

    threshold: float
    target: str
    target_value: float
    sensitivity: float
    specificity: float
    positives: int
    negatives: int
    method: str = "score >= threshold, locked on validation"


@dataclass(frozen=True, kw_only=True)
class ClassifierOperatingPoint(Result):
    """Counts and rates of a classifier at one threshold; None where undefined.

    Attributes:
        tp: Number of true positives, as ``fp``, ``fn`` and ``tn``.
        unanswered: Number of cases without a score, which count as ``fn`` or ``fp``.
        ppv: tp / (tp + fp), at the prevalence of these cases; ``npv`` is tn / (tn + fn).
        prevalence: Share of positives among these cases, 0 to 1.
        deployment_prevalence: Prevalence that ``ppv_at_prevalence`` and ``npv_at_prevalence`` assume.
    """

    threshold: float
    tp: int
    fp: int
    fn: int
    tn: int
    unanswered: int
    sensitivity: float | None
    specificity: float | None
    ppv: float | None
    npv: float | None
    prevalence: float | None
    deployment_prevalence: float | None
    ppv_at_prevalence: float | None
    npv_at_prevalence: float | None
    lr_positive: float | None
    lr_negative: float | None
    undefined: dict[str, str] = field(default_factory=dict)
    method: str = "score >= threshold"


def choose_threshold(
    positive: ArrayLike,
    scores: ArrayLike,
    *,
    specificity: float | None = None,
    sensitivity: float | None = None,
    groups: ArrayLike | None = None,
) -> LockedThreshold:
    """Choose the best threshold that reaches a target, on the validation split.

    Candidates are all scores, and infinity. Of those that reach the target, the one with the highest
    value of the other rate is taken, and of equal ones the one with the higher target rate.

    Args:
        positive: Shape (n,), whether a case belongs to the positive class.
        scores: Shape (n,), higher for positives; NaN for a case without an answer, always wrong.
        specificity: Smallest specificity, above 0 to 1; exactly one of the two targets is given.
        sensitivity: Smallest sensitivity, above 0 to 1; 1 gives the lowest score of a positive.
        groups: One label per case, the patient or lesion.

    Raises:
        UndefinedMetric: Without positives or negatives, or if missing answers forbid the target.
    """
    flags, values = check_columns(positive, scores)
    target, target_value = _check_target(specificity, sensitivity)
    n_positive, n_negative = int(flags.sum()), int((~flags).sum())
    if not n_positive or not n_negative:
        raise UndefinedMetric(f"{n_positive} positive and {n_negative} negative cases")
    candidates = np.append(np.unique(values[~np.isnan(values)]), math.inf)
    reached = _rates_at_thresholds(candidates, flags, values)
    best = _select_best(reached[target], reached[OPPOSITE_RATE[target]], target_value)
    note = small_sample_note(flags, values)
    if best is None:
        raise UndefinedMetric(f"no threshold reaches a {target} of {target_value:g}: {note}")
    threshold = float(candidates[best])
    notes = [note, NO_POSITIVE_CALLS if math.isinf(threshold) else ""]
    return LockedThreshold(
        threshold=threshold,
        target=target,
        target_value=target_value,
        sensitivity=float(reached["sensitivity"][best]),
        specificity=float(reached["specificity"][best]),
        positives=n_positive,
        negatives=n_negative,
        n=flags.size,
        groups=count_groups(flags.size, groups),
        note="; ".join(text for text in notes if text),
    )


def at_threshold(
    positive: ArrayLike,
    scores: ArrayLike,
    threshold: float,
    *,
    prevalence: float | None = None,
    groups: ArrayLike | None = None,
) -> ClassifierOperatingPoint:
    """Evaluate a threshold that was chosen before.

    Predictive values at a prevalence π follow from sensitivity and specificity by Bayes' rule:
    PPV = sens·π / (sens·π + (1 - spec)(1 - π)), NPV = spec(1 - π) / (spec(1 - π) + (1 - sens)π).
    Source: Altman and Bland 1994.

    Args:
        positive: Shape (n,), whether a case belongs to the positive class.
        scores: Shape (n,), higher for positives; NaN for a case without an answer.
        threshold: Scores at or above it are called positive; may be infinite.
        prevalence: Prevalence in the deployment, between 0 and 1.
        groups: One label per case, the patient or lesion.
    """
    flags, values = check_columns(positive, scores)
    counts = confusion_masks(flags, values, threshold).sum(axis=1).astype(np.float64)
    tp, fp, fn, tn = (int(count) for count in counts)
    rates: dict[str, Any] = dict.fromkeys(("ppv_at_prevalence", "npv_at_prevalence"))
    rates |= {name: nan_to_none(value) for name, value in binary_rates(counts, prevalence=prevalence).items()}
    return ClassifierOperatingPoint(
        threshold=float(threshold),
        tp=tp,
        fp=fp,
        fn=fn,
        tn=tn,
        unanswered=int(np.isnan(values).sum()),
        prevalence=(tp + fn) / flags.size if flags.size else None,
        deployment_prevalence=prevalence,
        n=flags.size,
        groups=count_groups(flags.size, groups),
        undefined=explain_undefined(counts, prevalence=prevalence),
        note=small_sample_note(flags, values),
        **rates,
    )


def _check_target(specificity: float | None, sensitivity: float | None) -> tuple[str, float]:
    rates = (("specificity", specificity), ("sensitivity", sensitivity))
    targets = [(name, value) for name, value in rates if value is not None]
    if len(targets) != 1:
        raise ValueError(f"exactly one target is needed, not {specificity} and {sensitivity}")
    name, value = targets[0]
    if not 0 < value <= 1:
        raise ValueError(f"a {name} of {value} is not above 0 and at most 1")
    return name, float(value)


def _rates_at_thresholds(candidates: Floats, positive: NDArray[np.bool_], scores: Floats) -> dict[str, Floats]:
    # NaN sorts last: a positive without an answer is never called, a negative never cleared.
    answered = ~np.isnan(scores)
    above = np.sort(scores[positive & answered])
    below = np.sort(scores[~positive & answered])
    called = above.size - np.searchsorted(above, candidates)
    return {
        "sensitivity": called / positive.sum(),
        "specificity": np.searchsorted(below, candidates) / (~positive).sum(),
    }


def _select_best(target_rates: Floats, opposite_rates: Floats, target_value: float) -> int | None:
    reaching = np.flatnonzero(target_rates >= target_value - TARGET_TOLERANCE)
    order = np.lexsort((target_rates[reaching], opposite_rates[reaching]))
    return int(reaching[order[-1]]) if reaching.size else None
