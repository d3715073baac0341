"""Whose turn it is."""

import socket
import subprocess
import sys
import time

import pytest

from arogya_bench.errors import ModelError
from arogya_bench.runtime.locks import cell_lock, machine_lock

HOLD = """
import os, pathlib, sys, time
from arogya_bench.runtime.locks import cell_lock, machine_lock
turn = {"cell": lambda: cell_lock("abcd"), "beside": lambda: machine_lock(exclusive=False),
        "alone": lambda: machine_lock(exclusive=True)}[sys.argv[1]]
with turn():
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
    pathlib.Path(os.environ["AROGYA_CACHE"], "released").touch()
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AROGYA_CACHE", str(tmp_path))


@pytest.fixture
def holding():
    """Hold a turn in another process."""
    started = []

    def hold(turn, seconds=600.0):
        process = subprocess.Popen([sys.executable, "-c", HOLD, turn, str(seconds)], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def waited(turn):
    began = time.monotonic()
    with turn:
        return time.monotonic() - began


def test_a_cell_is_made_by_one_process_at_a_time(holding, tmp_path):
    holding("cell", 1.5)

    with cell_lock("abcd"):
        assert (tmp_path / "released").exists()


def test_another_cell_need_not_wait(holding):
    holding("cell")

    assert waited(cell_lock("ffff")) < 60


def test_a_dead_process_loses_its_turn(holding):
    other = holding("cell")
    other.kill()
    other.wait()

    assert waited(cell_lock("abcd")) < 60


def test_jobs_work_beside_each_other(holding, capsys):
    holding("beside")

    waited(machine_lock(exclusive=False))

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("theirs", "alone", "told"),
    [("beside", True, "until this machine is idle"), ("alone", False, "free for other jobs")],
)
def test_what_is_timed_shares_its_machine_with_nobody(holding, capsys, tmp_path, theirs, alone, told):
    holding(theirs, 1.5)

    with machine_lock(exclusive=alone):
        assert (tmp_path / "released").exists()

    assert told in capsys.readouterr().err


def test_a_quiet_machine_is_one_machine_though_others_share_its_cache(tmp_path):
    with machine_lock(exclusive=True):
        pass

    assert (tmp_path / f"machine-{socket.gethostname()}.lock").exists()


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("AROGYA_CACHE", str(tmp_path / "file"))

    with pytest.raises(ModelError, match="cannot be written"), cell_lock("abcd"):
        pass
