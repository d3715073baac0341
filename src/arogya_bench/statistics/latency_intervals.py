"""Percentiles of request times that may depend on each other, for which blocks are resampled."""

from dataclasses import replace
from math import ceil

import numpy as np
from numpy.typing import ArrayLike

from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.percentiles import PercentileEstimate, lag_one_autocorrelation, percentile
from arogya_bench.types import Floats

# Above this lag-1 autocorrelation, the variance is a fifth larger than that of independent requests, and more.
MAX_AUTOCORRELATION = 0.1
RESAMPLES = 2_000
CHUNK_CELLS = 2_000_000  # values that are resampled at once, to limit memory


def latency_interval(
    values: ArrayLike, percent: float, rng: np.random.Generator, *, confidence: float = 0.95
) -> PercentileEstimate:
    """Estimate a percentile of requests in their order, and say in ``note`` how its interval was made.

    Above ``MAX_AUTOCORRELATION`` it resamples blocks, whose length follows from the autocorrelation (Carlstein
    1986, for an autoregression of order 1).

    Raises:
        UndefinedMetric: If there are no values.
    """
    autocorrelation = lag_one_autocorrelation(values)
    if autocorrelation is None or autocorrelation <= MAX_AUTOCORRELATION:
        estimate = percentile(values, percent, confidence=confidence)
        return estimate if estimate.note else replace(estimate, note="independent requests: order statistics")
    n = np.size(values)
    length = (2 * autocorrelation / (1 - autocorrelation**2)) ** (2 / 3) * n ** (1 / 3)
    block = min(ceil(length), max(1, n // 4))
    estimate = block_percentile_interval(values, percent, block=block, rng=rng, confidence=confidence)
    text = f"dependent requests (autocorrelation {autocorrelation:.2f}): blocks of {block}"
    return replace(estimate, note=join_notes(estimate.note, text if estimate.value else ""))


def block_percentile_interval(
    values: ArrayLike,
    percent: float,
    *,
    block: int,
    rng: np.random.Generator,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> PercentileEstimate:
    """Estimate a percentile of dependent requests by resampling blocks of consecutive ones.

    Source: moving-block bootstrap of Künsch 1989, percentile interval. A resample holds no value above
    the largest, so each end is at least as far out as that for independent requests. In simulations of an
    autoregression, 95 % intervals of p99 held the percentile in 93 % at an autocorrelation of 0.6, and in 82 %
    at 0.9 (60 % as if independent): measure longer, or again, where requests depend that much.

    Args:
        values: Shape (n,), time of each request in the order of the requests.
        percent: Between 0 and 100.
        block: Number of consecutive requests per block, 1 to n.
        rng: Source of the seed, from which every resample follows.
        confidence: Nominal level, between 0 and 1.
        resamples: Number of resamples.

    Raises:
        UndefinedMetric: If there are no values.
    """
    independent, times = percentile(values, percent, confidence=confidence), np.asarray(values, dtype=np.float64)
    n, seed = times.size, int(rng.integers(2**63))
    if not 1 <= block <= n:
        raise ValueError(f"a block of {block} requests, of {n}")
    estimate = replace(
        independent, method=f"linear interpolation; blocks of {block}", groups=ceil(n / block), seed=seed
    )
    if independent.value is None:
        return estimate
    replicates = _block_replicates(times, percent / 100, block, resamples, np.random.default_rng(seed))
    low, high = np.quantile(replicates, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    return replace(
        estimate,
        low=None if independent.low is None else min(low, independent.low),
        high=None if independent.high is None else max(high, independent.high),
    )


def _block_replicates(times: Floats, share: float, block: int, resamples: int, rng: np.random.Generator) -> Floats:
    n, blocks = times.size, ceil(times.size / block)
    rows, parts = max(1, CHUNK_CELLS // n), []
    for start in range(0, resamples, rows):
        firsts = rng.integers(n - block + 1, size=(min(rows, resamples - start), blocks))
        indices = (firsts[:, :, None] + np.arange(block)).reshape(len(firsts), -1)[:, :n]
        parts.append(np.quantile(times[indices], share, axis=1))
    replicates: Floats = np.concatenate(parts)
    return replicates
