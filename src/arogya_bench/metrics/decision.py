"""Net benefit of acting on a classifier, and decision curves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.binary_counts import (
    NO_NEGATIVES,
    NO_POSITIVES,
    check_columns,
    check_share,
    confusion_masks,
    count_groups,
    small_sample_note,
)
from arogya_bench.metrics.result import Result
from arogya_bench.types import Floats


@dataclass(frozen=True, kw_only=True)
class NetBenefit(Result):
    """Net benefit: true positives per case minus weighted false positives per case.

    Attributes:
        threshold_probability: Probability from which one would act, between 0 and 1.
        model: Net benefit of acting on the model, at most the prevalence.
        treat_all: Net benefit of acting on every case.
        treat_none: Net benefit of acting on no case, 0 by definition.
        prevalence: Assumed share of positives, of these cases or as stated.
    """

    threshold_probability: float
    model: float
    treat_all: float
    prevalence: float
    treat_none: float = 0.0
    method: str = "net benefit"

    @property
    def advantage(self) -> float:
        """Net benefit over the better of acting on all cases and acting on none."""
        return self.model - max(self.treat_all, self.treat_none)


def net_benefit(
    positive: ArrayLike,
    probabilities: ArrayLike,
    *,
    threshold_probability: float,
    prevalence: float | None = None,
    groups: ArrayLike | None = None,
) -> NetBenefit:
    """Compute the net benefit TP/n - FP/n · pt/(1 - pt).

    With a stated prevalence π it is sens·π - (1 - spec)(1 - π) · pt/(1 - pt).
    Source: Vickers and Elkin 2006.

    Args:
        positive: Shape (n,), whether a case belongs to the positive class.
        probabilities: Shape (n,), 0 to 1, of that class; NaN for a case without an answer.
        threshold_probability: pt, from which one acts, between 0 and 1.
        prevalence: Prevalence in the deployment, between 0 and 1; that of the cases if None.
        groups: One label per case, the patient or lesion.

    Raises:
        UndefinedMetric: Without cases, or with a prevalence and without positives or negatives.
    """
    flags, values = check_columns(positive, probabilities)
    if (values < 0).any() or (values > 1).any():
        raise ValueError(f"probabilities range from {np.nanmin(values)} to {np.nanmax(values)}")
    pt = check_share(threshold_probability, "threshold_probability")
    if not flags.size:
        raise UndefinedMetric("no cases")
    counts = confusion_masks(flags, values, pt).sum(axis=1).astype(np.float64)
    lacking = NO_POSITIVES if not flags.any() else NO_NEGATIVES if flags.all() else ""
    if prevalence is not None and lacking:
        raise UndefinedMetric(f"{lacking}, so there is no net benefit at another prevalence")
    assumed = float(flags.mean()) if prevalence is None else prevalence
    return NetBenefit(
        threshold_probability=pt,
        model=float(net_benefit_from_counts(counts, pt, prevalence=prevalence)),
        treat_all=assumed - (1 - assumed) * pt / (1 - pt),
        prevalence=assumed,
        n=flags.size,
        groups=count_groups(flags.size, groups),
        note=small_sample_note(flags, values),
    )


def decision_curve(
    positive: ArrayLike,
    probabilities: ArrayLike,
    *,
    threshold_probabilities: Sequence[float],
    prevalence: float | None = None,
    groups: ArrayLike | None = None,
) -> tuple[NetBenefit, ...]:
    """Compute the net benefit at several threshold probabilities, in their order.

    Takes the other arguments of ``net_benefit``, and raises as it does.
    """
    return tuple(
        net_benefit(positive, probabilities, threshold_probability=pt, prevalence=prevalence, groups=groups)
        for pt in threshold_probabilities
    )


def net_benefit_from_counts(counts: Floats, threshold_probability: float, *, prevalence: float | None = None) -> Floats:
    """Compute the net benefit, shape (...), from tp, fp, fn and tn, shape (4, ...); NaN where undefined."""
    tp, fp, fn, tn = counts
    odds = threshold_probability / (1 - threshold_probability)
    with np.errstate(divide="ignore", invalid="ignore"):
        if prevalence is None:
            return np.asarray((tp - fp * odds) / (tp + fp + fn + tn))
        pi = check_share(prevalence, "prevalence")
        return np.asarray(tp / (tp + fn) * pi - fp / (fp + tn) * (1 - pi) * odds)
