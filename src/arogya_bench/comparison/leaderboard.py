"""Rank the models of one block by their primary metric on clean images."""

from dataclasses import dataclass

import numpy as np

from arogya_bench.comparison.blocks import CLEAN, ComparableRuns, RowReplicates
from arogya_bench.statistics import Draws
from arogya_bench.types import BoxPredictions, Predictions


@dataclass(frozen=True, kw_only=True)
class LeaderboardRow:
    """A model on clean images.

    Attributes:
        model_config_digest: Identifies the model and its training settings.
        seeds: Those with a finished clean evaluation.
        clean: Bootstrap replicates of every metric with an interval.
        predictions: One per seed.
        draws: The resamples behind ``clean``.
    """

    model_config_digest: str
    name: str
    seeds: tuple[str, ...]
    clean: RowReplicates
    predictions: tuple[Predictions | BoxPredictions, ...]
    draws: Draws


def rank_rows(block: ComparableRuns, metric: str) -> list[LeaderboardRow]:
    """Return the models with a finished clean evaluation, best first and undefined values last."""
    rows = []
    metrics = tuple(dict.fromkeys((*block.task.interval_metrics, metric)))
    for digest, name in block.row_names.items():
        clean = block.bootstrap(digest, CLEAN, metrics)
        if clean is None:
            continue
        predictions = tuple(block.load_predictions(digest, CLEAN))
        seeds, draws = tuple(block.seeds(digest, CLEAN)), block.draws(predictions[0])
        rows.append(
            LeaderboardRow(
                model_config_digest=digest, name=name, seeds=seeds, clean=clean, predictions=predictions, draws=draws
            )
        )
    block.check_same_cases([row.predictions for row in rows])
    sign = -1 if block.task.metrics[metric].best == "high" else 1
    return sorted(rows, key=lambda row: np.nan_to_num(sign * row.clean.estimates[metric], nan=np.inf))
