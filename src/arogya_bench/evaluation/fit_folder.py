"""Where one fit is made: a folder that outlives a kill, behind a lock that a dead process loses."""

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
ABANDONED_AFTER_S = 30 * 24 * 3600.0  # nobody came back to finish it


@dataclass(frozen=True, kw_only=True)
class FitState:
    """What is known of a fit under way.

    Attributes:
        run_id: Its run in MLflow.
        started_at: When this process took over, in seconds since 1970.
        previous_seconds: Seconds that processes before this one had worked on it.
        interruptions: How many of them there were.
        owner: Host and process id, for a person who waits.
    """

    run_id: str
    started_at: float
    previous_seconds: float
    interruptions: int
    owner: str


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """A training that has ended: what it said, and what it cost."""

    report: FitReport
    seconds: float
    ram_peak_mb: float


@dataclass(frozen=True, kw_only=True)
class FitFolder:
    """The place of one fit, held by this process."""

    folder: Path

    @property
    def out(self) -> Path:
        """Where the model leaves its files; what is there was left by a fit that was killed."""
        place = self.folder / "out"
        place.mkdir(exist_ok=True)
        return place

    def interrupted(self) -> FitState | None:
        """What a process left that could not finish; None if nobody was here."""
        return _read_state(self.folder)

    def begin(self, run_id: str) -> FitState:
        """Note that this process works on a run, and what others spent on it."""
        before = self.interrupted()
        spent, interruptions = 0.0, 0
        if before is not None and before.run_id == run_id:
            files = [each.stat().st_mtime for each in self.out.rglob("*")]
            last = max(files, default=before.started_at)
            spent = before.previous_seconds + max(0.0, last - before.started_at)
            interruptions = before.interruptions + 1
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
        """What the training came to, if it ended and only MLflow could not be reached."""
        try:
            kept = json.loads((self.folder / RESULT_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        curves, notes = tuple(kept["report"].pop("curves")), tuple(kept["report"].pop("notes"))
        report = FitReport(curves=curves, notes=notes, **kept["report"])
        return TrainingResult(
            report=report, seconds=kept["seconds"], ram_peak_mb=kept["ram_peak_mb"]
        )

    def save_result(self, result: TrainingResult) -> None:
        """Note that the training has ended, so that no outage after it costs it again."""
        with atomic_write(self.folder / RESULT_FILE) as partial:
            partial.write_text(json.dumps(asdict(result)), encoding="utf-8")

    def clear(self) -> None:
        """Remove everything, once the fit lies in MLflow."""
        shutil.rmtree(self.folder)


@contextmanager
def lock_fit_folder(key: str) -> Iterator[FitFolder]:
    """Hold the place of a fit; whoever else wants it waits, and is told for whom.

    The lock is the kernel's: it is given up when its process ends, however it ends. Processes
    share it when they share the cache folder.

    Args:
        key: Of the fit, and of the store that it goes to.

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
            f"A fit needs a folder to work in, and {folder} cannot be written: {error}",
            fix=f"set the variable {CACHE_VARIABLE} to a folder with space.",
        ) from error
    try:
        os.utime(folder)  # its own files do not make a folder younger
        _remove_abandoned(folder.parent)
        yield FitFolder(folder=folder)
    finally:
        lock.release()


def _acquire(lock: FileLock, folder: Path) -> None:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        state = _read_state(folder)
        echo(f"Waiting for a fit that {state.owner if state else 'another process'} makes.")
        lock.acquire(poll_interval=0.5)


def _read_state(folder: Path) -> FitState | None:
    try:
        return FitState(**json.loads((folder / STATE_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # none, or half written by a process that was killed
        return None


def _remove_abandoned(fits_folder: Path) -> None:
    """Remove what nobody came back to, unless somebody holds it."""
    for old in fits_folder.iterdir():
        with suppress(FileNotFoundError, Timeout):  # its process has just cleared it, or holds it
            if old.is_dir() and time.time() - old.stat().st_mtime > ABANDONED_AFTER_S:
                with FileLock(old.with_suffix(".lock"), blocking=False):
                    shutil.rmtree(old, ignore_errors=True)
