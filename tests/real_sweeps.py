"""Sweeps in separate processes, and counts of the runs that they log."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import psutil

from arogya_bench.tracking.runs import RunRecord, search_runs
from arogya_bench.tracking.store import open_store

TIMEOUT_S = 240.0  # of every wait, on a busy machine
CELLS = 6
STUDY = (
    "dataset=synthetic",
    "dataset.cases=60",
    "dataset.classes=3",
    "dataset.image_size=32",
    "statistics.resamples=2000",
    "tracking.experiment=study",
    "augmentation=gaussian_noise",
    "augmentation.gaussian_noise.severities=[0.1,0.2,0.3]",
)
MODELS = """
import os, signal, time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arogya_bench.datasets.synthetic import Synthetic
from arogya_bench.errors import DatasetError
from arogya_bench.models.prior import Prior


@dataclass(frozen=True, kw_only=True)
class Slow(Prior):
    adapter_name = "test_slow"
    adapter_version = 1
    # A second for each cell, so that there is a middle to kill it in.

    def load(self, weights, *, classes, device):
        predictor = super().load(weights, classes=classes, device=device)

        def predict(images):
            Path(f"at-work-{os.getpid()}").touch()
            time.sleep(1.0)
            return predictor(images)

        return predict


@dataclass(frozen=True, kw_only=True)
class Hanging(Prior):
    adapter_name = "test_hanging"
    adapter_version = 1

    def load(self, weights, *, classes, device):
        def wait_for_ever(images):
            time.sleep(3600)

        return wait_for_ever


@dataclass(frozen=True, kw_only=True)
class Deadly(Prior):
    adapter_name = "test_deadly"
    adapter_version = 1

    def load(self, weights, *, classes, device):
        Path(f"deadly-{os.getpid()}").touch()
        return lambda images: os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, kw_only=True)
class Mounted(Synthetic):
    def load(self):
        if "DISK_MOUNTED" not in os.environ:
            raise DatasetError("the disk of the clinic is not mounted", fix="mount it")
        return super().load()


@dataclass(frozen=True, kw_only=True)
class Greedy(Prior):
    adapter_name = "test_greedy"
    adapter_version = 1

    def load(self, weights, *, classes, device):
        return lambda images: np.ones(2**50)
"""


@dataclass(frozen=True, kw_only=True)
class Census:
    """The cells of a store.

    Attributes:
        finished: Keys of finished cells, one for each run.
        incomplete: Number of finished runs without metrics or predictions.
        running: Number of open runs.
    """

    finished: tuple[str, ...]
    incomplete: int
    running: int
    runs: tuple[RunRecord, ...]

    @property
    def double(self):
        return len(self.finished) - len(set(self.finished))

    def of(self, status, kind="evaluation"):
        return [r for r in self.runs if r.status == status and r.tags.get("arogya.kind") == kind]


def census(uri):
    store = open_store(uri, "study", create=False)
    runs = tuple(search_runs(store, ""))
    cells = [r for r in runs if r.tags.get("arogya.kind") == "evaluation"]
    finished = [r for r in cells if r.status == "FINISHED"]
    whole = [r for r in finished if "accuracy" in r.metrics and _has_predictions(store, r)]
    return Census(
        finished=tuple(r.tags["arogya.cell_key"] for r in finished),
        incomplete=len(finished) - len(whole),
        running=sum(r.status == "RUNNING" for r in runs),
        runs=runs,
    )


def _has_predictions(store, run):
    return any(file.path == "predictions.parquet" for file in store.client.list_artifacts(run.run_id))


def written(folder):
    """Write the models and their configs to a folder."""
    (folder / "fault_models.py").write_text(MODELS, encoding="utf-8")
    (folder / "model").mkdir()
    for name in ("Slow", "Hanging", "Deadly", "Greedy"):
        text = f"_target_: fault_models.{name}\n"
        (folder / "model" / f"{name.lower()}.yaml").write_text(text, encoding="utf-8")
    return folder


def started(*words, models, folder, model="slow", **variables):
    """Start the command in a new session, as from another terminal."""
    return subprocess.Popen(
        [
            sys.executable,
            *("-m", "arogya_bench.cli.main", "run", "-m", *STUDY, f"model={model}", *words),
            *("--config-dir", str(models)),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(models), "AROGYA_WORKERS": "2", **variables},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        start_new_session=True,
    )


def cleared(process):
    """Kill a process and all processes that it started."""
    for child in family(process.pid):
        child.kill()
    process.kill()
    process.wait()
    process.stderr.close()


def family(pid):
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def ended(process):
    _, err = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, err


def wait_until(condition, process=None):
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.1)


def finished_cells(folder):
    """Count the finished cells of a store; without MLflow, fast enough to see a sweep that still runs."""
    query = (
        "SELECT count(*) FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid "
        "WHERE runs.status = 'FINISHED' AND tags.key = 'arogya.kind' AND tags.value = 'evaluation'"
    )
    with closing(sqlite3.connect(f"file:{folder}/mlflow.db?mode=ro", uri=True)) as database:
        try:
            return database.execute(query).fetchone()[0]
        except sqlite3.OperationalError:  # locked, or its tables are being created
            return 0


def wait_for_cells(count, folder, process):
    wait_until(lambda: (folder / "mlflow.db").exists(), process)
    wait_until(lambda: list(folder.glob("at-work-*")), process)
    wait_until(lambda: finished_cells(folder) >= count, process)


def workers_of(process):
    """Loky's workers, which are children of the driver."""
    commands = [(child, " ".join(child.cmdline())) for child in psutil.Process(process.pid).children()]
    return [child for child, command in commands if "loky" in command and "popen" in command]


def working_processes(folder):
    """Ids of the processes that evaluate cells, from the files that the models write."""
    pids = [int(path.name.rpartition("-")[2]) for path in folder.glob("at-work-*")]
    return [pid for pid in pids if psutil.pid_exists(pid)]
