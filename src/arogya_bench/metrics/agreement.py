"""Agreement of truth and prediction beyond chance."""

import numpy as np

from arogya_bench.metrics.catalogue import metric
from arogya_bench.metrics.per_class import safe_divide
from arogya_bench.metrics.tally import SufficientStatistics
from arogya_bench.types import Floats

GRADED_METRICS = frozenset({"kappa_linear", "kappa_quadratic"})  # of classes that are grades in ascending order


@metric(best="high", low=-1.0, high=1.0)
def mcc(tally: SufficientStatistics) -> Floats:
    """Correlation of truth and prediction (Gorodkin 2004); 0 if either is constant.

    (n Σ hits - Σ predicted·support) / √((n² - Σ predicted²)(n² - Σ support²)); cases without an
    answer are one more predicted class.
    """
    n = tally.n
    unanswered = tally.unanswered_counts.sum(axis=-1)
    covariance = tally.hits.sum(axis=-1) * n - (tally.predicted_counts * tally.support).sum(axis=-1)
    predicted_spread = n**2 - (tally.predicted_counts**2).sum(axis=-1) - unanswered**2
    spread = predicted_spread * (n**2 - (tally.support**2).sum(axis=-1))
    values = safe_divide(covariance, np.sqrt(spread))
    return np.where(n > 0, np.where(np.isnan(values), 0.0, values), np.nan)


@metric(best="high", low=-1.0, high=1.0)
def kappa(tally: SufficientStatistics) -> Floats:
    """Cohen's κ: agreement beyond what the margins alone would give (Cohen 1960)."""
    return _kappa(tally, 0)


@metric(best="high", low=-1.0, high=1.0)
def kappa_linear(tally: SufficientStatistics) -> Floats:
    """Cohen's κ, a disagreement weighing the distance of the grades (Cohen 1968); ordinal only."""
    return _kappa(tally, 1)


@metric(best="high", low=-1.0, high=1.0)
def kappa_quadratic(tally: SufficientStatistics) -> Floats:
    """Cohen's κ, a disagreement weighing the squared distance of the grades; ordinal only."""
    return _kappa(tally, 2)


def _kappa(tally: SufficientStatistics, power: int) -> Floats:
    """1 - Σ w·observed / Σ w·expected, over all classes in their order.

    A class that never occurs keeps its grade. A case without an answer counts as the largest
    possible disagreement.
    """
    grade = np.arange(tally.group_sums.n_classes, dtype=np.float64)
    distance = np.abs(grade[:, None] - grade)
    weight = (distance > 0).astype(np.float64) if power == 0 else distance**power
    weight = np.concatenate([weight, np.full((tally.group_sums.n_classes, 1), weight.max(initial=1.0))], axis=1)
    answers = tally.confusion.sum(axis=-2)
    observed = np.einsum("...ij,ij->...", tally.confusion, weight)
    expected = np.einsum("...i,...j,ij->...", tally.support, answers, weight)
    values: Floats = 1 - safe_divide(observed * tally.n, expected)
    return values
