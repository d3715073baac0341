"""Invented studies whose truth is known, to see whether tests and intervals keep their word."""

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
SHARED_VARIANCE = (
    0.7  # share of the variance that all models have in common: they look at one image
)
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
        return [np.column_stack([1 - each, each]) for each in self.probabilities]

    def is_correct(self) -> Floats:
        """Whether each model is right, shape (models, n)."""
        hits: Floats = ((self.probabilities >= 0.5) == self.targets).astype(np.float64)
        return hits


def simulate_predictions(
    rng: np.random.Generator,
    groups: int,
    *,
    clustered: bool,
    signals: Sequence[float] = (SIGNAL, SIGNAL),
) -> SimulatedPredictions:
    """Draw a study.

    A score is half the signal, up for positives and down for negatives, plus noise of variance 1,
    of which SHARED is common to the models and ICC to the cases of a group. The class mix is fixed
    at PREVALENCE.

    Args:
        rng: What everything is drawn from.
        groups: Number of patients.
        clustered: Whether a patient has 1 to 7 cases, 4 on average, or else one.
        signals: Of each model; equal ones are equally good models.
    """
    sizes = rng.integers(1, 8, size=groups) if clustered else np.ones(groups, dtype=np.int64)
    group = np.repeat(np.arange(groups), sizes)
    positive = np.arange(groups) < round(PREVALENCE * groups)
    targets = positive[group].astype(np.int64)
    icc = ICC if clustered else 0.0
    noise = sqrt(SHARED_VARIANCE) * _draw_noise(rng, 1, group, icc)
    noise = noise + sqrt(1 - SHARED_VARIANCE) * _draw_noise(rng, len(signals), group, icc)
    scores = (targets - 0.5) * np.asarray(signals)[:, None] + noise
    return SimulatedPredictions(
        targets=targets, probabilities=_calibrated_probabilities(scores), groups=group
    )


@cache
def true_metrics(signal: float = SIGNAL) -> dict[str, float]:
    """Metrics of a model of this signal on endlessly many cases, by name."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(201)
    chance = weights / weights.sum()
    ill, well = (
        _calibrated_probabilities(signal / 2 + nodes),
        _calibrated_probabilities(-signal / 2 + nodes),
    )
    border = -PREVALENCE_LOGIT / SIGNAL  # the score that reads as one half
    hit, clear = float(ndtr(signal / 2 - border)), float(ndtr(signal / 2 + border))
    tp, tn = PREVALENCE * hit, (1 - PREVALENCE) * clear
    wrong = 1 - tp - tn
    squared = PREVALENCE * ((1 - ill) ** 2) @ chance + (1 - PREVALENCE) * (well**2) @ chance
    return {
        "sensitivity": hit,
        "specificity": clear,
        "accuracy": tp + tn,
        "balanced_accuracy": (hit + clear) / 2,
        "f1_macro": (2 * tp / (2 * tp + wrong) + 2 * tn / (2 * tn + wrong)) / 2,
        "auroc_macro_ovr": float(ndtr(signal / sqrt(2))),
        "brier": float(squared),
    }


def simulate_split_differences(
    rng: np.random.Generator, groups: int, *, clustered: bool, splits: int = 10
) -> Floats:
    """Differences in accuracy of two equally good learners over random 80/20 splits, (splits,).

    Each learner sees features of its own, of equal use, and takes the nearer of two class means.
    """
    sizes = rng.integers(1, 8, size=groups) if clustered else np.ones(groups, dtype=np.int64)
    group = np.repeat(np.arange(groups), sizes)
    targets = np.arange(groups)[group] % 2
    icc = ICC if clustered else 0.0
    features = np.stack([_draw_noise(rng, 3, group, icc) for _ in range(2)]) + 0.6 * targets
    found = []
    for _ in range(splits):
        test = np.isin(group, rng.permutation(groups)[: groups // 5])
        hits = [_nearest_mean_accuracy(each, targets, test) for each in features]
        found.append(hits[0] - hits[1])
    return np.array(found)


def _nearest_mean_accuracy(features: Floats, targets: Labels, test: NDArray[np.bool_]) -> float:
    means = [features[:, ~test & (targets == k)].mean(axis=1) for k in (0, 1)]
    direction = means[1] - means[0]
    score = direction @ features[:, test] - direction @ (means[0] + means[1]) / 2
    return float(((score > 0) == targets[test]).mean())


def _calibrated_probabilities(scores: Floats) -> Floats:
    """What a calibrated model of SIGNAL would say: its log odds are linear in the score."""
    said: Floats = expit(SIGNAL * scores + PREVALENCE_LOGIT)
    return said


def _draw_noise(rng: np.random.Generator, rows: int, group: Labels, icc: float) -> Floats:
    own: Floats = rng.normal(size=(rows, group.size))
    if not icc:
        return own
    common: Floats = rng.normal(size=(rows, int(group.max()) + 1))[:, group]
    mixed: Floats = sqrt(icc) * common + sqrt(1 - icc) * own
    return mixed
