"""Locks between processes: one per cell, and one per machine for timed jobs."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from socket import gethostname

from filelock import FileLock, ReadWriteLock, Timeout

from arogya_bench.errors import ModelError
from arogya_bench.runtime.cache import CACHE_VARIABLE, cache_root
from arogya_bench.runtime.console import echo

CELL_LOCK_FOLDER = "cells"  # in the cache
MACHINE_LOCK_FILE = "machine-{host}.lock"  # machines may share the cache folder
# Characters of a key that name its lock file: at most 65,536 empty files, and two cells that are
# evaluated at the same time rarely share one.
KEY_PREFIX_LENGTH = 4


def cell_lock(key: str) -> AbstractContextManager[object]:
    """A lock that waits until no other process evaluates the same cell, and keeps others waiting.

    The kernel releases the lock of a process that dies. Machines that do not share the cache
    folder may evaluate a cell twice; a comparison uses the newest.

    Args:
        key: Identifies the cell and the store that it is logged to.
    """
    file = _lock_folder(CELL_LOCK_FOLDER) / f"{key[:KEY_PREFIX_LENGTH]}.lock"
    lock: AbstractContextManager[object] = FileLock(file, poll_interval=0.1)
    return lock


@contextmanager
def machine_lock(*, exclusive: bool) -> Iterator[None]:
    """Share this machine with other jobs, or wait until there are none and keep them waiting.

    Args:
        exclusive: Whether the job is timed and must run alone.
    """
    file = _lock_folder("") / MACHINE_LOCK_FILE.format(host=gethostname())
    with closing(ReadWriteLock(file, is_singleton=False)) as lock:
        acquire = lock.acquire_write if exclusive else lock.acquire_read
        try:
            acquired = acquire(blocking=False)
        except Timeout:
            echo(f"Waiting until this machine is {'idle' if exclusive else 'free for other jobs'}.")
            acquired = acquire()
        with acquired:
            yield


def _lock_folder(name: str) -> Path:
    folder = cache_root(None) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"The cache folder {folder} cannot be written: {error.strerror or error}.",
            fix=f"set the environment variable {CACHE_VARIABLE} to a writable folder.",
        ) from error
    return folder
