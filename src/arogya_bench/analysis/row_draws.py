"""The deciding metric of rows on resamples of groups, with the spread between training seeds."""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.types import Floats

STREAM = 3  # of the random numbers of a study


def draw_rows(study: Study, rows: Sequence[ScoredRow]) -> Floats:
    """Draw the deciding metric of rows, shape (rows, B): the same resamples of groups for all of them.

    Resamples of groups keep the seeds as they are. Other seeds would change the mean over them: its error is drawn
    from a normal distribution with the variance that the intervals of the leaderboard contain.

    Args:
        study: Equal studies give equal draws.
        rows: Of ``study.judgement.compared``.
    """
    positions = {row.name: position for position, row in enumerate(study.judgement.compared)}
    drawn = np.array([row.mean_over_seeds(study.metric).values for row in rows])
    for row, values in zip(rows, drawn, strict=True):
        position = positions[row.name]
        if (seeds := study.judgement.all_pairs.seeds.of_mean(position)) is not None:
            rng = np.random.default_rng([int(study.resampling.seed, 16), STREAM, position])
            values += rng.normal(scale=sqrt(seeds.variance), size=values.size)
    return drawn
