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
from arogya_bench.types import Floats


@dataclass(frozen=True, kw_only=True)
class NetBenefit:
    """True positives per case, less the false positives at the exchange rate of the threshold.

    Attributes:
        threshold_probability: From which probability on one would act, between 0 and 1.
        model: Of acting on the model; at most the prevalence, without lower bound of use.
        treat_all: Of acting on every case.
        treat_none: Of acting on none, 0 by definition.
        prevalence: Share of positives that was assumed: of these cases, or the stated one.
        n: Number of cases.
        groups: Number of independent units among them.
        note: What a reader should know; empty if nothing.
    """

    threshold_probability: float
    model: float
    treat_all: float
    prevalence: float
    n: int
    groups: int
    treat_none: float = 0.0
    method: str = "net benefit"
    seed: int | None = None
    note: str = ""

    @property
    def advantage(self) -> float:
        """How much better the model is than the better of acting on all and on none."""
        return self.model - max(self.treat_all, self.treat_none)


def net_benefit(
    positive: ArrayLike,
    probabilities: ArrayLike,
    *,
    threshold_probability: float,
    prevalence: float | None = None,
    groups: ArrayLike | None = None,
) -> NetBenefit:
    """Weigh true against false positives: TP/n - FP/n · pt/(1 - pt).

    With a stated prevalence π it is sens·π - (1 - spec)(1 - π) · pt/(1 - pt).
    Source: Vickers and Elkin 2006.

    Args:
        positive: Shape (n,), whether a case is of the class in question.
        probabilities: Shape (n,), 0 to 1, of that class; NaN for a case without an answer.
        threshold_probability: pt, between 0 and 1; one acts from it on.
        prevalence: Of the deployment, between 0 and 1; that of the cases if None.
        groups: One label per case, the patient or lesion.

    Raises:
        UndefinedMetric: Without cases, or with a prevalence and without positives or negatives.
        ValueError: If a column is misshapen, or a number out of range.
    """
    flags, values = check_columns(positive, probabilities)
    if (values < 0).any() or (values > 1).any():
        raise ValueError(f"probabilities reach from {np.nanmin(values)} to {np.nanmax(values)}")
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
        net_benefit(
            positive, probabilities, threshold_probability=pt, prevalence=prevalence, groups=groups
        )
        for pt in threshold_probabilities
    )


def net_benefit_from_counts(
    counts: Floats, threshold_probability: float, *, prevalence: float | None = None
) -> Floats:
    """Net benefit from counts, with NaN where it is undefined.

    Args:
        counts: Shape (4, ...): tp, fp, fn, tn.
        threshold_probability: Between 0 and 1.
        prevalence: Of the deployment, between 0 and 1; that of the cases if None.

    Returns:
        Shape (...).
    """
    tp, fp, fn, tn = counts
    odds = threshold_probability / (1 - threshold_probability)
    with np.errstate(divide="ignore", invalid="ignore"):
        if prevalence is None:
            return np.asarray((tp - fp * odds) / (tp + fp + fn + tn))
        ill = check_share(prevalence, "prevalence")
        return np.asarray(tp / (tp + fn) * ill - fp / (fp + tn) * (1 - ill) * odds)
