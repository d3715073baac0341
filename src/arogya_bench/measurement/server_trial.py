"""Requests at random times, as a server gets them: one trial at one rate."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns, sleep

import numpy as np

from arogya_bench.types import Floats

ALLOWED_LATE = 0.01  # share of requests above the limit at which the 99th percentile is lost
SPIN_NS = 2_000_000  # before a request is due, the processor is kept awake


@dataclass(frozen=True, kw_only=True)
class ServerTrial:
    """Requests at one rate, as seconds since the start of the trial.

    Attributes:
        rate: Requests per second on average.
        scheduled: When each request arrived, shape (n,).
        started: When the model began to work on it.
        finished: When it was answered.
        stopped: Whether the trial ended early, since too many requests were late already.
    """

    rate: float
    scheduled: Floats
    started: Floats
    finished: Floats
    stopped: bool

    @property
    def latencies_ms(self) -> Floats:
        """From the scheduled arrival, not from when the model was free: waiting counts (no coordinated omission)."""
        return np.asarray((self.finished - self.scheduled) * 1e3, np.float64)


def draw_arrivals(rate: float, count: int, rng: np.random.Generator) -> Floats:
    """Draw the times of a Poisson process, in seconds, shape (count,)."""
    return np.asarray(np.cumsum(rng.exponential(1 / rate, size=count)), np.float64)


def run_server_trial(request: Callable[[], object], arrivals: Floats, *, rate: float, limit_ms: float) -> ServerTrial:
    """Answer requests in the order of their arrival, one at a time.

    The trial ends early once more requests are late than the 99th percentile allows.
    """
    allowed = int(ALLOWED_LATE * len(arrivals))
    started, finished = np.full(len(arrivals), np.nan), np.full(len(arrivals), np.nan)
    late, origin, answered = 0, perf_counter_ns(), 0
    for number, arrival in enumerate(arrivals):
        _wait_until(origin + int(arrival * 1e9))
        started[number] = (perf_counter_ns() - origin) / 1e9
        request()
        finished[number] = (perf_counter_ns() - origin) / 1e9
        answered = number + 1
        late += (finished[number] - arrival) * 1e3 > limit_ms
        if late > allowed:
            break
    return ServerTrial(
        rate=rate,
        scheduled=arrivals[:answered],
        started=started[:answered],
        finished=finished[:answered],
        stopped=answered < len(arrivals),
    )


def _wait_until(due_ns: int) -> None:
    """Sleep until shortly before a time, then wait actively, since waking up takes up to milliseconds."""
    while (remaining := due_ns - perf_counter_ns()) > 0:
        if remaining > SPIN_NS:
            sleep((remaining - SPIN_NS) / 1e9)
