"""The working folder of a fit: it survives a kill, and its lock is released with the process."""

import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from arogya_bench.errors import ModelError
from arogya_bench.runtime.atomic_write import atomic_write
from arogya_bench.runtime.cache import CACHE_VARIABLE, cache_root
from arogya_bench.runtime.console import echo
from arogya_bench.types import FitReport

FITS_FOLDER = "fits"  # of the cache
STATE_FILE = "state.json"
RESULT_FILE = "finished.json"
ABANDONED_AFTER_S = 30 * 24 * 3600.0  # since a process last locked the folder


@dataclass(frozen=True, kw_only=True)
class FitState:
    """The state of an unfinished fit.

    Attributes:
        started_at: When the current process began to work on it, in seconds since 1970.
        previous_seconds: Seconds that interrupted processes had spent on it.
        interruptions: Number of interrupted processes.
        owner: Host and process id, for messages.
    """

    run_id: str
    started_at: float
    previous_seconds: float
    interruptions: int
    owner: str


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """The report of a finished training, and its cost.

    Attributes:
        ram_increase_mb: What the training added to the memory of the process; None if an earlier version trained.
    """

    report: FitReport
    seconds: float
    ram_increase_mb: float | None


@dataclass(frozen=True, kw_only=True)
class FitFolder:
    """The folder of one fit, locked by this process."""

    folder: Path

    @property
    def out(self) -> Path:
        """The folder for the files of the model; it may hold those of an interrupted training."""
        out = self.folder / "out"
        out.mkdir(exist_ok=True)
        return out

    def read_interrupted_state(self) -> FitState | None:
        """The state that an interrupted process left; None if there was none."""
        return _read_state(self.folder)

    def begin(self, run_id: str) -> FitState:
        """Record that this process works on a run, and what interrupted ones spent on it."""
        earlier = self.read_interrupted_state()
        spent, interruptions = 0.0, 0
        if earlier is not None and earlier.run_id == run_id:
            modified = [path.stat().st_mtime for path in self.out.rglob("*")]
            last_seen = max(modified, default=earlier.started_at)
            spent = earlier.previous_seconds + max(0.0, last_seen - earlier.started_at)
            interruptions = earlier.interruptions + 1
        state = FitState(
            run_id=run_id,
            started_at=time.time(),
            previous_seconds=spent,
            interruptions=interruptions,
            owner=f"process {os.getpid()} on {socket.gethostname()}",
        )
        (self.folder / STATE_FILE).write_text(json.dumps(asdict(state)), encoding="utf-8")
        return state

    def load_result(self) -> TrainingResult | None:
        """The result of a training that finished, but could not be logged."""
        try:
            stored = json.loads((self.folder / RESULT_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        fields = stored.pop("report")
        fields |= {name: tuple(fields[name]) for name in ("curves", "notes")}
        return TrainingResult(
            report=FitReport(**fields), seconds=stored["seconds"], ram_increase_mb=stored.get("ram_increase_mb")
        )

    def save_result(self, result: TrainingResult) -> None:
        """Record a finished training, so that it is not repeated if logging it fails."""
        with atomic_write(self.folder / RESULT_FILE) as partial:
            partial.write_text(json.dumps(asdict(result)), encoding="utf-8")

    def clear(self) -> None:
        """Remove the folder once the fit is logged."""
        shutil.rmtree(self.folder)


@contextmanager
def lock_fit_folder(key: str) -> Iterator[FitFolder]:
    """Lock the folder of a fit and store; other processes that need it wait, and print for whom.

    The lock is the kernel's: it is released when its process ends, however it ends. It is
    effective among processes that share the cache folder.

    Raises:
        ModelError: If the cache folder cannot be written.
    """
    folder = cache_root(None) / FITS_FOLDER / key
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_suffix(".lock"))
        _acquire(lock, folder)
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"A fit needs a working folder, but {folder} cannot be written: {error.strerror or error}.",
            fix=f"set the variable {CACHE_VARIABLE} to a writable folder with free space.",
        ) from error
    try:
        os.utime(folder)  # changes inside a folder do not update its own time
        _remove_abandoned(folder.parent)
        yield FitFolder(folder=folder)
    finally:
        lock.release()


def _acquire(lock: FileLock, folder: Path) -> None:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        state = _read_state(folder)
        echo(f"Waiting for a fit that {state.owner if state else 'another process'} is training.")
        lock.acquire(poll_interval=0.5)


def _read_state(folder: Path) -> FitState | None:
    try:
        return FitState(**json.loads((folder / STATE_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # absent, or truncated by a kill
        return None


def _remove_abandoned(fits_folder: Path) -> None:
    """Remove old folders that no process has locked."""
    for folder in fits_folder.iterdir():
        with suppress(FileNotFoundError, Timeout):  # just cleared by its process, or locked
            if folder.is_dir() and time.time() - folder.stat().st_mtime > ABANDONED_AFTER_S:
                with FileLock(folder.with_suffix(".lock"), blocking=False):
                    shutil.rmtree(folder, ignore_errors=True)
