"""Simulated studies with known true metrics, to measure sizes of tests and coverage of intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from arogya_bench.types import Floats, Labels

SIGNAL = 1.6  # between the classes, in standard deviations of the score
ICC = 0.5  # share of the variance that cases of one group have in common
SHARED_VARIANCE = 0.7  # share of the variance common to all models, which see the same image
PREVALENCE = 0.4
PREVALENCE_LOGIT = log(PREVALENCE / (1 - PREVALENCE))


@dataclass(frozen=True, kw_only=True)
class SimulatedPredictions:
    """Several models on the same cases of two classes.

    Attributes:
        targets: Shape (n,), the same for all cases of a group.
        probabilities: Shape (models, n), of the positive class.
        groups: Shape (n,), 0 to groups - 1 in order.
    """

    targets: Labels
    probabilities: Floats
    groups: Labels

    def probability_tables(self) -> list[Floats]:
        """Probabilities of both classes, shape (n, 2), one per model."""
        return [np.column_stack([1 - p, p]) for p in self.probabilities]

    def is_correct(self) -> Floats:
        """Whether each model is right, shape (models, n)."""
        hits: Floats = ((self.probabilities >= 0.5) == self.targets).astype(np.float64)
        return hits


def simulate_predictions(
    rng: np.random.Generator, groups: int, *, clustered: bool, signals: Sequence[float] = (SIGNAL, SIGNAL)
) -> SimulatedPredictions:
    """Draw a study.

    A score is half the signal, positive for positives and negative for negatives, plus noise of
    variance 1, of which SHARED_VARIANCE is common to the models and ICC to the cases of a group.
    The share of positive patients is PREVALENCE exactly.

    Args:
        rng: Source of randomness.
        groups: Number of patients.
        clustered: Whether a patient has 1 to 7 cases, 4 on average, or else one.
        signals: Of each model; equal ones are equally good models.
    """
    sizes = rng.integers(1, 8, size=groups) if clustered else np.ones(groups, dtype=np.int64)
    group = np.repeat(np.arange(groups), sizes)
    positive = np.arange(groups) < round(PREVALENCE * groups)
    targets = positive[group].astype(np.int64)
    icc = ICC if clustered else 0.0
    noise = sqrt(SHARED_VARIANCE) * draw_noise(rng, 1, group, icc)
    noise = noise + sqrt(1 - SHARED_VARIANCE) * draw_noise(rng, len(signals), group, icc)
    scores = (targets - 0.5) * np.asarray(signals)[:, None] + noise
    return SimulatedPredictions(targets=targets, probabilities=_calibrated_probabilities(scores), groups=group)


@cache
def true_metrics(signal: float = SIGNAL) -> dict[str, float]:
    """Metrics of a model with this signal in the limit of infinitely many cases, by name."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(201)
    weights = weights / weights.sum()
    of_positives = _calibrated_probabilities(signal / 2 + nodes)
    of_negatives = _calibrated_probabilities(-signal / 2 + nodes)
    threshold = -PREVALENCE_LOGIT / SIGNAL  # the score whose probability is one half
    sensitivity = float(ndtr(signal / 2 - threshold))
    specificity = float(ndtr(signal / 2 + threshold))
    tp, tn = PREVALENCE * sensitivity, (1 - PREVALENCE) * specificity
    wrong = 1 - tp - tn
    brier = PREVALENCE * ((1 - of_positives) ** 2) @ weights + (1 - PREVALENCE) * (of_negatives**2) @ weights
    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "accuracy": tp + tn,
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "f1_macro": (2 * tp / (2 * tp + wrong) + 2 * tn / (2 * tn + wrong)) / 2,
        "auroc_macro_ovr": float(ndtr(signal / sqrt(2))),
        "brier": float(brier),
    }


def simulate_split_differences(rng: np.random.Generator, groups: int, *, clustered: bool, splits: int = 10) -> Floats:
    """Draw differences in accuracy of two equally good learners over random 80/20 splits.

    Each learner has its own, equally informative features and predicts the class with the nearer
    mean.

    Returns:
        Shape (splits,).
    """
    sizes = rng.integers(1, 8, size=groups) if clustered else np.ones(groups, dtype=np.int64)
    group = np.repeat(np.arange(groups), sizes)
    targets = np.arange(groups)[group] % 2
    icc = ICC if clustered else 0.0
    features = np.stack([draw_noise(rng, 3, group, icc) for _ in range(2)]) + 0.6 * targets
    differences = []
    for _ in range(splits):
        test = np.isin(group, rng.permutation(groups)[: groups // 5])
        accuracies = [_nearest_mean_accuracy(learner, targets, test) for learner in features]
        differences.append(accuracies[0] - accuracies[1])
    return np.array(differences)


def _nearest_mean_accuracy(features: Floats, targets: Labels, test: NDArray[np.bool_]) -> float:
    means = [features[:, ~test & (targets == k)].mean(axis=1) for k in (0, 1)]
    direction = means[1] - means[0]
    score = direction @ features[:, test] - direction @ (means[0] + means[1]) / 2
    return float(((score > 0) == targets[test]).mean())


def _calibrated_probabilities(scores: Floats) -> Floats:
    """Probabilities of a calibrated model with SIGNAL: its log odds are linear in the score."""
    probabilities: Floats = expit(SIGNAL * scores + PREVALENCE_LOGIT)
    return probabilities


def draw_noise(rng: np.random.Generator, rows: int, group: Labels, icc: float) -> Floats:
    of_cases: Floats = rng.normal(size=(rows, group.size))
    if not icc:
        return of_cases
    of_groups: Floats = rng.normal(size=(rows, int(group.max()) + 1))[:, group]
    mixed: Floats = sqrt(icc) * of_groups + sqrt(1 - icc) * of_cases
    return mixed
