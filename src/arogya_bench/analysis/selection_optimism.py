"""The score of the row that was chosen as the best of several, corrected for the choice."""

from collections.abc import Sequence

import numpy as np

from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.classification import metrics_for
from arogya_bench.metrics.flags import CALIBRATION_ERRORS
from arogya_bench.metrics.group_weights import DrawnGroups, StackedSums
from arogya_bench.metrics.tally import GroupSums, SufficientStatistics, sum_by_group
from arogya_bench.scoring.classification import check_predictions
from arogya_bench.statistics.resampling import Draws
from arogya_bench.statistics.selection_bias import Optimism, winner_optimism
from arogya_bench.types import Floats, Predictions


def selection_optimism(study: Study, eligible: Sequence[ScoredRow]) -> Optimism:
    """Score the winner of each resample on the groups that were not drawn, averaged over the seeds of each row.

    Args:
        study: With the variants that were tried, which take part in the choice.
        eligible: The rows among which the best one is chosen.

    Raises:
        UndefinedMetric: If the metric cannot be computed on the groups not drawn, or is undefined on many resamples.
    """
    rows = [*eligible, *(row for row in study.tried if np.isfinite(row.estimate(study.metric)))]
    if len(rows) < 2:
        raise UndefinedMetric("nothing was chosen: there is one model")
    resampled = [row.mean_over_seeds(study.metric) for row in rows]
    draws = resampled[0].draws.first(study.secondary_resampling.resamples)  # enough for a mean
    return winner_optimism(
        [row.estimate for row in resampled],
        np.array([row.values[: draws.resamples] for row in resampled]),
        _score_others(rows, study.metric, draws),
        draws=draws,
        best=study.task.metrics[study.metric].best,
    )


def _score_others(rows: Sequence[ScoredRow], metric: str, draws: Draws) -> Floats:
    """Shape (rows, B), on the groups not drawn.

    These are 37 % of the groups, on which a calibration error is larger by chance: the mean of each row is moved to its
    value on all groups, so that only the choice counts.
    """
    others = _score_not_drawn(rows, metric, draws)
    if metric not in CALIBRATION_ERRORS or np.isnan(others).all(axis=1).any():
        return others  # of one group none is ever left out
    estimates = np.array([row.estimate(metric) for row in rows])
    moved: Floats = others + (estimates - np.nanmean(others, axis=1))[:, None]
    return moved


def _score_not_drawn(rows: Sequence[ScoredRow], metric: str, draws: Draws) -> Floats:
    """Shape (rows, B): the metric on the groups that each resample leaves out, averaged over the seeds."""
    predictions = [[_check(seed, metric) for seed in row.row.predictions] for row in rows]
    sums = [[_sum_by_group(seed, draws) for seed in seeds] for seeds in predictions]
    compute = metrics_for(len(predictions[0][0].classes))[metric]
    models = [seed for seeds in sums for seed in seeds]
    stacks = (
        StackedSums(parts=tuple(model.class_counts for model in models)),
        StackedSums(parts=tuple(model.probability_sums for model in models if model.has_probabilities)),
    )
    chunks = []
    for counts in draws.chunks():
        weights = DrawnGroups(counts=(counts == 0).astype(np.float64), stacks=stacks)
        chunks.append([
            np.mean([compute(SufficientStatistics(group_sums=seed, weights=weights)) for seed in seeds], axis=0)
            for seeds in sums
        ])  # fmt: skip
    return np.concatenate(chunks, axis=1)


def _check(predictions: object, metric: str) -> Predictions:
    if not isinstance(predictions, Predictions):
        raise UndefinedMetric("it is computed for classification only")
    if metric not in metrics_for(len(predictions.classes)):
        raise UndefinedMetric(f"it is computed for built-in metrics only, and {metric} is of another package")
    return predictions


def _sum_by_group(predictions: Predictions, draws: Draws) -> GroupSums:
    return sum_by_group(check_predictions(predictions), group_of=draws.group_of, true_classes_only=True)
