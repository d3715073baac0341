"""Invented studies whose truth is known, to see whether tests and intervals keep their word."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import expit

from arogya_bench.types import Floats, Labels

SIGNAL = 1.6  # between the classes, in standard deviations of the score
ICC = 0.5  # share of the variance that cases of one group have in common
SHARED = 0.7  # share of the variance that all models have in common: they look at one image
PREVALENCE = 0.4


@dataclass(frozen=True, kw_only=True)
class Study:
    """Several models on the same cases of two classes.

    Attributes:
        targets: Shape (n,), the same for all cases of a group.
        probabilities: Shape (models, n), of the positive class.
        groups: Shape (n,).
    """

    targets: Labels
    probabilities: Floats
    groups: Labels

    def tables(self) -> list[Floats]:
        """Probabilities of both classes, shape (n, 2), one per model."""
        return [np.column_stack([1 - each, each]) for each in self.probabilities]

    def right(self) -> Floats:
        """Whether each model is right, shape (models, n)."""
        hits: Floats = ((self.probabilities >= 0.5) == self.targets).astype(np.float64)
        return hits


def study(
    rng: np.random.Generator,
    groups: int,
    *,
    clustered: bool,
    models: int = 2,
    worse: float = 0.0,
) -> Study:
    """Draw a study; all models are equally good unless the last one is made worse.

    A score is SIGNAL for positives plus noise of variance 1, of which SHARED is common to the
    models and ICC to the cases of a group. The class mix is fixed at PREVALENCE.

    Args:
        rng: What everything is drawn from.
        groups: Number of patients.
        clustered: Whether a patient has 1 to 7 cases, 4 on average, or else one.
        models: Their number.
        worse: How much smaller the signal of the last model is.
    """
    sizes = rng.integers(1, 8, size=groups) if clustered else np.ones(groups, dtype=np.int64)
    group = np.repeat(np.arange(groups), sizes)
    positive = np.arange(groups) < round(PREVALENCE * groups)
    targets = positive[group].astype(np.int64)
    icc = ICC if clustered else 0.0
    noise = sqrt(SHARED) * _noise(rng, 1, group, icc) + sqrt(1 - SHARED) * _noise(
        rng, models, group, icc
    )
    signal = np.full((models, 1), SIGNAL)
    signal[-1] -= worse
    scores = (targets - 0.5) * signal + noise
    # What a calibrated model of this score would say: the log odds are linear in it.
    odds = SIGNAL * scores + np.log(PREVALENCE / (1 - PREVALENCE))
    said: Floats = expit(odds)
    return Study(targets=targets, probabilities=said, groups=group)


def _noise(rng: np.random.Generator, rows: int, group: Labels, icc: float) -> Floats:
    own: Floats = rng.normal(size=(rows, group.size))
    if not icc:
        return own
    common: Floats = rng.normal(size=(rows, int(group.max()) + 1))[:, group]
    mixed: Floats = sqrt(icc) * common + sqrt(1 - icc) * own
    return mixed
