"""Whose turn it is: one process at a time for a cell, and a machine alone for what is timed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import gethostname

from filelock import FileLock, ReadWriteLock, Timeout

from arogya_bench.errors import ModelError
from arogya_bench.runtime.cache import CACHE_VARIABLE, cache_root
from arogya_bench.runtime.console import echo

CELL_LOCK_FOLDER = "cells"  # of the cache
MACHINE_LOCK_FILE = "machine-{host}.lock"  # machines may share the cache folder
KEY_PREFIX_LENGTH = (
    4  # of a key that name its lock: at most 65,536 empty files, and a chance wait is rare
)


@contextmanager
def cell_lock(key: str) -> Iterator[None]:
    """Keep other processes of this machine from the same cell; whoever wants it waits.

    The lock is the kernel's: a process that dies gives it up at once. Machines that do not
    share the cache folder may make a cell twice; a comparison takes the newest.

    Args:
        key: Of the cell and of the store that it goes to.

    Raises:
        ModelError: If the cache folder cannot be written.
    """
    lock = FileLock(_lock_folder(CELL_LOCK_FOLDER) / f"{key[:KEY_PREFIX_LENGTH]}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        lock.acquire(poll_interval=0.1)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def machine_lock(*, exclusive: bool) -> Iterator[None]:
    """Work on this machine beside others, or wait until nobody else does and keep them off.

    Args:
        exclusive: Whether what is done is timed and must not be disturbed.

    Raises:
        ModelError: If the cache folder cannot be written.
    """
    lock = ReadWriteLock(
        _lock_folder("") / MACHINE_LOCK_FILE.format(host=gethostname()), is_singleton=False
    )
    try:
        with _acquire_machine_lock(lock, exclusive=exclusive):
            yield
    finally:
        lock.close()


@contextmanager
def _acquire_machine_lock(lock: ReadWriteLock, *, exclusive: bool) -> Iterator[None]:
    acquire = lock.acquire_write if exclusive else lock.acquire_read
    try:
        taken = acquire(blocking=False)
    except Timeout:
        echo(f"Waiting until this machine is {'idle' if exclusive else 'free for other jobs'}.")
        taken = acquire()
    with taken:
        yield


def _lock_folder(name: str) -> Path:
    folder = cache_root(None) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"The cache folder {folder} cannot be written: {error}",
            fix=f"set the variable {CACHE_VARIABLE} to a folder with space.",
        ) from error
    return folder
