"""Real processes are killed, starved and cut off; the same command finishes what they began.

Before and after each fault the cells are counted: none lost, none double, none half-written.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest

from arogya_bench import stores, tracking

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PATIENT = 240.0  # seconds for whatever a test waits for, on a busy machine
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

from arogya_bench.models.prior import Prior


@dataclass(frozen=True, kw_only=True)
class Slow(Prior):
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
    def load(self, weights, *, classes, device):
        def wait_for_ever(images):
            time.sleep(3600)

        return wait_for_ever


@dataclass(frozen=True, kw_only=True)
class Deadly(Prior):
    def load(self, weights, *, classes, device):
        Path(f"deadly-{os.getpid()}").touch()
        return lambda images: os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, kw_only=True)
class Greedy(Prior):
    def load(self, weights, *, classes, device):
        return lambda images: np.ones(2**62)
"""


@dataclass(frozen=True, kw_only=True)
class Census:
    """The cells of a store.

    Attributes:
        finished: Keys of finished cells, one for each run.
        half: Finished runs without all that a cell leaves.
        running: Runs that are open.
    """

    finished: tuple[str, ...]
    half: int
    running: int
    runs: tuple[tracking.RunRecord, ...]

    @property
    def double(self):
        return len(self.finished) - len(set(self.finished))

    def of(self, status, kind="evaluation"):
        return [r for r in self.runs if r.status == status and r.tags.get("arogya.kind") == kind]


def census(uri):
    store = stores.open_store(uri, "study", create=False)
    runs = tuple(tracking.search(store, ""))
    cells = [r for r in runs if r.tags.get("arogya.kind") == "evaluation"]
    finished = [r for r in cells if r.status == "FINISHED"]
    whole = [r for r in finished if "accuracy" in r.metrics and _has_predictions(store, r)]
    return Census(
        finished=tuple(r.tags["arogya.cell"] for r in finished),
        half=len(finished) - len(whole),
        running=sum(r.status == "RUNNING" for r in runs),
        runs=runs,
    )


