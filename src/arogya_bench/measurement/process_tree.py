"""A process and its descendants: memory, processor time and page faults, read from outside.

On Linux from /proc, which takes microseconds; elsewhere through psutil.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from arogya_bench.runtime.kernel_files import SYSTEM, read_text

MB = 1e6  # bytes


class ProcessStat(NamedTuple):
    """What /proc/<pid>/stat says of one process.

    Attributes:
        minor_faults: Pages that it got without reading from a disk.
        cpu_s: Processor time of the process, and of its children that have ended.
        nice: From -20 (first served) to 19.
    """

    minor_faults: int
    cpu_s: float
    nice: int


def read_stat(pid: int, root: Path = SYSTEM) -> ProcessStat | None:
    """The counters of a process; None if it has ended or the system has no such file."""
    fields = (read_text(root / f"proc/{pid}/stat") or "").rpartition(")")[2].split()
    if len(fields) < 17:
        return None
    ticks = sum(map(int, fields[11:15]))  # user, system, and both of its children
    cpu_s = ticks / os.sysconf("SC_CLK_TCK")
    return ProcessStat(minor_faults=int(fields[7]), cpu_s=cpu_s, nice=int(fields[16]))


def process_tree(pids: Iterable[int], root: Path = SYSTEM, *, every_thread: bool = True) -> frozenset[int]:
    """The processes and their descendants.

    Args:
        pids: The processes.
        root: The folder that holds ``proc``.
        every_thread: Whether to find children of all threads. Those of main threads take a tenth of
            the time, where a process has 50 threads.
    """
    found, pending = set[int](), list(pids)
    while pending:
        pid = pending.pop()
        if pid not in found:
            found.add(pid)
            pending += _children(pid, root) if every_thread else _children_of_main_thread(pid, root)
    return frozenset(found)


def resident_mb(pids: Iterable[int]) -> float:
    """Resident memory of processes, in MB; those that have ended hold none, shared pages count in each."""
    return sum(map(_resident_bytes, pids)) / MB


def cpu_seconds(pids: Iterable[int], root: Path = SYSTEM) -> float | None:
    """Processor time of processes and their descendants, those that have ended included; None if unknown.

    The time of a child that has ended counts once its parent has waited for it.
    """
    times = [_cpu_seconds(pid, root) for pid in process_tree(pids, root)]
    known = [time for time in times if time is not None]
    return sum(known) if known else None


def _children(pid: int, root: Path) -> list[int]:
    tasks = root / f"proc/{pid}/task"
    try:
        lists = [read_text(tasks / thread / "children") for thread in os.listdir(tasks)]  # noqa: PTH208  (faster)
    except OSError:
        lists = [None]
    if root == SYSTEM and all(text is None for text in lists):  # no such file here, or it has ended
        return _children_by_scan(pid)
    return [int(child) for text in lists for child in (text or "").split()]


def _children_of_main_thread(pid: int, root: Path) -> list[int]:
    return [int(child) for child in (read_text(root / f"proc/{pid}/task/{pid}/children") or "").split()]


def _children_by_scan(pid: int) -> list[int]:
    if Path("/proc/self/task").is_dir() and not Path(f"/proc/{pid}").is_dir():
        return []
    with suppress(psutil.Error):
        return [child.pid for child in psutil.Process(pid).children()]
    return []


def _resident_bytes(pid: int) -> int:
    fields = (read_text(SYSTEM / f"proc/{pid}/statm") or "").split()
    if len(fields) > 1:
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def _cpu_seconds(pid: int, root: Path) -> float | None:
    stat = read_stat(pid, root)
    if stat is not None or root != SYSTEM:
        return None if stat is None else stat.cpu_s
    with suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return None
