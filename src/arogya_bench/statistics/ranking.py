"""Ranks of models in resamples, and three methods of ranking side by side."""

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import scipy
from numpy.typing import ArrayLike

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.binary_counts import check_share
from arogya_bench.metrics.result import Result
from arogya_bench.statistics.arguments import sign
from arogya_bench.statistics.intervals import MAX_UNDEFINED_SHARE
from arogya_bench.statistics.multiplicity import adjust
from arogya_bench.statistics.notes import few_groups_note, join_notes, undefined_note
from arogya_bench.statistics.resampling import Draws
from arogya_bench.statistics.signed_rank import wilcoxon
from arogya_bench.statistics.t_tests import remove_rounding_noise
from arogya_bench.types import Floats

ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class Ranking(Result):
    """Ranks of models and their distribution over resamples of groups.

    Attributes:
        ranks: Shape (models,), 1 is the best; ties share the mean of their ranks.
        shares: Shape (models, models), share of resamples in which a model has a rank; tied models
            share their ranks equally.
        p_best: Shape (models,), the first column of ``shares``.
        p_top_k: Shape (models,), probability of a rank among the best ``k``.
        low: Shape (models,), lower end of the interval of the rank.
        tau: Mean Kendall's tau-b between the rankings of resamples and ``ranks``; None where all
            models tie.
        undefined_share: Share of the resamples that are left out because a model has no score.
    """

    ranks: Floats
    shares: Floats
    p_best: Floats
    p_top_k: Floats
    k: int
    low: Floats
    median: Floats
    high: Floats
    tau: float | None
    tau_low: float | None
    tau_high: float | None
    confidence: float
    undefined_share: float
    method: str = "ranks in resamples of groups"


@dataclass(frozen=True, kw_only=True)
class Rankings(Result):
    """Ranks of the same scores by three methods, each of shape (models,), 1 is the best.

    Attributes:
        aggregate_then_rank: By the mean over rows.
        rank_then_aggregate: By the mean of the ranks within rows.
        test_then_rank: By the number of models that a model is significantly better than.
        n: Number of rows (datasets or cases).
    """

    aggregate_then_rank: Floats
    rank_then_aggregate: Floats
    test_then_rank: Floats
    agree: bool
    method: str = "means, mean ranks, Wilcoxon with Holm"


def bootstrap_ranks(
    estimates: ArrayLike,
    replicates: ArrayLike,
    *,
    draws: Draws,
    best: Literal["high", "low"] = "high",
    k: int = 3,
    confidence: float = 0.95,
) -> Ranking:
    """Rank models in every resample of the groups.

    Source: after Wiesenfarth 2021 (challengeR).

    Args:
        estimates: Shape (models,), on the original cases.
        replicates: Shape (models, B), on equal draws; NaN where undefined.
        draws: The resamples that the replicates were computed on.
        best: Whether high or low values are better.
        k: Number of ranks for ``p_top_k``.
        confidence: Nominal level of the intervals of ranks and tau, between 0 and 1.

    Raises:
        UndefinedMetric: If a model has no score, or has none in more than 5 % of the resamples, or
            if all resamples are equal.
    """
    scores, drawn = np.asarray(estimates, dtype=np.float64), np.asarray(replicates, np.float64)
    _check_arguments(scores, drawn, draws, k)
    defined = np.isfinite(drawn).all(axis=0)
    undefined = float(1 - defined.mean())
    direction = -sign(best)
    outside = (1 - check_share(confidence, "confidence")) / 2
    table = remove_rounding_noise(direction * np.column_stack([scores, drawn[:, defined]]))
    ranks = scipy.stats.rankdata(table, axis=0)
    shares = _rank_shares(table[:, 1:])
    low, median, high = np.quantile(ranks[:, 1:], [outside, 0.5, 1 - outside], axis=1)
    tau = kendall_tau(table)
    ends = None if tau is None else np.quantile(tau, [outside, 1 - outside])
    return Ranking(
        ranks=ranks[:, 0],
        shares=shares,
        p_best=shares[:, 0],
        p_top_k=shares[:, :k].sum(axis=1),
        k=k,
        low=low,
        median=median,
        high=high,
        tau=None if tau is None else float(tau.mean()),
        tau_low=None if ends is None else float(ends[0]),
        tau_high=None if ends is None else float(ends[1]),
        confidence=confidence,
        undefined_share=undefined,
        n=draws.n,
        groups=draws.groups,
        seed=draws.seed,
        note=_note(undefined, tau, draws),
    )


