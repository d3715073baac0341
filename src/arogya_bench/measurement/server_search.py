"""The server scenario: the highest rate of random requests that are answered in time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from arogya_bench.errors import ModelError
from arogya_bench.measurement.server_trial import ServerTrial
from arogya_bench.statistics.percentiles import least_requests, percentile_upper_bound

PERCENT = 99
TRIALS = 7  # rates that are tried; each halves the interval that holds the highest
HIGHEST_LOAD, LOWEST_LOAD = 0.98, 0.05  # of the rate that the model can answer at all
# Arrivals that do not depend on the answers find the model busy as often as it is busy (Wolff 1982: Poisson arrivals
# see time averages). Both are compared where the model is busy enough to tell them apart.
MIN_BUSY_SHARE = 0.3


@dataclass(frozen=True, kw_only=True)
class ServerResult:
    """The highest rate whose 99th percentile stays below the limit.

    Attributes:
        rate: Images per second; None if no rate that was tried meets the limit.
        limit_ms: Limit of the upper bound of the 99th percentile.
        p99_ms: Upper bound of the 99th percentile at that rate, at 99 % confidence.
        trials: In the order in which they were tried.
    """

    rate: float | None
    limit_ms: float
    p99_ms: float | None
    trials: tuple[ServerTrial, ...]


def find_highest_rate(
    run: Callable[[float], ServerTrial], *, capacity: float, limit_ms: float, longest_s: float
) -> ServerResult:
    """Search the highest rate at which the upper bound of the 99th percentile is at most the limit.

    Args:
        run: Runs a trial at a rate.
        capacity: Requests per second that the model answers when they wait for it.
        limit_ms: Limit in milliseconds from the scheduled arrival.
        longest_s: Longest duration of a trial; rates that need longer for its requests are not tried.
    """
    low, high = max(LOWEST_LOAD * capacity, requests_per_trial() / longest_s), HIGHEST_LOAD * capacity
    if low > high:
        return ServerResult(rate=None, limit_ms=limit_ms, p99_ms=None, trials=())
    trials: list[ServerTrial] = []
    best: tuple[float, float] | None = None
    rate = high
    for _ in range(TRIALS):
        trial = run(rate)
        trials.append(trial)
        bound = check_trial(trial)
        if bound is not None and bound <= limit_ms:
            low, best = rate, (rate, bound)
            if rate >= HIGHEST_LOAD * capacity:
                break
        else:
            high = rate
        rate = float(np.sqrt(low * high))
    return ServerResult(
        rate=None if best is None else best[0],
        limit_ms=limit_ms,
        p99_ms=None if best is None else best[1],
        trials=tuple(trials),
    )


def check_trial(trial: ServerTrial) -> float | None:
    """Upper bound of the 99th percentile in milliseconds; None if the trial ended early or is too short.

    Raises:
        ModelError: If a request was answered before it arrived, or if requests waited for answers before they
            arrived.
    """
    if (trial.started < trial.scheduled).any() or (trial.finished < trial.started).any():
        raise ModelError(
            "The server scenario answered a request before it was scheduled.",
            fix="do not measure on a machine whose clock is being set; run the measurement again.",
        )
    if trial.stopped or len(trial.scheduled) < requests_per_trial():
        return None
    busy = float((trial.finished - trial.started).sum() / trial.finished[-1])
    found_busy = float((trial.scheduled[1:] < trial.finished[:-1]).mean())
    if busy > MIN_BUSY_SHARE and found_busy < busy / 2:
        raise ModelError(
            f"Requests were held back while the model was busy (coordinated omission): it was busy for {busy:.0%} of "
            f"the time, but only {found_busy:.0%} of the requests had to wait.",
            fix="schedule requests independently of the answers, and count from the scheduled time.",
        )
    return percentile_upper_bound(trial.latencies_ms, PERCENT)


def requests_per_trial() -> int:
    """Least number of requests for a 99th percentile."""
    return least_requests(PERCENT)


def describe_trials(trials: Sequence[ServerTrial]) -> list[dict[str, object]]:
    """The trials as JSON values."""
    return [
        {
            "rate": trial.rate,
            "requests": len(trial.scheduled),
            "stopped": trial.stopped,
            "longest_ms": float(trial.latencies_ms.max()),
            "longest_wait_ms": float(((trial.started - trial.scheduled) * 1e3).max()),
        }
        for trial in trials
    ]
