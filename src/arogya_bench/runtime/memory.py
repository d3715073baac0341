"""Peak memory of this process and its children."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count

import psutil

SAMPLING_PERIOD_S = 0.05
SAMPLES_PER_CHILD_SCAN = 40  # finding children scans all processes, which costs milliseconds
MB = 1e6  # bytes


@dataclass
class PeakMemory:
    """Highest resident memory so far, in MB; updated while it is tracked."""

    ram_mb: float
    start_mb: float

    @property
    def increase_mb(self) -> float:
        """What was added to the memory at the start, such as by libraries that were loaded since."""
        return self.ram_mb - self.start_mb


@contextmanager
def track_peak_memory() -> Iterator[PeakMemory]:
    """Sample the resident memory 20 times a second; look for new children every 2 seconds.

    The peak includes what the process held before, such as libraries that an earlier job loaded; the increase does not.
    """
    process, stopped = psutil.Process(), threading.Event()
    start_mb = _resident_mb([process, *process.children(recursive=True)])
    peak = PeakMemory(ram_mb=start_mb, start_mb=start_mb)

    def sample() -> None:
        for number in count():
            if number % SAMPLES_PER_CHILD_SCAN == 0:
                processes = [process, *process.children(recursive=True)]
            peak.ram_mb = max(peak.ram_mb, _resident_mb(processes))
            if stopped.wait(SAMPLING_PERIOD_S):
                return

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peak
    finally:
        stopped.set()
        sampler.join()


def _resident_mb(processes: Iterable[psutil.Process]) -> float:
    total = 0
    for process in processes:
        with suppress(psutil.Error):  # it has ended
            total += process.memory_info().rss
    return float(total / MB)
