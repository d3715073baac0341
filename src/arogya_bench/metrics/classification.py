"""Metrics of a classifier, each defined once, on a tally."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arogya_bench.metrics import binary as two_classes
from arogya_bench.metrics.agreement import kappa, kappa_linear, kappa_quadratic, mcc
from arogya_bench.metrics.catalogue import Metric, metric
from arogya_bench.metrics.flags import degenerate
from arogya_bench.metrics.outcomes import Outcomes, outcomes
from arogya_bench.metrics.per_class import f1s, precisions, ratio, recalls, specificities
from arogya_bench.metrics.tally import Tally, evidence
from arogya_bench.types import Floats

METRICS_VERSION = 1  # rises when any number for the same predictions changes


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Every metric of one evaluation.

    Attributes:
        values: The metrics that exist, by name.
        undefined: Why the others do not, by name.
        flags: What a reader of a value should know, by name: classes left out of an average,
            conventions that stand for 0/0, rare classes.
    """

    values: dict[str, float]
    undefined: dict[str, str]
    flags: dict[str, str]


@metric(best="high", low=0.0, high=1.0)
def accuracy(tally: Tally) -> Floats:
    """Share of the cases that were predicted right."""
    return ratio(tally.hits.sum(axis=-1), tally.n)


@metric(best="high", low=0.0, high=1.0)
def balanced_accuracy(tally: Tally) -> Floats:
    """Mean recall over the classes that the truth holds."""
    return _mean(recalls(tally), tally.support > 0)


@metric(best="high", low=0.0, high=1.0)
def precision_macro(tally: Tally) -> Floats:
    """Mean precision over the classes seen; a class that is never predicted counts as 0."""
    return _mean(_or_zero(precisions(tally)), _seen(tally))


@metric(best="high", low=0.0, high=1.0)
def precision_weighted(tally: Tally) -> Floats:
    """Mean precision, weighted by the cases of each class."""
    return ratio((tally.support * _or_zero(precisions(tally))).sum(axis=-1), tally.n)


@metric(best="high", low=0.0, high=1.0)
def recall_macro(tally: Tally) -> Floats:
    """Mean recall over the classes seen; a class predicted without a case counts as 0."""
    return _mean(_or_zero(recalls(tally)), _seen(tally))


@metric(best="high", low=0.0, high=1.0)
def recall_weighted(tally: Tally) -> Floats:
    """Mean recall, weighted by the cases of each class, which is the accuracy."""
    return ratio(tally.hits.sum(axis=-1), tally.n)


@metric(best="high", low=0.0, high=1.0)
def specificity_macro(tally: Tally) -> Floats:
    """Mean specificity over the classes seen that leave negatives."""
    values = specificities(tally)
    return _mean(_or_zero(values), _seen(tally) & np.isfinite(values))


@metric(best="high", low=0.0, high=1.0)
def specificity_weighted(tally: Tally) -> Floats:
    """Mean specificity, weighted by the cases of each class."""
    values = specificities(tally)
    defined = np.isfinite(values)
    weights = tally.support * defined
    return ratio((weights * _or_zero(values)).sum(axis=-1), weights.sum(axis=-1))


@metric(best="high", low=0.0, high=1.0)
def f1_macro(tally: Tally) -> Floats:
    """Mean F1 over the classes seen, in truth or prediction."""
    return _mean(_or_zero(f1s(tally)), _seen(tally))


@metric(best="high", low=0.0, high=1.0)
def f1_weighted(tally: Tally) -> Floats:
    """Mean F1, weighted by the cases of each class."""
    return ratio((tally.support * _or_zero(f1s(tally))).sum(axis=-1), tally.n)


@metric(best="high", low=0.0, high=1.0, probabilistic=True)
def auroc_macro_ovr(tally: Tally) -> Floats:
    """Mean one-against-the-rest AUROC over the classes that the truth holds."""
    return _mean(_or_zero(tally.auroc), np.isfinite(tally.auroc))


@metric(best="high", low=0.0, high=1.0, probabilistic=True)
def auroc_weighted_ovr(tally: Tally) -> Floats:
    """One-against-the-rest AUROC, weighted by the cases of each class."""
    weights = tally.support * np.isfinite(tally.auroc)
    return ratio((weights * _or_zero(tally.auroc)).sum(axis=-1), weights.sum(axis=-1))


@metric(best="high", low=0.0, high=1.0, probabilistic=True)
def average_precision_macro(tally: Tally) -> Floats:
    """Mean one-against-the-rest average precision over the classes that the truth holds."""
    values = tally.average_precision
    return _mean(_or_zero(values), np.isfinite(values))


@metric(best="low", low=0.0, high=1.0, probabilistic=True)
def ece(tally: Tally) -> Floats:
    """Expected calibration error of the top label, 15 bins of equal width by default."""
    return ratio(tally.gap, tally.n)


@metric(best="low", low=0.0, high=1.0, probabilistic=True)
def ece_classwise(tally: Tally) -> Floats:
    """Mean over the classes of the calibration error of their own probability (Kull 2019)."""
    return ratio(tally.class_gap, tally.n)


