"""How well a few numbers predict the label of cases that they were not fitted on."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from arogya_bench.statistics import Draws, draws
from arogya_bench.types import Floats, Labels

Flags = NDArray[np.bool_]  # (n, classes)

FOLDS = 5
RESAMPLES = 2000
# Above chance by so much, with 95 % confidence over all four probes: less is no shortcut that a
# model would prefer to the image, and file size always says a little of what is in an image.
MIN_MARGIN = 0.1
PROBE_COUNT = 4
SIGNIFICANCE_LEVEL = 0.05 / PROBE_COUNT


class ProbeClassifier(Protocol):
    """The part of a scikit-learn classifier that is used."""

    def fit(self, features: Floats, labels: Labels) -> object:
        """Learn."""

    def predict(self, features: Floats) -> Labels:
        """Say one class per row."""


class ProbeResult(NamedTuple):
    """How well something predicts the label of cases that it was not fitted on.

    Attributes:
        score: Balanced accuracy, 0 to 1.
        low: Lower bound, one-sided, 95 % over all four probes together.
        chance: One over the number of classes.
    """

    score: float
    low: float
    chance: float

    @property
    def is_shortcut(self) -> bool:
        """Whether the label is given away."""
        return self.low > self.chance + MIN_MARGIN


@dataclass(frozen=True, kw_only=True)
class ProbeTrial:
    """What all probes share.

    Attributes:
        labels: Shape (n,).
        folds: Positions of the cases that each fold predicts.
        draws: Resamples of groups.
    """

    labels: Labels
    folds: tuple[Labels, ...]
    draws: Draws


def draw_trial(labels: Labels, groups: Labels, rng: np.random.Generator) -> ProbeTrial:
    """Draw folds and resamples once, for all probes.

    Args:
        labels: Shape (n,), so ``groups``; at least five groups of each.
        groups: Cases of one group stay in one fold.
        rng: Draws both.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    seed = int(rng.integers(2**31))
    alone = np.unique(groups).size == groups.size  # then both divide alike, and one is quick
    divider = StratifiedKFold if alone else StratifiedGroupKFold
    parting = divider(FOLDS, shuffle=True, random_state=seed)
    folds = parting.split(labels, labels, None if alone else groups)
    return ProbeTrial(
        labels=labels,
        folds=tuple(test for _, test in folds),
        draws=draws(labels.size, rng=rng, resamples=RESAMPLES, groups=groups),
    )


def run_probe(features: Floats, trial: ProbeTrial, classifier: ProbeClassifier) -> ProbeResult:
    """Predict each case from others of other groups, and judge by balanced accuracy.

    The lower bound is a percentile of resampled groups, without fitting again.

    Args:
        features: Shape (n, d).
        trial: Of the same n cases.
        classifier: Fitted anew for each fold.
    """
    labels = trial.labels
    predicted = np.empty_like(labels)
    for test in trial.folds:
        rest = np.ones(labels.size, dtype=bool)
        rest[test] = False
        classifier.fit(features[rest], labels[rest])
        predicted[test] = classifier.predict(features[test])
    classes = np.unique(labels)
    is_class = labels[:, np.newaxis] == classes
    right = is_class & (predicted == labels)[:, np.newaxis]
    replicates = _bootstrap_scores(right, is_class, trial.draws)
    score = float((right.sum(axis=0) / is_class.sum(axis=0)).mean())
    return ProbeResult(score, float(np.quantile(replicates, SIGNIFICANCE_LEVEL)), 1 / len(classes))


def _bootstrap_scores(right: Flags, total: Flags, made: Draws) -> Floats:
    by_group = np.zeros((2, made.groups, right.shape[1]))
    np.add.at(by_group[0], made.group_of, right)
    np.add.at(by_group[1], made.group_of, total)
    replicates = []
    for counts in made.chunks():
        hits, cases = counts @ by_group[0], counts @ by_group[1]
        # A class that a resample lacks has no recall in it.
        recall = np.divide(hits, cases, out=np.zeros_like(hits), where=cases > 0)
        replicates.append(recall.sum(axis=1) / (cases > 0).sum(axis=1))
    return np.concatenate(replicates)
