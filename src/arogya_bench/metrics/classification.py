"""Metrics of a classifier, as functions of its sufficient statistics."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arogya_bench.metrics import binary
from arogya_bench.metrics.agreement import kappa, kappa_linear, kappa_quadratic, mcc
from arogya_bench.metrics.catalogue import Metric, metric
from arogya_bench.metrics.flags import flag_degenerate_metrics
from arogya_bench.metrics.outcomes import Outcomes, check_outcomes
from arogya_bench.metrics.per_class import f1s, precisions, recalls, safe_divide, specificities
from arogya_bench.metrics.tally import SufficientStatistics, sum_by_group
from arogya_bench.types import Floats

METRICS_VERSION = 2  # rises when any number for the same predictions changes


@dataclass(frozen=True, kw_only=True)
class MetricScores:
    """Every metric of one evaluation.

    Attributes:
        values: Defined metrics by name.
        undefined: Reasons why the other metrics are undefined, by name.
        flags: Caveats on defined metrics, by name: classes left out of an average, conventions for
            0/0, rare classes.
    """

    values: dict[str, float]
    undefined: dict[str, str]
    flags: dict[str, str]


@metric(best="high", low=0.0, high=1.0)
def accuracy(tally: SufficientStatistics) -> Floats:
    """Share of the cases that were predicted correctly."""
    return safe_divide(tally.hits.sum(axis=-1), tally.n)


@metric(best="high", low=0.0, high=1.0, averaged_over="classes", class_conditional=True)
def balanced_accuracy(tally: SufficientStatistics) -> Floats:
    """Mean recall over the classes that the truth holds."""
    return _masked_mean(recalls(tally), tally.support > 0)


@metric(best="high", low=0.0, high=1.0, averaged_over="classes")
def precision_macro(tally: SufficientStatistics) -> Floats:
    """Mean precision over the classes of the truth.

    A class that is never predicted counts as 0. A run also averages over classes that are predicted without a case.
    """
    return _masked_mean(_nan_to_zero(precisions(tally)), _observed_classes(tally))


@metric(best="high", low=0.0, high=1.0)
def precision_weighted(tally: SufficientStatistics) -> Floats:
    """Mean precision, weighted by the cases of each class."""
    return safe_divide((tally.support * _nan_to_zero(precisions(tally))).sum(axis=-1), tally.n)


@metric(best="high", low=0.0, high=1.0, averaged_over="classes", class_conditional=True)
def recall_macro(tally: SufficientStatistics) -> Floats:
    """Mean recall over the classes of the truth.

    A run also averages over classes that are predicted without a case, which count as 0.
    """
    return _masked_mean(_nan_to_zero(recalls(tally)), _observed_classes(tally))


@metric(best="high", low=0.0, high=1.0)
def recall_weighted(tally: SufficientStatistics) -> Floats:
    """Mean recall, weighted by the cases of each class, which is the accuracy."""
    return safe_divide(tally.hits.sum(axis=-1), tally.n)


@metric(best="high", low=0.0, high=1.0)
def specificity_macro(tally: SufficientStatistics) -> Floats:
    """Mean specificity over the classes of the truth that leave negatives.

    A run also averages over classes that are predicted without a case.
    """
    values = specificities(tally)
    return _masked_mean(_nan_to_zero(values), _observed_classes(tally) & np.isfinite(values))


@metric(best="high", low=0.0, high=1.0)
def specificity_weighted(tally: SufficientStatistics) -> Floats:
    """Mean specificity, weighted by the cases of each class."""
    values = specificities(tally)
    defined = np.isfinite(values)
    weights = tally.support * defined
    return safe_divide((weights * _nan_to_zero(values)).sum(axis=-1), weights.sum(axis=-1))


@metric(best="high", low=0.0, high=1.0, averaged_over="classes")
def f1_macro(tally: SufficientStatistics) -> Floats:
    """Mean F1 over the classes of the truth.

    A run also averages over classes that are predicted without a case, which count as 0.
    """
    return _masked_mean(_nan_to_zero(f1s(tally)), _observed_classes(tally))


@metric(best="high", low=0.0, high=1.0)
def f1_weighted(tally: SufficientStatistics) -> Floats:
    """Mean F1, weighted by the cases of each class."""
    return safe_divide((tally.support * _nan_to_zero(f1s(tally))).sum(axis=-1), tally.n)


@metric(best="high", low=0.0, high=1.0, probabilistic=True, averaged_over="classes", class_conditional=True)
def auroc_macro_ovr(tally: SufficientStatistics) -> Floats:
    """Mean one-against-the-rest AUROC over the classes that the truth holds."""
    return _masked_mean(_nan_to_zero(tally.auroc), np.isfinite(tally.auroc))


@metric(best="high", low=0.0, high=1.0, probabilistic=True)
def auroc_weighted_ovr(tally: SufficientStatistics) -> Floats:
    """One-against-the-rest AUROC, weighted by the cases of each class."""
    weights = tally.support * np.isfinite(tally.auroc)
    return safe_divide((weights * _nan_to_zero(tally.auroc)).sum(axis=-1), weights.sum(axis=-1))


@metric(best="high", low=0.0, high=1.0, probabilistic=True, averaged_over="classes")
def average_precision_macro(tally: SufficientStatistics) -> Floats:
    """Mean one-against-the-rest average precision over the classes that the truth holds."""
    values = tally.average_precision
    return _masked_mean(_nan_to_zero(values), np.isfinite(values))


@metric(best="low", low=0.0, high=1.0, probabilistic=True)
def ece(tally: SufficientStatistics) -> Floats:
    """Expected calibration error of the top label, 15 bins of equal width by default."""
    return safe_divide(tally.calibration_gap, tally.n)


@metric(best="low", low=0.0, high=1.0, probabilistic=True)
def ece_classwise(tally: SufficientStatistics) -> Floats:
    """Mean over the classes of the calibration error of their own probability (Kull 2019)."""
    return safe_divide(tally.classwise_calibration_gap, tally.n)


@metric(best="low", low=0.0, high=1.0, probabilistic=True)
def ece_adaptive(tally: SufficientStatistics) -> Floats:
    """Calibration error of the top label over bins that hold equally many cases (Nixon 2019)."""
    return safe_divide(tally.equal_mass_calibration_gap, tally.n)


@metric(best="low", low=0.0, high=2.0, probabilistic=True)
def brier(tally: SufficientStatistics) -> Floats:
    """Squared error of the probabilities: of all classes, or of one of two (then at most 1)."""
    return safe_divide(tally.brier, tally.n)


@metric(best="low", low=0.0, high=math.inf, probabilistic=True)
def nll(tally: SufficientStatistics) -> Floats:
    """Mean of -ln(probability of the true class), which is clipped at 2.2e-16."""
    return safe_divide(tally.nll, tally.n)


METRICS: dict[str, Metric] = {
    function.name: function
    for function in (
        accuracy, balanced_accuracy, precision_macro, precision_weighted, recall_macro, recall_weighted,
        specificity_macro, specificity_weighted, f1_macro, f1_weighted, mcc, kappa, kappa_linear,
        kappa_quadratic, auroc_macro_ovr, auroc_weighted_ovr, average_precision_macro,
        ece, ece_classwise, ece_adaptive, brier, nll,
    )
}  # fmt: skip

TWO_CLASS_METRICS: dict[str, Metric] = {
    function.name: function
    for function in (
        binary.sensitivity, binary.specificity, binary.precision, binary.f1, binary.auroc,
        binary.average_precision,
    )
}  # fmt: skip

# Metrics whose intervals a run logs too; it has room for 60 numbers in all.
INTERVAL_METRICS = (
    "accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "specificity_macro",
    "f1_macro", "f1_weighted", "mcc", "auroc_macro_ovr", "auroc_weighted_ovr", "ece", "brier",
    "nll", "sensitivity", "specificity",
)  # fmt: skip


def metrics_for(classes: int) -> dict[str, Metric]:
    """Return all metrics for a number of classes; with two, also those of the positive class."""
    return METRICS | TWO_CLASS_METRICS if classes == 2 else METRICS


def score(
    targets: ArrayLike,
    probabilities: ArrayLike | None = None,
    predicted: ArrayLike | None = None,
    *,
    classes: Sequence[str] | int | None = None,
    bins: int = 15,
) -> dict[str, float | None]:
    """Compute every metric; None where undefined.

    A case without an answer (a row with a NaN, or a prediction of -1) counts as wrong.

    Args:
        targets: Class indices, shape (n,).
        probabilities: Shape (n, K); rows that do not sum to 1 are divided by their sum.
        predicted: Class indices, shape (n,); the first argmax if None, and of two classes the
            second from a probability of 0.5 on. ``ece`` always uses the top label.
        classes: Names of the classes, or their number; the number of columns if None.
        bins: Number of bins for calibration errors.

    Returns:
        ``METRICS``, and for two classes ``TWO_CLASS_METRICS`` of the second of them.
    """
    scores = score_with_reasons(targets, probabilities, predicted, classes=classes, bins=bins)
    return {name: scores.values.get(name) for name in (*scores.values, *scores.undefined)}


def score_with_reasons(
    targets: ArrayLike,
    probabilities: ArrayLike | None = None,
    predicted: ArrayLike | None = None,
    *,
    classes: Sequence[str] | int | None = None,
    bins: int = 15,
    names: Collection[str] | None = None,
) -> MetricScores:
    """Score predictions, with reasons where a metric is undefined or degenerate.

    Takes the arguments of ``score``, and the names of the metrics; all if None.
    """
    cases = check_outcomes(targets, probabilities, predicted, classes=classes)
    tally = sum_by_group(cases, bins=bins).total()
    known = metrics_for(len(cases.classes))
    wanted = known if names is None else {name: known[name] for name in names}
    return collect_scores(
        {name: float(function(tally)) for name, function in wanted.items()},
        flag_degenerate_metrics(cases, tally),
        explain_undefined=lambda name: _explain_undefined(known[name], cases),
    )


def collect_scores(
    scores: Mapping[str, float], flags: Mapping[str, str], *, explain_undefined: Callable[[str], str]
) -> MetricScores:
    """Separate defined from undefined metrics, and keep the flags of the defined ones."""
    values = {name: value for name, value in scores.items() if math.isfinite(value)}
    return MetricScores(
        values=values,
        undefined={name: explain_undefined(name) for name in scores if name not in values},
        flags={name: flags[name] for name in values if name in flags},
    )


def _explain_undefined(undefined: Metric, cases: Outcomes) -> str:
    if undefined.probabilistic and cases.probabilities is None:
        return "no class probabilities"
    if not cases.n:
        return "no cases"
    if undefined.probabilistic and cases.unanswered:
        return f"{cases.unanswered} of {cases.n} cases have no probabilities"
    if undefined is binary.precision:
        return f"no case is called {cases.classes[1]!r}"
    return f"every case is of the class {cases.classes[int(cases.targets[0])]!r}"


def _observed_classes(tally: SufficientStatistics) -> NDArray[np.bool_]:
    """Classes seen in truth or prediction, as in scikit-learn, or in the truth only, shape (..., K)."""
    if tally.group_sums.true_classes_only:
        return tally.support > 0
    return tally.support + tally.predicted_counts > 0


def _nan_to_zero(values: Floats) -> Floats:
    # By convention 0/0 counts as 0 in an average, which is flagged.
    return np.where(np.isnan(values), 0.0, values)


def _masked_mean(values: Floats, mask: NDArray[np.bool_]) -> Floats:
    total = np.where(mask, values, 0.0).sum(axis=-1)
    return safe_divide(total, mask.sum(axis=-1).astype(np.float64))
