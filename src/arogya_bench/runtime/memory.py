"""The most memory that this process and its children held while something ran."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count

import psutil

PERIOD_S = 0.05  # between two looks
LOOKS_PER_SEARCH = 40  # children are searched among all processes, which costs milliseconds
MB = 1e6  # bytes


@dataclass
class Peak:
    """The highest resident memory so far, in MB; it grows while it is watched."""

    ram_mb: float


@contextmanager
def watched_memory() -> Iterator[Peak]:
    """Look at the resident memory 20 times a second, for new children every other second.

    What the process held before counts too: libraries that an earlier job loaded are in it.
    """
    process, done = psutil.Process(), threading.Event()
    peak = Peak(ram_mb=_resident([process]))

    def watch() -> None:
        for look in count():
            if look % LOOKS_PER_SEARCH == 0:
                watched = [process, *process.children(recursive=True)]
            peak.ram_mb = max(peak.ram_mb, _resident(watched))
            if done.wait(PERIOD_S):
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _resident(processes: Iterable[psutil.Process]) -> float:
    total = 0
    for process in processes:
        with suppress(psutil.Error):  # it has ended
            total += process.memory_info().rss
    return float(total / MB)
