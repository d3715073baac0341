"""What acting on a classifier is worth: net benefit, and cost under a matrix of costs."""

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
from arogya_bench.metrics.outcomes import NO_ANSWER, check_outcomes
from arogya_bench.types import Floats, Labels


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


@dataclass(frozen=True, kw_only=True)
class ExpectedCost:
    """Mean cost per case, and as a share of what the best system without input costs.

    Attributes:
        cost: In the unit of the matrix.
        naive: Cost of always taking the same decision, the cheapest one.
        naive_decision: Its index among the decisions.
        normalised: cost / naive, above 1 for a model that does harm; None if ``naive`` is 0.
        n: Number of cases.
        groups: Number of independent units among them.
        note: What a reader should know; empty if nothing.
    """

    cost: float
    naive: float
    naive_decision: int
    normalised: float | None
    n: int
    groups: int
    method: str = "expected cost"
    seed: int | None = None
    note: str = ""


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


def expected_cost(
    targets: ArrayLike,
    predicted: ArrayLike,
    *,
    costs: ArrayLike,
    priors: ArrayLike | None = None,
    groups: ArrayLike | None = None,
) -> ExpectedCost:
    """Average what right and wrong decisions cost: Σ_i π_i Σ_j c_ij R_ij.

    R_ij is the share of the cases of class i with decision j. The best system without input
    costs min_j Σ_i π_i c_ij. Source: Ferrer 2022; Metrics Reloaded (Maier-Hein et al. 2024).

    Args:
        targets: Class indices, shape (n,).
        predicted: Class indices, shape (n,); -1 for no answer.
        costs: Shape (K, K), or (K, K + 1) whose last column is the cost of no answer, else that
            of the worst decision; row the true class, 0 or more.
        priors: Shape (K,), share of each class in the deployment; that of the cases if None.
        groups: One label per case, the patient or lesion.

    Raises:
        UndefinedMetric: Without cases, or if a class with a prior above 0 has none.
        ValueError: If a column is misshapen, or a number out of range.
    """
    table = _check_costs(costs)
    cases = check_outcomes(targets, None, predicted, classes=len(table))
    if not cases.n:
        raise UndefinedMetric("no cases")
    support = np.bincount(cases.targets, minlength=len(table)).astype(np.float64)
    shares = support / cases.n if priors is None else _check_priors(priors, len(table))
    empty = np.flatnonzero((shares > 0) & (support == 0))
    if empty.size:
        raise UndefinedMetric(f"no cases of class {empty[0]}, whose prior is {shares[empty[0]]:g}")
    paid = np.bincount(
        cases.targets, _cost_per_case(table, cases.targets, cases.predicted), len(table)
    )
    cost = float((shares * paid / np.maximum(support, 1)).sum())
    constant = shares @ table
    naive = float(constant.min())
    silent = int((cases.predicted == NO_ANSWER).sum())
    notes = [f"{silent} cases have no answer" if silent else ""]
    notes.append("" if naive else "a constant decision costs nothing: no share of it")
    return ExpectedCost(
        cost=cost,
        naive=naive,
        naive_decision=int(constant.argmin()),
        normalised=cost / naive if naive else None,
        n=cases.n,
        groups=count_groups(cases.n, groups),
        note="; ".join(note for note in notes if note),
    )


def _check_costs(costs: ArrayLike) -> Floats:
    table = np.asarray(costs, dtype=np.float64)
    if table.ndim != 2 or len(table) < 2 or table.shape[1] - len(table) not in (0, 1):
        raise ValueError(f"costs have shape {table.shape}, not (K, K) or (K, K + 1)")
    if not np.isfinite(table).all() or (table < 0).any():
        raise ValueError(f"costs must be finite and not negative, not {table.min()}")
    return table


def _check_priors(priors: ArrayLike, classes: int) -> Floats:
    shares = np.asarray(priors, dtype=np.float64)
    if shares.shape != (classes,) or not (shares >= 0).all() or abs(shares.sum() - 1) > 1e-6:
        raise ValueError(f"priors must be {classes} shares that sum to 1, not {shares}")
    return shares


def _cost_per_case(table: Floats, targets: Labels, predicted: Labels) -> Floats:
    given = table if table.shape[1] > len(table) else np.column_stack([table, table.max(axis=1)])
    paid: Floats = given[targets, predicted]  # -1 is the last column
    return paid
