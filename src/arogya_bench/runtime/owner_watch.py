"""Ends the workers of a pool when the process that they work for has ended, however it ended."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from arogya_bench.runtime.child_process import kill_process_tree
from arogya_bench.runtime.process import Process

POLL_S = 1.0
GRACE_S = 20.0  # for a job to close its runs, which it does when it finds its owner gone

_watched: set[Process] = set()
_at_work = threading.Event()


@contextmanager
def work_for(owner: Process) -> Iterator[None]:
    """Do one job for a process; this process, and all that it started, end soon after the owner.

    A pool whose owner was killed would otherwise wait for work for ever. An owner on another machine cannot be watched.
    """
    if owner.is_local and owner.pid != os.getpid() and owner not in _watched:
        _watched.add(owner)
        threading.Thread(target=_end_with, args=(owner,), name="arogya-owner-watch", daemon=True).start()
    _at_work.set()
    try:
        yield
    finally:
        _at_work.clear()


def _end_with(owner: Process) -> None:
    while owner.is_alive:
        time.sleep(POLL_S)
    end = time.monotonic() + GRACE_S
    while _at_work.is_set() and time.monotonic() < end:
        time.sleep(POLL_S / 10)
    kill_process_tree(os.getpid())
