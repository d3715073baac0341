"""Measures how well simple features predict the label of held-out cases."""

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from arogya_bench.statistics import Draws, draws
from arogya_bench.types import Floats, Labels

Flags = NDArray[np.bool_]  # (n, classes)
ProbeClassifier: TypeAlias = Any  # of scikit-learn

FOLDS = 5
RESAMPLES = 2000
# Minimum distance from chance. A weaker shortcut is less useful to a model than the image itself, and file size always
# depends a little on what an image shows.
MIN_MARGIN = 0.1
PROBE_COUNT = 4
SIGNIFICANCE_LEVEL = 0.05 / PROBE_COUNT


class ShortcutProbeResult(NamedTuple):
    """How well a feature predicts the label of held-out cases.

    Attributes:
        score: Balanced accuracy, 0 to 1.
        low: One-sided lower bound at 95 % confidence over all probes together.
        chance: One over the number of classes.
    """

    score: float
    low: float
    chance: float

    @property
    def is_shortcut(self) -> bool:
        """Whether the feature predicts the label clearly better than chance."""
        return self.low > self.chance + MIN_MARGIN


@dataclass(frozen=True, kw_only=True)
class ProbeTrial:
    """Cases, folds and resamples shared by all probes.

    Attributes:
        labels: Shape (n,).
        folds: Positions of the held-out cases of each fold.
        draws: Bootstrap resamples of groups.
    """

    labels: Labels
    folds: tuple[Labels, ...]
    draws: Draws


def draw_trial(labels: Labels, groups: Labels, rng: np.random.Generator) -> ProbeTrial:
    """Draw folds and resamples for all probes.

    Args:
        labels: Shape (n,); at least five groups per label.
        groups: Shape (n,); a group stays in one fold.
        rng: Draws folds and resamples.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    seed = int(rng.integers(2**31))
    # For groups of one case both splitters are equivalent, and the first one is faster.
    is_ungrouped = np.unique(groups).size == groups.size
    splitter_class = StratifiedKFold if is_ungrouped else StratifiedGroupKFold
    splitter = splitter_class(FOLDS, shuffle=True, random_state=seed)
    folds = splitter.split(labels, labels, None if is_ungrouped else groups)
    return ProbeTrial(
        labels=labels,
        folds=tuple(test for _, test in folds),
        draws=draws(labels.size, rng=rng, resamples=RESAMPLES, groups=groups),
    )


def run_probe(features: Floats, trial: ProbeTrial, classifier: ProbeClassifier) -> ShortcutProbeResult:
    """Cross-validate a classifier on the features and compute its balanced accuracy.

    The lower bound is a percentile over resampled groups, without refitting.

    Args:
        features: Shape (n, d).
        trial: Labels, folds and resamples of the same n cases.
        classifier: Refitted for each fold.
    """
    labels = trial.labels
    predicted = np.empty_like(labels)
    for test in trial.folds:
        is_train = np.ones(labels.size, dtype=bool)
        is_train[test] = False
        classifier.fit(features[is_train], labels[is_train])
        predicted[test] = classifier.predict(features[test])
    classes = np.unique(labels)
    is_class = labels[:, np.newaxis] == classes
    is_correct = is_class & (predicted == labels)[:, np.newaxis]
    replicates = _bootstrap_scores(is_correct, is_class, trial.draws)
    score = float((is_correct.sum(axis=0) / is_class.sum(axis=0)).mean())
    return ShortcutProbeResult(score, float(np.quantile(replicates, SIGNIFICANCE_LEVEL)), 1 / len(classes))


def _bootstrap_scores(is_correct: Flags, is_class: Flags, resamples: Draws) -> Floats:
    by_group = np.zeros((2, resamples.groups, is_class.shape[1]))
    np.add.at(by_group[0], resamples.group_of, is_correct)
    np.add.at(by_group[1], resamples.group_of, is_class)
    replicates = []
    for counts in resamples.chunks():
        hits, cases = counts @ by_group[0], counts @ by_group[1]
        # A class that is missing from a resample has no recall there.
        recall = np.divide(hits, cases, out=np.zeros_like(hits), where=cases > 0)
        replicates.append(recall.sum(axis=1) / (cases > 0).sum(axis=1))
    return np.concatenate(replicates)
