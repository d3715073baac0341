"""The most memory that this process and its children held while something ran."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count

import psutil

SAMPLING_PERIOD_S = 0.05  # between two looks
SAMPLES_PER_CHILD_SCAN = 40  # children are searched among all processes, which costs milliseconds
MB = 1e6  # bytes


@dataclass
class PeakMemory:
    """The highest resident memory so far, in MB; it grows while it is watched."""

    ram_mb: float


@contextmanager
def track_peak_memory() -> Iterator[PeakMemory]:
    """Look at the resident memory 20 times a second, for new children every other second.

    What the process held before counts too: libraries that an earlier job loaded are in it.
    """
    process, done = psutil.Process(), threading.Event()
    peak = PeakMemory(ram_mb=_resident_mb([process]))

    def sample() -> None:
        for look in count():
            if look % SAMPLES_PER_CHILD_SCAN == 0:
                watched = [process, *process.children(recursive=True)]
            peak.ram_mb = max(peak.ram_mb, _resident_mb(watched))
            if done.wait(SAMPLING_PERIOD_S):
                return

    watcher = threading.Thread(target=sample, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _resident_mb(processes: Iterable[psutil.Process]) -> float:
    total = 0
    for process in processes:
        with suppress(psutil.Error):  # it has ended
            total += process.memory_info().rss
    return float(total / MB)
