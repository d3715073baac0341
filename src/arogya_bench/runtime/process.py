"""Identify processes across machines and tell whether they are still running."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

PROCESS_TAG = "arogya.process"  # host, process id and start time, as `str` of a Process
HEARTBEAT_TAG = "arogya.seen"  # time of the last heartbeat of a sweep, in seconds since 1970
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
    """The process of this machine with a process id.

    Raises:
        psutil.NoSuchProcess: If there is none.
    """
    start_time = _start_time(psutil.Process(pid))
    return Process(host=socket.gethostname(), pid=pid, start_time=start_time)


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


def is_dead(tags: Mapping[str, str], *, now: float) -> bool:
    """Whether the process of a run is known to have ended.

    A process of this machine is looked up. One of another machine counts as ended if it sent
    heartbeats and none for ten minutes; containers get a new host name each time.

    Args:
        tags: Of the run.
        now: In seconds since 1970.
    """
    worker = parse_process(tags.get(PROCESS_TAG, ""))
    if worker is not None and worker.is_local:
        return not worker.is_alive
    return HEARTBEAT_TAG in tags and now - float(tags[HEARTBEAT_TAG]) > HEARTBEAT_TIMEOUT_S


@contextmanager
def heartbeat(set_tag: Callable[[str, str], None]) -> Iterator[None]:
    """Set the heartbeat tag at once, and then every minute from a thread.

    Args:
        set_tag: Called with name and value of the tag. Errors in the thread are ignored, since a
            server may be unavailable for a while.
    """
    set_tag(HEARTBEAT_TAG, f"{time.time():.0f}")
    stopped = threading.Event()

    def send_heartbeats() -> None:
        while not stopped.wait(HEARTBEAT_S):
            try:
                set_tag(HEARTBEAT_TAG, f"{time.time():.0f}")
            except Exception:  # noqa: BLE001  (the sweep itself will report it)
                continue

    thread = threading.Thread(target=send_heartbeats, name="arogya-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(timeout=1.0)  # it may be waiting for an unavailable server