def _check_arguments(scores: Floats, replicates: Floats, draws: Draws, k: int) -> None:
    if scores.ndim != 1 or replicates.shape != (scores.size, draws.resamples):
        raise ValueError(f"replicates have shape {replicates.shape}, not {(scores.size, draws.resamples)}")
    undefined = float(1 - np.isfinite(replicates).all(axis=0).mean())
    if not np.isfinite(scores).all() or undefined > MAX_UNDEFINED_SHARE:
        raise UndefinedMetric(f"a model has no score for these cases, or in {undefined:.1%} of the resamples")
    if k < 1 or scores.size < 2:
        raise ValueError(f"k is {k} for {scores.size} models: at least 1 and 2 are needed")
    if not draws.varies:
        raise UndefinedMetric("no stratum holds two groups: every resample is the same")


def rankings_side_by_side(scores: ArrayLike, *, best: Literal["high", "low"] = "high") -> Rankings:
    """Rank the same scores by three methods, to see whether the ranking depends on the method.

    Args:
        scores: Shape (rows, models); rows are datasets or independent cases.
        best: Whether high or low scores are better.

    Raises:
        UndefinedMetric: With fewer than two rows.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2 or not np.isfinite(table).all():
        raise ValueError(f"scores of shape {table.shape}, not (rows, models) of finite numbers")
    oriented = sign(best) * table
    means = scipy.stats.rankdata(-remove_rounding_noise(oriented.mean(axis=0)))
    mean_ranks = scipy.stats.rankdata(
        remove_rounding_noise(scipy.stats.rankdata(-remove_rounding_noise(oriented), axis=1).mean(axis=0))
    )
    wins = _count_wins(oriented)
    tests = scipy.stats.rankdata(-wins)
    agree = bool((means == mean_ranks).all() and (means == tests).all())
    return Rankings(
        aggregate_then_rank=means,
        rank_then_aggregate=mean_ranks,
        test_then_rank=tests,
        agree=agree,
        n=len(table),
        groups=len(table),
        note="no pair differs significantly"
        if not wins.any()
        else ""
        if agree
        else "the ranking depends on the method",
    )


def _rank_shares(table: Floats) -> Floats:
    """Share of columns in which a row has a rank, shape (models, models)."""
    first = scipy.stats.rankdata(table, method="min", axis=0)
    last = scipy.stats.rankdata(table, method="max", axis=0)
    ranks = np.arange(1, len(table) + 1)
    within = (first[:, None] <= ranks[:, None]) & (ranks[:, None] <= last[:, None])
    shares: Floats = (within / (last - first + 1)[:, None]).mean(axis=2)
    return shares


def kendall_tau(table: Floats) -> Floats | None:
    """Compute tau-b between the first column and each other one, 0 for a column of ties.

    Args:
        table: Shape (models, 1 + n), scores of any direction.

    Returns:
        Shape (n,); None if all models tie in the first column.
    """
    pairs = list(combinations(range(len(table)), 2))
    signs = np.array([np.sign(table[i] - table[j]) for i, j in pairs]).reshape(len(pairs), -1)
    first = signs[:, :1]
    if not first.any():
        return None
    untied = np.sqrt((first != 0).sum() * (signs[:, 1:] != 0).sum(axis=0))
    agreed = (first * signs[:, 1:]).sum(axis=0)
    tau: Floats = np.divide(agreed, untied, out=np.zeros_like(untied), where=untied > 0)
    return tau


def _count_wins(scores: Floats) -> Floats:
    models = scores.shape[1]
    pairs = list(combinations(range(models), 2))
    tests = [wilcoxon(scores[:, i], scores[:, j]) for i, j in pairs]
    adjusted = adjust([test.p_value for test in tests], method="holm")
    wins = np.zeros(models)
    for (i, j), test, p in zip(pairs, tests, adjusted, strict=True):
        if p < ALPHA:
            wins[i if (test.rank_biserial or 0) > 0 else j] += 1
    return wins


def _note(undefined: float, tau: Floats | None, draws: Draws) -> str:
    tied = "all models tie: there is no ranking" if tau is None else ""
    return join_notes(few_groups_note(draws.groups), draws.note, tied, undefined_note(undefined))
