"""The place where one fit is made."""

import json
import os
import subprocess
import sys
import time

import pytest

from arogya_bench.errors import ModelError
from arogya_bench.evaluation.fit_folder import ABANDONED_AFTER_S, FITS_FOLDER, TrainingResult, lock_fit_folder
from arogya_bench.types import FitReport

HOLD = """
import sys, time
from arogya_bench.evaluation.fit_folder import lock_fit_folder
with lock_fit_folder("one") as place:
    place.begin("run-1")
    (place.out / "weights").write_text("half")
    print("held", flush=True)
    time.sleep(float(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AROGYA_CACHE", str(tmp_path))
    return tmp_path / FITS_FOLDER


def holder(seconds):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_dead_process_gives_up_its_lock_and_leaves_its_work():
    process = holder(600)
    process.kill()
    process.communicate()

    with lock_fit_folder("one") as place:
        assert place.read_interrupted_state().run_id == "run-1"
        assert (place.out / "weights").read_text() == "half"
        state = place.begin("run-1")

    assert state.interruptions == 1
    assert state.previous_seconds >= 0


def test_whoever_waits_is_told_for_whom(capsys):
    process = holder(1.5)

    with lock_fit_folder("one"):
        process.communicate()

    assert f"Waiting for a fit that process {process.pid} on " in capsys.readouterr().err
    assert process.returncode == 0


def test_another_run_starts_its_own_account():
    with lock_fit_folder("one") as place:
        place.begin("run-1")
        state = place.begin("run-2")

    assert (state.interruptions, state.previous_seconds) == (0, 0.0)


def test_nothing_is_left_of_a_fit_that_was_cleared(cache):
    with lock_fit_folder("one") as place:
        place.begin("run-1")
        place.clear()

    with lock_fit_folder("one") as place:
        assert place.read_interrupted_state() is None
        assert not list(place.out.iterdir())


def test_a_state_that_was_half_written_counts_as_none():
    with lock_fit_folder("one") as place:
        (place.folder / "state.json").write_text(json.dumps({"run_id": "a"}))

        assert place.read_interrupted_state() is None


def test_what_nobody_came_back_to_is_removed(cache):
    with lock_fit_folder("old") as place:
        place.begin("run-1")
    then = time.time() - ABANDONED_AFTER_S - 60
    os.utime(cache / "old", (then, then))

    with lock_fit_folder("new"):
        pass

    assert not (cache / "old").exists()


def test_a_cache_that_cannot_be_written_is_said_with_its_variable(cache):
    cache.write_text("a file where the folder should be")

    with pytest.raises(ModelError, match="cannot be written") as caught, lock_fit_folder("one"):
        pass

    assert "AROGYA_CACHE" in caught.value.fix


def test_ones_own_folder_is_never_swept_out_whatever_its_age(cache):
    with lock_fit_folder("one") as place:
        (place.out / "weights").write_text("half")
    then = time.time() - ABANDONED_AFTER_S - 60
    os.utime(cache / "one", (then, then))

    with lock_fit_folder("one") as place:
        assert (place.out / "weights").read_text() == "half"


def test_an_old_folder_that_somebody_holds_stays(cache):
    process = holder(600)
    then = time.time() - ABANDONED_AFTER_S - 60
    os.utime(cache / "one", (then, then))

    with lock_fit_folder("two"):
        pass

    process.kill()
    process.communicate()
    assert (cache / "one" / "out" / "weights").exists()


def test_a_training_that_ended_is_kept_until_mlflow_has_it():
    ended = TrainingResult(
        report=FitReport(curves=({"val_loss": 0.5},), best_epoch=1, notes=("a note",)),
        seconds=2.5,
        ram_increase_mb=300.0,
    )
    with lock_fit_folder("one") as place:
        assert place.load_result() is None
        place.save_result(ended)

    with lock_fit_folder("one") as place:
        assert place.load_result() == ended


def test_a_training_that_an_earlier_version_ended_is_kept_without_its_memory():
    report = {"curves": [], "best_epoch": None, "gpu_peak_mb": None, "notes": []}
    with lock_fit_folder("one") as place:
        stored = json.dumps({"report": report, "seconds": 2.5, "ram_peak_mb": 300.0})
        (place.folder / "finished.json").write_text(stored)

        assert place.load_result() == TrainingResult(report=FitReport(), seconds=2.5, ram_increase_mb=None)
