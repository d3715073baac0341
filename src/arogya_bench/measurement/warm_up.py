"""Warms a model up until its times no longer change."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter

CALLS_PER_MEDIAN = 3
AGREEING_MEDIANS = 3  # the last medians that must agree
TOLERANCE = 0.05  # largest relative difference between them


@dataclass(frozen=True, kw_only=True)
class WarmUp:
    """What a warm-up took.

    Attributes:
        scenario: ``native`` or ``pyfunc``.
        batch: Images per call.
        settled: Whether the last medians agreed before the time was over.
    """

    scenario: str
    batch: int
    calls: int
    seconds: float
    settled: bool


def warm_up(call: Callable[[], float], *, scenario: str, batch: int, max_seconds: float) -> WarmUp:
    """Call until the last three medians of three calls agree within 5 %, at most for ``max_seconds``.

    Args:
        call: Sends one request and returns its milliseconds.
        scenario: For the record.
        batch: For the record.
        max_seconds: No further call starts after it.
    """
    times: list[float] = []
    start, settled = perf_counter(), False
    while not settled and (perf_counter() - start < max_seconds or not times):
        times.append(call())
        settled = _is_settled(times)
    return WarmUp(scenario=scenario, batch=batch, calls=len(times), seconds=perf_counter() - start, settled=settled)


def _is_settled(times: list[float]) -> bool:
    if len(times) % CALLS_PER_MEDIAN:
        return False
    starts = range(len(times) - AGREEING_MEDIANS * CALLS_PER_MEDIAN, len(times), CALLS_PER_MEDIAN)
    if starts.start < 0:
        return False
    medians = [median(times[start : start + CALLS_PER_MEDIAN]) for start in starts]
    return max(medians) <= (1 + TOLERANCE) * min(medians)
