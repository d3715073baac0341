"""Identify processes across machines and tell whether they are still running."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

HEARTBEAT_S = 60.0
HEARTBEAT_TIMEOUT_S = 600.0  # ten heartbeats, so that a short outage of the server has no effect


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process, told apart from later ones with the same process id.

    Attributes:
        start_time: Seconds since its machine booted, which setting the clock does not change.
    """

    host: str
    pid: int
    start_time: float

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.start_time:.2f}"

    @property
    def is_local(self) -> bool:
        """Whether it runs, or ran, on this machine."""
        return self.host == socket.gethostname()

    @property
    def is_alive(self) -> bool:
        """Whether it is still running; meaningful on its own machine only."""
        try:
            process = psutil.Process(self.pid)
            same = abs(_start_time(process) - self.start_time) < 1.0
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def current_process() -> Process:
    """The calling process."""
    return find_process(os.getpid())


def find_process(pid: int) -> Process:
    """The process of this machine with a process id; raises psutil.NoSuchProcess if there is none."""
    return Process(host=socket.gethostname(), pid=pid, start_time=_start_time(psutil.Process(pid)))


def _start_time(process: psutil.Process) -> float:
    # psutil adds the boot time, which moves when the clock is set.
    return float(process.create_time() - psutil.boot_time())


def parse_process(text: str) -> Process | None:
    """Parse what ``str`` of a process returned; None if the text is something else."""
    try:
        host, pid, start_time = text.split(" ")
        return Process(host=host, pid=int(pid), start_time=float(start_time))
    except ValueError:
        return None


def is_dead(process: str, last_heartbeat: str | None, *, now: float) -> bool:
    """Whether the process that works on a run is dead, as far as this machine can know.

    A process of this machine is looked up. One of another machine counts as dead once its last
    heartbeat is too old; containers get a new host name each time.

    Args:
        process: What ``str`` of the process wrote.
        last_heartbeat: Seconds since 1970; None if the process sends none.
        now: Seconds since 1970.
    """
    worker = parse_process(process)
    if worker is not None and worker.is_local:
        return not worker.is_alive
    return last_heartbeat is not None and now - float(last_heartbeat) > HEARTBEAT_TIMEOUT_S


@contextmanager
def heartbeat(set_value: Callable[[str], None]) -> Iterator[None]:
    """Report every minute that this process is alive.

    Args:
        set_value: Stores the time, in seconds since 1970. It is called at once, and then from a
            thread; its errors in the thread are ignored, because a server may be away for a while.
    """
    set_value(f"{time.time():.0f}")
    stopped = threading.Event()

    def send_heartbeats() -> None:
        while not stopped.wait(HEARTBEAT_S):
            try:
                set_value(f"{time.time():.0f}")
            except Exception:  # noqa: BLE001  (the sweep itself will report it)
                continue

    thread = threading.Thread(target=send_heartbeats, name="arogya-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(timeout=1.0)  # it may be waiting for an unavailable server
