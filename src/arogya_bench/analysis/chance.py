"""Whether a row is better than guessing, constantly or at random, with the class frequencies of the test cases."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from arogya_bench.analysis.scored_rows import EvaluatedRow, ScoredRow, SharedCases, score_rows, single_resample
from arogya_bench.metrics.guessing import constant_guess, random_guess_scores
from arogya_bench.scoring.task import Task
from arogya_bench.statistics.group_variance import VarianceTerm
from arogya_bench.statistics.paired_differences import paired_difference
from arogya_bench.statistics.seed_variance import SeedScores, estimate_seed_variance
from arogya_bench.types import Floats, Predictions

ROUNDING_TOLERANCE = 1e-9  # of the value of a guesser
# Beyond the deciding metric, one of these must exceed chance.
RANKING_METRICS = ("balanced_accuracy", "auroc_macro_ovr")


@dataclass(frozen=True, kw_only=True)
class ChanceFloor:
    """What guessing scores by one metric.

    Attributes:
        value: The better of the constant and the random guesser.
        changes: Shape (groups,): ``value`` minus the value without each group; 0 for the random guesser.
    """

    metric: str
    value: float
    changes: Floats


def chance_floors(cases: SharedCases, metrics: Sequence[str]) -> dict[str, ChanceFloor]:
    """Score the guessers by each metric.

    Args:
        cases: The test cases.
        metrics: Built-in metrics.

    Returns:
        By metric. Those by which guessing cannot be told from knowing are left out: a calibration error, since class
        frequencies are calibrated, and metrics of the positive or the negative cases alone, since naming every case
        so is a guess. Empty for a task whose cases have no single class.
    """
    predictions = cases.predictions
    if not isinstance(predictions, Predictions):
        return {}
    counts = np.bincount(predictions.targets, minlength=len(predictions.classes))
    constant = replace(predictions, probabilities=constant_guess(counts, cases.cases), metadata={})
    row = EvaluatedRow(name="constant", predictions=(constant,), seeded=False)
    task = _without_plugins(cases.task)
    names = [name for name in metrics if name in task.metrics]
    (scored,) = score_rows([row], task, names, single_resample(predictions))
    random = random_guess_scores(counts, names)
    floors = {}
    for name in names:
        scores, best = scored.seed_scores(name), task.metrics[name].best
        definition = task.metrics[name]
        best_value = definition.high if best == "high" else definition.low
        of_one_class = definition.averaged_over in ("positives", "negatives")
        if not np.isfinite(scores.mean) or of_one_class or abs(scores.mean - best_value) < ROUNDING_TOLERANCE:
            continue
        floor = ChanceFloor(metric=name, value=scores.mean, changes=scores.mean_changes)
        other = random.get(name)
        if other is not None and (other > floor.value if best == "high" else other < floor.value):
            floor = ChanceFloor(metric=name, value=other, changes=np.zeros(cases.groups))
        floors[name] = floor
    return floors


def judge_chance(rows: Sequence[ScoredRow], cases: SharedCases, metric: str) -> dict[str, bool | None]:
    """Whether each row exceeds the floor by the deciding metric, and by balanced accuracy or AUROC.

    Args:
        rows: All rows, which share the spread between their seeds.
        cases: The test cases.
        metric: The deciding metric, which counts only if it has a floor.

    Returns:
        By name of the row; None if nothing has a floor.
    """
    if not rows:
        return {}
    names = [name for name in dict.fromkeys((metric, *RANKING_METRICS)) if name in rows[0].metrics]
    above = {name: _rows_above(rows, cases, floor) for name, floor in chance_floors(cases, names).items()}
    deciding = above.pop(metric, None)
    ranking = [] if metric in RANKING_METRICS and deciding is not None else list(above.values())
    if deciding is None and not ranking:
        return {row.name: None for row in rows}
    return {
        row.name: (deciding is None or deciding[i]) and (not ranking or any(column[i] for column in ranking))
        for i, row in enumerate(rows)
    }


def _rows_above(rows: Sequence[ScoredRow], cases: SharedCases, floor: ChanceFloor) -> list[bool]:
    scores = [row.seed_scores(floor.metric) for row in rows]
    seeds = estimate_seed_variance(scores)
    return [_exceeds(row, seeds.of_mean(i), cases, floor) for i, row in enumerate(scores)]


def _exceeds(scores: SeedScores, seeds: VarianceTerm | None, cases: SharedCases, floor: ChanceFloor) -> bool:
    if not np.isfinite(scores.mean):
        return False
    reference = SeedScores(estimates=np.array([floor.value]), changes=floor.changes[None])
    difference = paired_difference(scores, reference, cases.strata(floor.metric), seeds)
    return difference.low > 0 if cases.task.metrics[floor.metric].best == "high" else difference.high < 0


def _without_plugins(task: Task[Any]) -> Task[Any]:
    added = {plugin.name for plugin in task.plugin_metrics}
    return replace(task, metrics={name: metric for name, metric in task.metrics.items() if name not in added})
