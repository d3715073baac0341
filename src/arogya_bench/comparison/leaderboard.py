"""The rows of one block that finished on clean images, in the order of their metric."""

from dataclasses import dataclass

import numpy as np

from arogya_bench.comparison.blocks import CLEAN, Block, Resampled
from arogya_bench.metrics.outcomes import predicted_classes
from arogya_bench.statistics import Draws
from arogya_bench.types import BoxPredictions, Predictions


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One leaderboard row on clean images, with what its tests need."""

    row: str
    label: str
    seeds: tuple[str, ...]
    clean: Resampled
    predictions: tuple[Predictions | BoxPredictions, ...]
    draws: Draws


def standings(block: Block, metric: str) -> list[Standing]:
    """The rows that finished on clean images, best first; an undefined value comes last."""
    found = []
    wanted = tuple(dict.fromkeys((*block.task.judged, metric)))
    for row, label in block.labels.items():
        clean = block.resampled(row, CLEAN, wanted)
        if clean is not None:
            tables = tuple(block.predictions(row, CLEAN))
            found.append(
                Standing(
                    row=row,
                    label=label,
                    seeds=tuple(block.seeds(row, CLEAN)),
                    clean=clean,
                    predictions=tables,
                    draws=block.draws(tables[0]),
                )
            )
    block.check_same_cases([each.predictions for each in found])
    sign = -1 if block.task.metrics[metric].best == "high" else 1
    return sorted(found, key=lambda each: _last(sign * each.clean.estimates[metric]))


def _last(value: float) -> float:
    return np.inf if np.isnan(value) else value


def right(predictions: Predictions) -> np.ndarray:
    """Whether each case was predicted right, shape (n,)."""
    hits: np.ndarray = predicted_classes(predictions.probabilities) == predictions.targets
    return hits
