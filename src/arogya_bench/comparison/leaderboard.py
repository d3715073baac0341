"""The rows of one block that finished on clean images, in the order of their metric."""

from dataclasses import dataclass

import numpy as np

from arogya_bench.comparison.blocks import CLEAN, ComparableRuns, RowReplicates
from arogya_bench.metrics.outcomes import predicted_classes
from arogya_bench.statistics import Draws
from arogya_bench.types import BoxPredictions, Predictions


@dataclass(frozen=True, kw_only=True)
class LeaderboardRow:
    """One leaderboard row on clean images, with what its tests need."""

    model_config_digest: str
    name: str
    seeds: tuple[str, ...]
    clean: RowReplicates
    predictions: tuple[Predictions | BoxPredictions, ...]
    draws: Draws


def rank_rows(block: ComparableRuns, metric: str) -> list[LeaderboardRow]:
    """The rows that finished on clean images, best first; an undefined value comes last."""
    found = []
    wanted = tuple(dict.fromkeys((*block.task.interval_metrics, metric)))
    for row, label in block.row_names.items():
        clean = block.bootstrap(row, CLEAN, wanted)
        if clean is not None:
            tables = tuple(block.load_predictions(row, CLEAN))
            found.append(
                LeaderboardRow(
                    model_config_digest=row,
                    name=label,
                    seeds=tuple(block.seeds(row, CLEAN)),
                    clean=clean,
                    predictions=tables,
                    draws=block.draws(tables[0]),
                )
            )
    block.check_same_cases([each.predictions for each in found])
    sign = -1 if block.task.metrics[metric].best == "high" else 1
    return sorted(found, key=lambda each: _nan_last(sign * each.clean.estimates[metric]))


def _nan_last(value: float) -> float:
    return np.inf if np.isnan(value) else value


def is_correct(predictions: Predictions) -> np.ndarray:
    """Whether each case was predicted right, shape (n,)."""
    hits: np.ndarray = predicted_classes(predictions.probabilities) == predictions.targets
    return hits
