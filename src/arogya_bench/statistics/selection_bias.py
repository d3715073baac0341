"""Score of the best model, corrected for having been selected."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.classification import metrics_for
from arogya_bench.metrics.outcomes import check_outcomes
from arogya_bench.metrics.result import Result
from arogya_bench.metrics.tally import sum_by_group
from arogya_bench.statistics.arguments import sign
from arogya_bench.statistics.intervals import MAX_UNDEFINED_SHARE
from arogya_bench.statistics.notes import few_groups_note, join_notes, undefined_note
from arogya_bench.statistics.resampling import Draws
from arogya_bench.types import Floats


@dataclass(frozen=True, kw_only=True)
class Optimism(Result):
    """Optimism of the best of several scores.

    Attributes:
        winner: Index of the best model on all cases.
        corrected: Mean score of the winner of each resample on the groups not drawn.
        optimism: By how much the observed score is too good; positive for either direction.
        wins: Shape (models,), share of resamples that each model wins; ties are shared.
        undefined_share: Share of the resamples that are left out, without a winner or its score.
    """

    winner: int
    observed: float
    corrected: float
    optimism: float
    wins: Floats
    undefined_share: float
    method: str = "winner of the drawn groups, scored on the others"


def winner_optimism(
    estimates: ArrayLike,
    in_bag: ArrayLike,
    out_of_bag: ArrayLike,
    *,
    draws: Draws,
    best: Literal["high", "low"] = "high",
) -> Optimism:
    """Correct the score of the winner for having been selected.

    About 37 % of the groups are not drawn: the bias of metrics such as the ECE on few cases enters
    the correction.

    Source: the optimism of Efron 1983, with selection of a model in place of training.

    Args:
        estimates: Shape (models,), on all cases.
        in_bag: Shape (models, B), on the drawn groups; NaN where undefined.
        out_of_bag: Shape (models, B), on the groups not drawn.
        draws: The resamples that both were computed on.
        best: Whether high or low values are better.

    Raises:
        UndefinedMetric: If a model has no score, or none in more than 5 % of the resamples.
    """
    direction = sign(best)
    scores, drawn, others = (
        direction * np.asarray(values, dtype=np.float64) for values in (estimates, in_bag, out_of_bag)
    )
    if drawn.shape != others.shape or drawn.shape != (scores.size, draws.resamples):
        raise ValueError(f"resamples of shape {drawn.shape} and {others.shape}, not {(scores.size, draws.resamples)}")
    defined = np.isfinite(drawn).all(axis=0) & np.isfinite(others).all(axis=0)
    undefined = float(1 - defined.mean())
    if not np.isfinite(scores).all() or undefined > MAX_UNDEFINED_SHARE:
        raise UndefinedMetric(f"a model has no score for these cases, or in {undefined:.1%} of the resamples")
    drawn, others = drawn[:, defined], others[:, defined]
    first = drawn == drawn.max(axis=0)
    shared = first / first.sum(axis=0)
    corrected = float((shared * others).sum(axis=0).mean())
    winner = int(scores.argmax())
    tied = int((scores == scores.max()).sum()) > 1
    return Optimism(
        winner=winner,
        observed=direction * float(scores[winner]),
        corrected=direction * corrected,
        optimism=float(scores[winner]) - corrected,
        wins=shared.mean(axis=1),
        undefined_share=undefined,
        n=draws.n,
        groups=draws.groups,
        seed=draws.seed,
        note=join_notes(
            few_groups_note(draws.groups),
            draws.note,
            undefined_note(undefined),
            "several models tie: winner is the first of them" if tied else "",
        ),
    )


def classification_winner(
    targets: ArrayLike, models: Mapping[str, ArrayLike], *, draws: Draws, metric: str = "f1_macro"
) -> Optimism:
    """Correct the score of the best of several classifiers.

    Args:
        targets: Class indices, shape (n,).
        models: Probabilities of shape (n, K) by name, in the order of the results.
        draws: Which groups enter each resample.
        metric: Name of the metric.

    Raises:
        UndefinedMetric: As ``winner_optimism``.
    """
    if not models or any(draws.n != len(np.asarray(table)) for table in models.values()):
        raise ValueError(f"each model needs a table of {draws.n} rows, as many as the draws have cases")
    sums = [sum_by_group(check_outcomes(targets, table), group_of=draws.group_of) for table in models.values()]
    known = metrics_for(sums[0].n_classes)
    if metric not in known:
        raise ValueError(f"unknown metric {metric!r} for {sums[0].n_classes} classes")
    compute = known[metric]
    in_bag, out_of_bag = [], []
    for counts in draws.chunks():
        not_drawn = (counts == 0).astype(np.float64)
        in_bag.append([compute(model.apply_weights(counts)) for model in sums])
        out_of_bag.append([compute(model.apply_weights(not_drawn)) for model in sums])
    return winner_optimism(
        [float(compute(model.total())) for model in sums],
        np.concatenate(in_bag, axis=1),
        np.concatenate(out_of_bag, axis=1),
        draws=draws,
        best=compute.best,
    )
