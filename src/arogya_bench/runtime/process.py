"""Who works on a run, and whether that process still lives."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

PROCESS = "arogya.process"  # host, process id and start of the process, in seconds since 1970
SEEN = "arogya.seen"  # when the process of a sweep last said that it lives, in seconds since 1970
PULSE_S = 60.0
SILENT_S = 600.0  # ten pulses, so that a server that was away for a while buries nobody


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process that cannot be mistaken for a later one with its number.

    Attributes:
        began: Seconds after the start of its machine, which the clock being set does not change.
    """

    host: str
    pid: int
    began: float

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.began:.2f}"

    @property
    def here(self) -> bool:
        """Whether it runs, or ran, on this machine."""
        return self.host == socket.gethostname()

    @property
    def alive(self) -> bool:
        """Whether it still runs; only its own machine can say."""
        try:
            found = psutil.Process(self.pid)
            same = abs(_began(found) - self.began) < 1.0
            return same and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def this_process() -> Process:
    """The process that asks."""
    return process(os.getpid())


def process(pid: int) -> Process:
    """A process of this machine.

    Raises:
        psutil.NoSuchProcess: If it is gone already.
    """
    began = _began(psutil.Process(pid))
    return Process(host=socket.gethostname(), pid=pid, began=began)


def _began(found: psutil.Process) -> float:
    # psutil adds the time of the start, which it reads anew and which moves with the clock.
    return float(found.create_time() - psutil.boot_time())


def parsed(text: str) -> Process | None:
    """Read what ``str`` of a process wrote; None if it is something else."""
    try:
        host, pid, began = text.split(" ")
        return Process(host=host, pid=int(pid), began=float(began))
    except ValueError:
        return None


def surely_gone(tags: Mapping[str, str], *, now: float) -> bool:
    """Whether the process that works on a run is dead, as far as this machine can know.

    A process of this machine is looked up. One of another machine is given up when it promised
    to say that it lives and was silent for long; containers get a new host name each time.
    """
    worker = parsed(tags.get(PROCESS, ""))
    if worker is not None and worker.here:
        return not worker.alive
    return SEEN in tags and now - float(tags[SEEN]) > SILENT_S


@contextmanager
def pulse(beat: Callable[[str, str], None]) -> Iterator[None]:
    """Say again and again that this process lives.

    Args:
        beat: Sets a tag; called with the name and the value at once, and then every minute from
            a thread. Its errors are left for the next beat, since a server may be away.
    """
    beat(SEEN, f"{time.time():.0f}")
    over = threading.Event()

    def beats() -> None:
        while not over.wait(PULSE_S):
            try:
                beat(SEEN, f"{time.time():.0f}")
            except Exception:  # noqa: BLE001  (whatever it is, the sweep will meet it too)
                continue

    thread = threading.Thread(target=beats, name="arogya-pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=1.0)  # it may be waiting for a server that is away
