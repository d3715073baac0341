"""The score of each case, or of each group, for metrics that are means over cases."""

from collections.abc import Callable, Mapping

import numpy as np

from arogya_bench.analysis.positive_class import states_probabilities
from arogya_bench.analysis.scored_rows import ScoredRow, SharedCases
from arogya_bench.metrics.tally import MIN_PROBABILITY
from arogya_bench.scoring.tasks import correct_cases
from arogya_bench.types import Floats, Predictions

RIGHT_OR_WRONG = ("accuracy", "sensitivity", "specificity")  # metrics that are shares of cases


def _right(predictions: Predictions) -> Floats:
    return np.asarray(correct_cases(predictions), dtype=np.float64)


def _brier(predictions: Predictions) -> Floats:
    error = predictions.probabilities - np.eye(len(predictions.classes))[predictions.targets]
    squares: Floats = ((error[:, 1:] if len(predictions.classes) == 2 else error) ** 2).sum(axis=1)
    return squares


def _nll(predictions: Predictions) -> Floats:
    of_true_class = predictions.probabilities[np.arange(predictions.targets.size), predictions.targets]
    losses: Floats = -np.log(np.clip(of_true_class, MIN_PROBABILITY, 1.0))
    return losses


CASE_SCORES: Mapping[str, Callable[[Predictions], Floats]] = {
    "accuracy": _right,
    "sensitivity": lambda cases: np.where(cases.targets == 1, _right(cases), np.nan),
    "specificity": lambda cases: np.where(cases.targets == 0, _right(cases), np.nan),
    "brier": _brier,
    "nll": _nll,
}  # metrics of classifiers that are means over cases; NaN for cases that a metric does not read


def case_scores(row: ScoredRow, metric: str) -> Floats | None:
    """Score each case, averaged over the seeds, shape (n,); None for a metric that is no mean over cases."""
    seeds = [seed for seed in row.row.predictions if isinstance(seed, Predictions)]
    if metric not in CASE_SCORES or len(seeds) < len(row.row.predictions):
        return None
    if metric in ("brier", "nll") and not states_probabilities(row):
        return None
    scores: Floats = np.mean([CASE_SCORES[metric](seed) for seed in seeds], axis=0)
    return scores


def group_scores(row: ScoredRow, cases: SharedCases, metric: str) -> Floats | None:
    """Average the scores of the cases of each group that the metric reads; groups without such a case are left out."""
    scores = case_scores(row, metric)
    if scores is None:
        return None
    read = np.isfinite(scores)
    sizes = np.bincount(cases.group_of[read], minlength=cases.groups)
    sums = np.bincount(cases.group_of[read], scores[read], minlength=cases.groups)
    means: Floats = sums[sizes > 0] / sizes[sizes > 0]
    return means
