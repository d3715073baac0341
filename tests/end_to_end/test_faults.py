"""Sweeps whose processes, disk or server fail; the same command resumes them.

Cells are counted before and after each fault: none is lost, double or half-written.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from real_sweeps import (
    CELLS,
    census,
    ended,
    family,
    finished_cells,
    wait_for_cells,
    wait_until,
    workers_of,
    working_processes,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def table(request):
    """The effect of each fault, printed at the end unless tests are distributed to workers."""
    rows = []
    yield rows
    plugins = request.config.pluginmanager
    reporter = plugins.getplugin("terminalreporter")
    if reporter is None:
        return
    head = ("fault", "cells before", "after", "lost", "double", "half-written", "finished in")
    with plugins.getplugin("capturemanager").global_and_fixture_disabled():
        for row in (head, *rows):
            line = f"{row[0]:44}" + "".join(f"{value!s:>13}" for value in row[1:])
            reporter.write_line(line)


def settled(uri, before, began, table, fault, *, cells=CELLS):
    """Count the cells after the same command has ended."""
    after = census(uri)
    lost = cells - len(set(after.finished))
    seconds = time.monotonic() - began
    row = (fault, before, len(after.finished), lost, after.double, after.incomplete, f"{seconds:.0f} s")
    table.append(row)
    assert (lost, after.double, after.incomplete, after.running) == (0, 0, 0, 0)
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
    assert "left open by a killed process" in err
    # No cell is open if the kill came between two of them.
    assert {run.tags["arogya.error"] for run in after.of("KILLED")} <= {"WorkerLost"}


def test_workers_die_with_a_driver_that_is_killed(at_work, table, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    process = at_work("seed=1,2", "hydra/launcher=pool")
    wait_for_cells(1, tmp_path, process)
    process.kill()
    process.wait()
    wait_until(lambda: not working_processes(tmp_path))
    wait_until(lambda: not [process for process in psutil.process_iter() if is_in(process, tmp_path)])
    before, began = len(census(uri).finished), time.monotonic()

    code, _ = ended(at_work("seed=1,2", "hydra/launcher=pool"))

    settled(uri, before, began, table, "kill -9 of the driver, pool")
    assert code == 0


def test_a_worker_that_is_killed_is_replaced(at_work, table, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    process = at_work("seed=1,2", "hydra/launcher=pool")
    wait_for_cells(1, tmp_path, process)
    before, began = finished_cells(tmp_path), time.monotonic()

    workers_of(process)[0].kill()
    code, err = ended(process)

    settled(uri, before, began, table, "kill -9 of a worker, pool")
    assert code == 0
    assert "Retrying" in err
    assert [process for process in psutil.process_iter() if is_in(process, tmp_path)] == []


def test_a_worker_that_is_killed_before_it_made_a_run_is_replaced(at_work, table, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    process = at_work("seed=1,2", "hydra/launcher=pool")
    wait_until(lambda: workers_of(process), process)
    began = time.monotonic()

    workers_of(process)[0].kill()
    code, err = ended(process)

    settled(uri, 0, began, table, "kill -9 of a worker at its start, pool")
    assert code == 0
    assert "Retrying" in err


def test_a_job_whose_process_is_killed_gets_another_one(at_work, table, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    process = at_work("seed=1,2", "hydra/launcher=pool")
    wait_for_cells(1, tmp_path, process)
    time.sleep(0.4)  # in the middle of the next cell, which takes a second
    before, began = finished_cells(tmp_path), time.monotonic()

    os.kill(working_processes(tmp_path)[0], signal.SIGKILL)
    code, err = ended(process)

    after = settled(uri, before, began, table, "kill -9 of the process of a job, pool")
    assert code == 0
    assert "1 run retried after a worker was lost." in err
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
    assert "run the same command again to resume" in err
    assert "Traceback" not in err
    assert stopped.running == 0
    assert [run.status for run in stopped.runs if run.tags["arogya.kind"] == "sweep"] == ["KILLED"]


def test_a_job_that_hangs_is_ended_and_says_where(at_work, tmp_path):
    process = at_work("seed=1", "hydra/launcher=pool", "sweep.job_timeout=30", model="hanging,slow")

    code, err = ended(process)

    found = census(f"sqlite:///{tmp_path}/mlflow.db")
    killed = found.of("KILLED")
    assert code == 3
    assert len(found.finished) == 3
    assert {run.tags["arogya.error"] for run in killed} == {"JobTimeout"}
    assert len({run.tags["arogya.cell_key"] for run in killed}) == 3
    assert any("wait_for_ever" in run.tags["arogya.traceback"] for run in killed)
    assert "sweep.job_timeout=30" in err
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
    assert len({run.tags["arogya.cell_key"] for run in killed}) == 3
    assert "Not finished" in err
    assert found.running == 0


def test_a_job_without_memory_fails_alone(at_work, tmp_path):
    code, _ = ended(at_work("seed=1", model="greedy,slow"))

    found = census(f"sqlite:///{tmp_path}/mlflow.db")
    failed = found.of("FAILED")
    assert code == 3
    assert len(found.finished) == 3
    assert len({run.tags["arogya.cell_key"] for run in failed}) == 3
    assert all("MemoryError" in run.tags["arogya.error"] for run in failed)
    assert found.running == 0


@contextmanager
def small_disk(folder, size):
    """A file system of a few megabytes, which only root can mount."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, text=True
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
        others = family(process.pid)
        process.kill()
        process.wait()
        for each in others:
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
    assert "no server responds" in err
    assert "Traceback" not in err


def test_two_sweeps_at_once_share_the_work(at_work, table, tmp_path):
    """The store is new, too: they make it one after the other."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    began = time.monotonic()

    both = [at_work("seed=1,2") for _ in range(2)]
    ends = [ended(process) for process in both]

    after = settled(uri, 0, began, table, "two sweeps in the same second, basic")
    sweeps = after.of("FINISHED", "sweep")
    assert [code for code, _ in ends] == [0, 0], ends
    assert len(sweeps) == 2
    assert {run.tags["mlflow.parentRunId"] for run in after.of("FINISHED")} <= {run.run_id for run in sweeps}


def test_eight_sweeps_write_into_one_sqlite_store(at_work, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"

    every = [at_work(f"seed={seed}") for seed in range(8)]
    ends = [ended(process) for process in every]

    found = census(uri)
    assert [code for code, _ in ends] == [0] * 8, [err for code, err in ends if code]
    assert not any("locked" in err for _, err in ends)
    assert (len(set(found.finished)), found.double, found.incomplete, found.running) == (24, 0, 0, 0)


def is_in(process, folder):
    """Whether a process has its working folder there."""
    try:
        return Path(process.cwd()).is_relative_to(folder)
    except psutil.Error:
        return False
