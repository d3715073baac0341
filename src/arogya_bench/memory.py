"""The most memory that this process and its children held while something ran."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

PERIOD_S = 0.05  # between two looks
MB = 1e6  # bytes


@dataclass
class Peak:
    """The highest resident memory so far, in MB; it grows while it is watched."""

    ram_mb: float


@contextmanager
def watched_memory() -> Iterator[Peak]:
    """Look at the resident memory 20 times a second, and once at the end.

    What the process held before counts too: libraries that an earlier job loaded are in it.
    """
    process, done = psutil.Process(), threading.Event()
    peak = Peak(ram_mb=_resident(process))

    def watch() -> None:
        while not done.wait(PERIOD_S):
            peak.ram_mb = max(peak.ram_mb, _resident(process))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()
        peak.ram_mb = max(peak.ram_mb, _resident(process))


def _resident(process: psutil.Process) -> float:
    total = process.memory_info().rss
    for child in process.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.Error:  # it ended between the two calls
            continue
    return float(total / MB)
