"""Answers of several classifiers to the same cases, combined into one: the mean of probabilities, and the vote."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from arogya_bench.metrics.outcomes import NO_ANSWER, predicted_classes
from arogya_bench.types import Floats, Labels, Probabilities

Combine: TypeAlias = Callable[[Sequence[Probabilities]], Probabilities]


def average_probabilities(tables: Sequence[Probabilities]) -> Probabilities:
    """The mean of the members that answered a case; NaN where none did.

    Args:
        tables: One per member, shape (n, K), NaN in the rows of cases without an answer.
    """
    stacked = np.stack(tables)
    answered = ~np.isnan(stacked).any(axis=2, keepdims=True)
    members = answered.sum(axis=0)
    total = np.where(answered, stacked, 0.0).sum(axis=0)
    mean: Probabilities = np.divide(total, members, out=np.full(total.shape, np.nan), where=members > 0)
    return mean


def take_vote(tables: Sequence[Probabilities]) -> Probabilities:
    """The class that most members predict, with probability 1; of several such classes the more probable on average.

    Members without an answer to a case do not vote on it; NaN where none answered. Takes the arguments of
    ``average_probabilities``.
    """
    means = average_probabilities(tables)
    votes = sum(_one_hot(predicted_classes(table), means.shape[1]) for table in tables)
    among_first = np.where(votes == np.max(votes, axis=1, keepdims=True), means, 0.0)
    winners = predicted_classes(among_first / among_first.sum(axis=1, keepdims=True))
    chosen: Probabilities = np.where(np.isnan(means), np.nan, _one_hot(winners, means.shape[1]))
    return chosen


RULES: Mapping[str, Combine] = {"mean": average_probabilities, "vote": take_vote}


def _one_hot(predicted: Labels, classes: int) -> Floats:
    """Shape (n, K); a row of zeros where there is no answer."""
    table: Floats = np.where((predicted != NO_ANSWER)[:, None], np.eye(classes)[predicted], 0.0)
    return table
