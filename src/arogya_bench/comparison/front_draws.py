"""How often a model is on a front, if other patients had been tested and other rounds measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log, sqrt

import numpy as np
from scipy.special import ndtri

from arogya_bench.analysis.row_draws import draw_rows
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow, bounds
from arogya_bench.runtime.console import plural
from arogya_bench.statistics.intervals import MAX_UNDEFINED_SHARE
from arogya_bench.types import Floats

STREAM = 2  # of random numbers; the judgement has another
HALF_WIDTH = float(ndtri(0.975))  # of a 95 % interval, in standard deviations
AS_MEASURED = "its estimate alone, which has no interval"
FROM_INTERVAL = "log-normal with its interval"
MIN_ROUNDS = 2


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """Median latency of each round of a measurement, by number; models of one session share their rounds."""

    session: str
    medians: Mapping[int, float]


@dataclass(frozen=True, kw_only=True)
class PriceDraws:
    """Draws of a latency or a cost by model, and what they rest on."""

    values: Mapping[str, Floats] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


def front_rng(study: Study) -> np.random.Generator:
    """The source of the draws of prices; equal for equal studies."""
    return np.random.default_rng([int(study.resampling.seed, 16), STREAM])


def draw_qualities(study: Study) -> dict[str, Floats]:
    """The deciding metric of each model on the same resamples of groups, better if higher; by model, shape (B,).

    Of a model with several seeds the spread between them is added, as in its interval.
    """
    judgement, metric = study.judgement, study.metric
    sign = 1 if study.task.metrics[metric].best == "high" else -1
    drawn = draw_rows(study, judgement.compared)
    return {row.name: sign * values for row, values in zip(judgement.compared, drawn, strict=True)}


def draw_latencies(
    rows: Mapping[str, TableRow], column: str, rounds: Mapping[str, Rounds], *, draws: int, rng: np.random.Generator
) -> PriceDraws:
    """Latencies with resampled rounds, the same rounds for all models of a session.

    The logarithms of the medians of the rounds are averaged over the drawn ones, and the logarithm of the latency
    moves as that mean does. Without two rounds that a session shares, the interval of the latency is used.

    Args:
        rows: Latency with its bounds, by model.
        column: Of the latency.
        rounds: Of each model whose samples the store still has.
        draws: How many.
        rng: Source of the draws.
    """
    values: dict[str, Floats] = {}
    sources: dict[str, str] = {}
    for session in dict.fromkeys(found.session for found in rounds.values()):
        members = {name: found.medians for name, found in rounds.items() if found.session == session and name in rows}
        shared = sorted(set.intersection(*map(set, members.values()))) if members else []
        if len(shared) < MIN_ROUNDS:
            continue
        chosen = rng.integers(len(shared), size=(draws, len(shared)))
        for name, medians in members.items():
            values[name] = float(str(rows[name][column])) * np.exp(_mean_of_drawn(medians, shared, chosen))
            sources[name] = plural(len(shared), "round")
    others = draw_prices({name: row for name, row in rows.items() if name not in values}, column, draws=draws, rng=rng)
    return PriceDraws(values={**values, **others.values}, sources={**sources, **others.sources})


def draw_prices(rows: Mapping[str, TableRow], column: str, *, draws: int, rng: np.random.Generator) -> PriceDraws:
    """Log-normal latencies or costs with the 95 % interval that stands beside each."""
    values: dict[str, Floats] = {}
    sources: dict[str, str] = {}
    for name, row in rows.items():
        estimate, *ends = (None if row[key] is None else float(str(row[key])) for key in bounds(column))
        if estimate is None:
            continue
        spread = _log_spread(estimate, *ends)
        values[name] = estimate * np.exp(rng.normal(scale=spread, size=draws))
        sources[name] = FROM_INTERVAL if spread else AS_MEASURED
    return PriceDraws(values=values, sources=sources)


def shares_on_front(qualities: Mapping[str, Floats], prices: Mapping[str, Floats]) -> dict[str, float | None]:
    """Share of the draws in which no other model is as good and as cheap, and better in one of both.

    Args:
        qualities: Better if higher; by model, shape (B,).
        prices: Better if lower; by model, shape (B,). Only models with a price stand on the front.

    Returns:
        None for all if the quality of one is undefined in more than 5 % of the draws.
    """
    names = [name for name in prices if name in qualities]
    if not names:
        return {}
    quality, price = (np.array([table[name] for name in names]) for table in (qualities, prices))
    defined = np.isfinite(quality).all(axis=0)
    if defined.mean() < 1 - MAX_UNDEFINED_SHARE:
        return dict.fromkeys(names)
    quality, price = quality[:, defined], price[:, defined]
    shares: dict[str, float | None] = {}
    for position, name in enumerate(names):
        no_worse = (quality >= quality[position]) & (price <= price[position])
        beaten = no_worse & ((quality > quality[position]) | (price < price[position]))
        shares[name] = float(1 - beaten.any(axis=0).mean())
    return shares


def _mean_of_drawn(medians: Mapping[int, float], shared: list[int], chosen: np.ndarray) -> Floats:
    """The mean of the drawn logarithms less that of all; as wide as the mean of rounds varies."""
    logs = np.log([medians[number] for number in shared])
    count = len(shared)
    mean: Floats = (logs - logs.mean())[chosen].mean(axis=1) * sqrt(count / (count - 1))
    return mean


def _log_spread(estimate: float, low: float | None, high: float | None) -> float:
    """Standard deviation of the logarithm; from the end that there is if the other is missing."""
    if estimate <= 0:
        return 0.0
    widths = [abs(log(end / estimate)) for end in (low, high) if end is not None and end > 0]
    return sum(widths) / len(widths) / HALF_WIDTH if widths else 0.0