def _has_predictions(store, run):
    return any(
        each.path == "predictions.parquet" for each in store.client.list_artifacts(run.run_id)
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "fault_models.py").write_text(MODELS, encoding="utf-8")
    (folder / "model").mkdir()
    for name in ("Slow", "Hanging", "Deadly", "Greedy"):
        text = f"_target_: fault_models.{name}\n"
        (folder / "model" / f"{name.lower()}.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def table(request):
    """What each fault did, printed at the end."""
    rows = []
    yield rows
    plugins = request.config.pluginmanager
    head = ("fault", "cells before", "after", "lost", "double", "half-written", "finished in")
    with plugins.getplugin("capturemanager").global_and_fixture_disabled():
        for row in (head, *rows):
            line = f"{row[0]:44}" + "".join(f"{each!s:>13}" for each in row[1:])
            plugins.getplugin("terminalreporter").write_line(line)


@pytest.fixture
def at_work(models, tmp_path):
    """Start the command in the folder of this test, in a session of its own."""
    started = []

    def start(*words, model="slow", folder=tmp_path, **variables):
        process = subprocess.Popen(
            [
                sys.executable,
                *("-m", "arogya_bench.cli", "run", "-m", *STUDY, f"model={model}", *words),
                *("--config-dir", str(models)),
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(models), "AROGYA_WORKERS": "2", **variables},
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        for each in _family(process.pid):
            each.kill()
        process.kill()
        process.wait()
        process.stderr.close()


def _family(pid):
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def ended(process):
    _, err = process.communicate(timeout=PATIENT)
    return process.returncode, err


def wait_until(happened, process=None):
    end = time.monotonic() + PATIENT
    while not happened():
        assert time.monotonic() < end
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.1)


def finished_cells(folder):
    return len(census(f"sqlite:///{folder}/mlflow.db").finished)


def wait_for_cells(count, folder, process):
    wait_until(lambda: (folder / "mlflow.db").exists(), process)
    wait_until(lambda: list(folder.glob("at-work-*")), process)
    wait_until(lambda: finished_cells(folder) >= count, process)


def workers_of(process):
    """Loky's workers, which are children of the driver."""
    named = [(each, " ".join(each.cmdline())) for each in psutil.Process(process.pid).children()]
    return [each for each, words in named if "loky" in words and "popen" in words]


def working_processes(folder):
    """The processes in which cells are made, as the models say."""
    pids = [int(path.name.rpartition("-")[2]) for path in folder.glob("at-work-*")]
    return [pid for pid in pids if psutil.pid_exists(pid)]


def settled(uri, before, began, table, fault, *, cells=CELLS):
    """Count the cells after the same command has ended."""
    after = census(uri)
    lost = cells - len(set(after.finished))
    seconds = time.monotonic() - began
    row = (fault, before, len(after.finished), lost, after.double, after.half, f"{seconds:.0f} s")
    table.append(row)
    assert (lost, after.double, after.half, after.running) == (0, 0, 0, 0)
    return after


def test_a_driver_that_is_killed_is_finished_by_the_same_command(at_work, table, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    process = at_work("seed=1,2")
    wait_for_cells(2, tmp_path, process)
    process.kill()
    process.wait()
    before, began = len(census(uri).finished), time.monotonic()
    assert census(uri).running > 0

    code, err = ended(at_work("seed=1,2"))

    after = settled(uri, before, began, table, "kill -9 of the driver, basic")
    assert code == 0
    assert "that a killed process had left open" in err
    assert {run.tags["arogya.error"] for run in after.of("KILLED")} == {"WorkerLost"}


def test_workers_die_with_a_driver_that_is_killed(at_work, table, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    process = at_work("seed=1,2", "hydra/launcher=pool")
    wait_for_cells(1, tmp_path, process)
    process.kill()
    process.wait()
    wait_until(lambda: not working_processes(tmp_path))
    before, began = len(census(uri).finished), time.monotonic()

    code, _ = ended(at_work("seed=1,2", "hydra/launcher=pool"))

    settled(uri, before, began, table, "kill -9 of the driver, pool")
    assert code == 0


def test_a_worker_that_is_killed_is_replaced(at_work, table, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    process = at_work("seed=1,2", "hydra/launcher=pool")
    wait_for_cells(1, tmp_path, process)
    before, began = len(census(uri).finished), time.monotonic()

    workers_of(process)[0].kill()
    code, err = ended(process)

    settled(uri, before, began, table, "kill -9 of a worker, pool")
    assert code == 0
    assert "to make again" in err


def test_a_job_whose_process_is_killed_gets_another_one(at_work, table, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    process = at_work("seed=1,2", "hydra/launcher=pool")
    wait_for_cells(1, tmp_path, process)
    before, began = len(census(uri).finished), time.monotonic()

    os.kill(working_processes(tmp_path)[0], signal.SIGKILL)
    code, err = ended(process)

    after = settled(uri, before, began, table, "kill -9 of the process of a job, pool")
    assert code == 0
    assert "1 run lost with a worker and made again." in err
    (killed,) = after.of("KILLED")
    assert killed.tags["arogya.error"] == "JobKilled"
    assert "SIGKILL" in killed.tags["arogya.error_message"]


@pytest.mark.parametrize("launcher", ["basic", "pool"])
def test_ctrl_c_leaves_nothing_open(at_work, table, tmp_path, launcher):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    words = ("seed=1,2", f"hydra/launcher={launcher}")
    process = at_work(*words)
    wait_for_cells(1, tmp_path, process)

    os.killpg(process.pid, signal.SIGINT)
    code, err = ended(process)
    stopped = census(uri)
    began = time.monotonic()
    again, _ = ended(at_work(*words))

    fault = f"Ctrl-C, {launcher}"
    settled(uri, len(stopped.finished), began, table, fault)
    assert (code, again) == (130, 0)
    assert "the same command goes on" in err
    assert "Traceback" not in err
    assert stopped.running == 0
    assert [run.status for run in stopped.runs if run.tags["arogya.kind"] == "sweep"] == ["KILLED"]


def test_a_job_that_hangs_is_ended_and_says_where(at_work, tmp_path):
    process = at_work("seed=1", "hydra/launcher=pool", "sweep.job_timeout=15", model="hanging,slow")

    code, err = ended(process)

    found = census(f"sqlite:///{tmp_path}/mlflow.db")
    killed = found.of("KILLED")
    assert code == 3
    assert len(found.finished) == 3
    assert {run.tags["arogya.error"] for run in killed} == {"JobTimeout"}
    assert len({run.tags["arogya.cell"] for run in killed}) == 3
    assert any("wait_for_ever" in run.tags["arogya.traceback"] for run in killed)
    assert "sweep.job_timeout=15" in err
    assert found.running == 0


def test_a_job_that_kills_its_process_twice_stays_killed(at_work, tmp_path):
    process = at_work("seed=1", "hydra/launcher=pool", model="deadly,slow")

    code, err = ended(process)

    found = census(f"sqlite:///{tmp_path}/mlflow.db")
    killed = found.of("KILLED")
    assert code == 3
    assert len(list(tmp_path.glob("deadly-*"))) == 2
    assert len(found.finished) == 3
    assert {run.tags["arogya.error"] for run in killed} == {"JobKilled"}
    assert len({run.tags["arogya.cell"] for run in killed}) == 3
    assert "Not finished" in err
    assert found.running == 0


def test_a_job_without_memory_fails_alone(at_work, tmp_path):
    code, _ = ended(at_work("seed=1", model="greedy,slow"))

    found = census(f"sqlite:///{tmp_path}/mlflow.db")
    failed = found.of("FAILED")
    assert code == 3
    assert len(found.finished) == 3
    assert len({run.tags["arogya.cell"] for run in failed}) == 3
    assert all("MemoryError" in run.tags["arogya.error"] for run in failed)
    assert found.running == 0


@contextmanager
def small_disk(folder, size):
    """A file system of a few megabytes, which only root can mount."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path):
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 2**16)


def test_a_full_disk_fails_cells_and_the_same_command_goes_on(at_work, table, tmp_path):
    with small_disk(tmp_path / "small", "64m") as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        process = at_work("seed=1,2", folder=folder)
        wait_for_cells(2, folder, process)
        ballast = folder / "ballast"
        with pytest.raises(OSError, match="No space"):
            fill(ballast)
        code, err = ended(process)
        ballast.unlink()
        before, began = len(census(uri).finished), time.monotonic()

        again, _ = ended(at_work("seed=1,2", folder=folder))

        settled(uri, before, began, table, "disk full, basic")
        assert (code, again) == (3, 0)
        assert "Fix: " in err
        assert "Traceback" not in err


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def server(tmp_path):
    """An MLflow server on SQLite that can be ended and started again."""
    port, running = free_port(), []

    def start():
        with (tmp_path / "server.log").open("a") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"),
                    *("--port", str(port), "--workers", "1"),
                    *("--backend-store-uri", f"sqlite:///{tmp_path}/server.db"),
                    *("--artifacts-destination", str(tmp_path / "files")),
                ],
                cwd=tmp_path,
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                stdout=log,
                stderr=log,
            )
        running.append(process)
        wait_until(answers, process)

    def answers():
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def stop():
        process = running.pop()
        family = _family(process.pid)
        process.kill()
        process.wait()
        for each in family:
            each.kill()
        wait_until(lambda: not answers())

    start()
    yield Server(uri=f"http://127.0.0.1:{port}", start=start, stop=stop)
    while running:
        stop()


@dataclass(frozen=True, kw_only=True)
class Server:
    uri: str
    start: object
    stop: object


def server_words(server):
    return ("tracking=server", f"tracking.uri={server.uri}", "seed=1,2")


def test_a_server_that_is_away_for_a_minute_is_ridden_out(at_work, server, table, tmp_path):
    process = at_work(*server_words(server))
    wait_until(lambda: list(tmp_path.glob("at-work-*")), process)
    wait_until(lambda: len(census(server.uri).finished) >= 1, process)
    before, began = len(census(server.uri).finished), time.monotonic()
    server.stop()
    time.sleep(60)
    assert process.poll() is None
    server.start()

    code, _ = ended(process)

    settled(server.uri, before, began, table, "server away for 60 s, basic")
    assert code == 0


def test_a_server_that_stays_away_fails_the_job(at_work, server, table, tmp_path):
    """With fewer retries than MLflow's own, so that it need not be away for minutes."""
    process = at_work(*server_words(server), MLFLOW_HTTP_REQUEST_MAX_RETRIES="2")
    wait_until(lambda: list(tmp_path.glob("at-work-*")), process)
    wait_until(lambda: len(census(server.uri).finished) >= 1, process)
    server.stop()
    code, err = ended(process)
    server.start()
    before, began = len(census(server.uri).finished), time.monotonic()

    again, _ = ended(at_work(*server_words(server)))

    settled(server.uri, before, began, table, "server away for good, then back, basic")
    assert (code, again) == (3, 0)
    assert "nothing answers" in err
    assert "Traceback" not in err


def test_two_sweeps_at_once_share_the_work(at_work, table, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    stores.open_store(uri, "study", create=True)
    began = time.monotonic()

    both = [at_work("seed=1,2") for _ in range(2)]
    codes = [ended(process)[0] for process in both]

    after = settled(uri, 0, began, table, "two sweeps in the same second, basic")
    sweeps = after.of("FINISHED", "sweep")
    assert codes == [0, 0]
    assert len(sweeps) == 2
    assert {run.tags["mlflow.parentRunId"] for run in after.of("FINISHED")} <= {
        run.run_id for run in sweeps
    }


def test_eight_sweeps_write_into_one_sqlite_store(at_work, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    stores.open_store(uri, "study", create=True)

    every = [at_work(f"seed={seed}") for seed in range(8)]
    ends = [ended(process) for process in every]

    found = census(uri)
    assert [code for code, _ in ends] == [0] * 8
    assert not any("locked" in err for _, err in ends)
    assert (len(set(found.finished)), found.double, found.half, found.running) == (24, 0, 0, 0)


def test_it_leaves_no_process_behind(at_work, tmp_path):
    before = {each.pid for each in psutil.process_iter()}
    code, _ = ended(at_work("seed=1,2", "hydra/launcher=pool"))

    left = [
        each
        for each in psutil.process_iter()
        if each.pid not in before and str(tmp_path) in _place(each)
    ]
    assert code == 0
    assert left == []


def _place(process):
    try:
        return str(Path(process.cwd()))
    except psutil.Error:
        return ""
