"""What guessing scores: the floor that a classifier must exceed."""

from collections.abc import Sequence

import numpy as np

from arogya_bench.metrics.classification import metrics_for
from arogya_bench.metrics.outcomes import check_outcomes
from arogya_bench.metrics.tally import sum_by_group
from arogya_bench.types import Labels


def random_guess_scores(class_counts: Labels, names: Sequence[str]) -> dict[str, float]:
    """Compute what a guesser expects that draws every answer by the class frequencies of the cases.

    Formula: every metric of the expected confusion matrix, n f(i) f(j).

    Args:
        class_counts: Shape (K,), cases of each class, at least one in all.
        names: Names of metrics; those that need probabilities are left out.
    """
    classes = class_counts.size
    truth, answer = np.divmod(np.arange(classes**2), classes)
    cells = sum_by_group(
        check_outcomes(truth, predicted=answer, classes=classes), group_of=np.arange(classes**2), true_classes_only=True
    )
    expected = np.outer(class_counts, class_counts / class_counts.sum()).reshape(1, -1)
    tally = cells.apply_weights(expected)
    known = metrics_for(classes)
    return {name: float(known[name](tally)[0]) for name in names if name in known and not known[name].probabilistic}


def constant_guess(class_counts: Labels, cases: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Class frequencies as the probabilities of every case, shape (cases, K): the most frequent class is the answer."""
    return np.tile(class_counts / class_counts.sum(), (cases, 1))