@metric(best="low", low=0.0, high=1.0, probabilistic=True)
def ece_adaptive(tally: Tally) -> Floats:
    """Calibration error of the top label over bins that hold equally many cases (Nixon 2019)."""
    return ratio(tally.equal_mass_gap, tally.n)


@metric(best="low", low=0.0, high=2.0, probabilistic=True)
def brier(tally: Tally) -> Floats:
    """Squared error of the probabilities: of all classes, or of one of two (then at most 1)."""
    return ratio(tally.brier, tally.n)


@metric(best="low", low=0.0, high=math.inf, probabilistic=True)
def nll(tally: Tally) -> Floats:
    """Mean of -ln(probability of the true class), which is clipped at 2.2e-16."""
    return ratio(tally.nll, tally.n)


METRICS: dict[str, Metric] = {
    each.name: each
    for each in (
        accuracy,
        balanced_accuracy,
        precision_macro,
        precision_weighted,
        recall_macro,
        recall_weighted,
        specificity_macro,
        specificity_weighted,
        f1_macro,
        f1_weighted,
        mcc,
        kappa,
        kappa_linear,
        kappa_quadratic,
        auroc_macro_ovr,
        auroc_weighted_ovr,
        average_precision_macro,
        ece,
        ece_classwise,
        ece_adaptive,
        brier,
        nll,
    )
}

TWO_CLASS_METRICS: dict[str, Metric] = {
    each.name: each
    for each in (
        two_classes.sensitivity,
        two_classes.specificity,
        two_classes.precision,
        two_classes.f1,
        two_classes.auroc,
        two_classes.average_precision,
    )
}

# What a run has room to log with both ends: 60 numbers in all.
JUDGED = (
    "accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "specificity_macro",
    "f1_macro", "f1_weighted", "mcc", "auroc_macro_ovr", "auroc_weighted_ovr", "ece", "brier",
    "nll", "sensitivity", "specificity",
)  # fmt: skip


def metrics_of(classes: int) -> dict[str, Metric]:
    """Every metric there is for so many classes: of two, also those of the positive one."""
    return METRICS | TWO_CLASS_METRICS if classes == 2 else METRICS


def score(
    targets: ArrayLike,
    probabilities: ArrayLike | None = None,
    predicted: ArrayLike | None = None,
    *,
    classes: Sequence[str] | int | None = None,
    bins: int = 15,
) -> dict[str, float | None]:
    """Score predictions with every metric of the catalogue; None where undefined.

    A case without an answer (a row with a NaN, or a prediction of -1) counts as wrong.

    Args:
        targets: Class indices, shape (n,).
        probabilities: Shape (n, K); rows that do not sum to 1 are divided by their sum.
        predicted: Class indices, shape (n,); the first argmax if None, and of two classes the
            second from a probability of 0.5 on. ``ece`` always judges the top label.
        classes: Their names, or their number; as many as there are columns if None.
        bins: Of the confidence, for the calibration errors.

    Returns:
        ``METRICS``, and for two classes ``TWO_CLASS_METRICS`` of the second of them.

    Raises:
        ValueError: If a column is missing, misshapen, infinite, or out of range.
    """
    scores = assess(targets, probabilities, predicted, classes=classes, bins=bins)
    return {name: scores.values.get(name) for name in (*scores.values, *scores.undefined)}


def assess(
    targets: ArrayLike,
    probabilities: ArrayLike | None = None,
    predicted: ArrayLike | None = None,
    *,
    classes: Sequence[str] | int | None = None,
    bins: int = 15,
) -> Scores:
    """Score predictions, with reasons where a metric is undefined or degenerate.

    Takes the arguments of ``score``.

    Raises:
        ValueError: If a column is missing, misshapen, infinite, or out of range.
    """
    cases = outcomes(targets, probabilities, predicted, classes=classes)
    tally = evidence(cases, bins=bins).whole()
    known = metrics_of(len(cases.classes))
    found = {name: float(each(tally)) for name, each in known.items()}
    values = {name: value for name, value in found.items() if math.isfinite(value)}
    flags = degenerate(cases, tally)
    return Scores(
        values=values,
        undefined={name: _reason(known[name], cases) for name in known if name not in values},
        flags={name: flags[name] for name in values if name in flags},
    )


def _reason(undefined: Metric, cases: Outcomes) -> str:
    if undefined.probabilistic and cases.probabilities is None:
        return "no class probabilities"
    if not cases.n:
        return "no cases"
    if undefined.probabilistic and cases.silent:
        return f"{cases.silent} of {cases.n} cases have no probabilities"
    if undefined is two_classes.precision:
        return f"no case is called {cases.classes[1]!r}"
    return f"every case is of the class {cases.classes[int(cases.targets[0])]!r}"


def _seen(tally: Tally) -> NDArray[np.bool_]:
    return tally.support + tally.predicted > 0


def _or_zero(values: Floats) -> Floats:
    # A 0 for 0/0 inside an average is the convention, and a flag says so.
    return np.where(np.isnan(values), 0.0, values)


def _mean(values: Floats, chosen: NDArray[np.bool_]) -> Floats:
    total = np.where(chosen, values, 0.0).sum(axis=-1)
    return ratio(total, chosen.sum(axis=-1).astype(np.float64))
