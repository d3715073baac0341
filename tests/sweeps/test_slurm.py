"""What a broken launch on Slurm left in the queue is waited for, or cancelled."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("submitit")

SUBMIT = """
import sys, time
import submitit

folder, at_once, *seconds = sys.argv[1:]
executor = submitit.AutoExecutor(folder=folder, cluster="slurm")
executor.update_parameters(slurm_array_parallelism=int(at_once))
executor.map_array(time.sleep, map(float, seconds))
"""
END_REST = """
import sys
from pathlib import Path

from arogya_bench.sweeps.slurm import wait_or_cancel

wait_or_cancel(Path(sys.argv[1]), cancel=sys.argv[2] == "cancel")
"""


@pytest.fixture
def python(slurm, tmp_path):
    """Run a script in a process that finds this Slurm; submitit keeps what it knows of one."""

    def run(script, *words):
        return subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / ".submitit" / "%j"), *map(str, words)],
            env={**os.environ, **slurm.environment},
            check=True,
            timeout=120,
        )

    return run


def states(slurm):
    return [task.state.split()[0] for task in slurm.tasks.values()]


@pytest.mark.slow
def test_tasks_that_run_and_wait_are_waited_for(slurm, python):
    python(SUBMIT, 2, 60, 2, 2)
    slurm.running(2)
    slurm.kill(next(iter(slurm.tasks)))

    python(END_REST, "wait")
    slurm.wait()  # submitit calls a task done when its result is there, a moment earlier

    assert states(slurm) == ["NODE_FAIL", "COMPLETED", "COMPLETED"]


@pytest.mark.slow
def test_a_task_that_was_put_back_in_the_queue_is_waited_for(slurm, python):
    python(SUBMIT, 1, 4)
    (name,) = slurm.running()
    slurm.kill(name, requeue=True)

    python(END_REST, "wait")
    slurm.wait()

    assert states(slurm) == ["COMPLETED"]


@pytest.mark.slow
def test_tasks_that_run_and_wait_are_cancelled(slurm, python):
    python(SUBMIT, 1, 60, 60)
    slurm.running()

    python(END_REST, "cancel")

    assert states(slurm) == ["CANCELLED", "CANCELLED"]


def test_a_launch_that_was_cut_off_while_it_handed_in_is_cancelled(slurm, python, tmp_path):
    """submitit names its files by the id that sbatch gives, and may not have come to all."""
    python(SUBMIT, 2, 60, 60)
    for submitted in tmp_path.rglob("*_submitted.pkl"):
        submitted.rename(tmp_path / ".submitit" / f"{submitted.parent.name}.hex.pkl")

    python(END_REST, "cancel")
    slurm.wait()

    assert states(slurm) == ["CANCELLED", "CANCELLED"]


def test_a_folder_without_submissions_is_nothing_to_wait_for(slurm, python):
    python(END_REST, "wait")

    assert states(slurm) == []
