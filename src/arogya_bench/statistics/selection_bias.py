"""The score of the winner, without the luck that made it win."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.classification import metrics_for
from arogya_bench.metrics.outcomes import check_outcomes
from arogya_bench.metrics.tally import sum_by_group
from arogya_bench.statistics.arguments import sign
from arogya_bench.statistics.intervals import MAX_UNDEFINED_SHARE, few_groups_note
from arogya_bench.statistics.resampling import Draws
from arogya_bench.types import Floats


@dataclass(frozen=True, kw_only=True)
class Optimism:
    """How much of the best score is luck.

    Attributes:
        winner: Position of the model that leads on all cases.
        observed: Its score there.
        corrected: Mean score of each resample's winner on the groups that were left out.
        optimism: How far the observed score is too good; positive, whichever end is better.
        wins: Shape (models,), share of resamples that each model wins; ties are shared out.
        undefined_share: Share of the resamples that were left out, without a winner or its score.
        n: Number of cases.
        groups: Number of independent units.
        seed: Of the resamples.
        note: What a reader should know; empty if nothing.
    """

    winner: int
    observed: float
    corrected: float
    optimism: float
    wins: Floats
    undefined_share: float
    n: int
    groups: int
    seed: int | None
    method: str = "winner of the drawn groups, scored on those left out"
    note: str = ""


def winner_optimism(
    estimates: ArrayLike,
    in_bag: ArrayLike,
    out_of_bag: ArrayLike,
    *,
    draws: Draws,
    best: Literal["high", "low"] = "high",
) -> Optimism:
    """Correct the score of the winner for having been picked.

    The groups left out are some 37 % of all: a metric that is biased on few cases, such as the
    ECE, carries that bias into the correction.

    Source: the bootstrap's optimism (Efron 1983), with the choice of a model for its training.

    Args:
        estimates: Shape (models,), on all cases.
        in_bag: Shape (models, B), on the drawn groups; NaN where undefined.
        out_of_bag: Shape (models, B), on the groups that were left out.
        draws: What both were drawn with.
        best: Which end of the metric is better.

    Raises:
        UndefinedMetric: If a model has no score, or more than 5 % of the resamples have no
            winner or no score for it.
        ValueError: If the shapes do not fit.
    """
    direction = sign(best)
    scores, drawn, left = (
        direction * np.asarray(each, dtype=np.float64) for each in (estimates, in_bag, out_of_bag)
    )
    if drawn.shape != left.shape or drawn.shape != (scores.size, draws.resamples):
        raise ValueError(
            f"resamples of shape {drawn.shape} and {left.shape}, not "
            f"{(scores.size, draws.resamples)}"
        )
    defined = np.isfinite(drawn).all(axis=0) & np.isfinite(left).all(axis=0)
    undefined = float(1 - defined.mean())
    if not np.isfinite(scores).all() or undefined > MAX_UNDEFINED_SHARE:
        raise UndefinedMetric(f"a model has no score here, or in {undefined:.1%} of the resamples")
    drawn, left = drawn[:, defined], left[:, defined]
    first = drawn == drawn.max(axis=0)
    shared = first / first.sum(axis=0)
    corrected = float((shared * left).sum(axis=0).mean())
    winner = int(scores.argmax())
    notes = [few_groups_note(draws.groups), draws.note]
    if undefined:
        notes.append(f"{undefined:.2%} of the resamples are undefined and left out")
    if int((scores == scores.max()).sum()) > 1:
        notes.append("several models lead: the first of them is named")
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
        note="; ".join(note for note in notes if note),
    )


def classification_winner(
    targets: ArrayLike,
    models: Mapping[str, ArrayLike],
    *,
    draws: Draws,
    metric: str = "f1_macro",
) -> Optimism:
    """Correct the score of the best of several classifiers.

    Args:
        targets: Class indices, shape (n,).
        models: A table of probabilities of shape (n, K) each; positions follow their order.
        draws: Which groups enter each resample; the others are what is left out.
        metric: Its name.

    Raises:
        UndefinedMetric: As ``winner_optimism``.
        ValueError: If a column is misshapen, or there is no such metric.
    """
    if not models or any(draws.n != len(np.asarray(table)) for table in models.values()):
        raise ValueError(f"draws of {draws.n} cases for other tables, or for none")
    counted = [
        sum_by_group(check_outcomes(targets, table), group_of=draws.group_of)
        for table in models.values()
    ]
    known = metrics_for(counted[0].n_classes)
    if metric not in known:
        raise ValueError(f"there is no metric {metric!r} for {counted[0].n_classes} classes")
    compute = known[metric]
    drawn, left = [], []
    for counts in draws.chunks():
        out = (counts == 0).astype(np.float64)
        drawn.append([compute(each.weighted(counts)) for each in counted])
        left.append([compute(each.weighted(out)) for each in counted])
    return winner_optimism(
        [float(compute(each.total())) for each in counted],
        np.concatenate(drawn, axis=1),
        np.concatenate(left, axis=1),
        draws=draws,
        best=compute.best,
    )
