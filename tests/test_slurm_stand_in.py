"""The stand-in for Slurm behaves as submitit and Hydra's Slurm launcher expect."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

pytest.importorskip("submitit")
pytest.importorskip("hydra_plugins.hydra_submitit_launcher")

APP = """
import os
import time
from pathlib import Path

import hydra


@hydra.main(version_base=None, config_path=None)
def main(config):
    note = Path(f"note-{config.n}")
    with note.open("a") as file:
        restarts = os.environ.get("SLURM_RESTART_COUNT", "0")
        print("job", os.environ["SLURM_JOB_ID"], "restarts", restarts, file=file)
    while not Path(f"go-{config.n}").exists() and not Path("go").exists():
        time.sleep(0.05)
    with note.open("a") as file:
        print("done", file=file)


if __name__ == "__main__":
    main()
"""


@pytest.fixture
def do(slurm, tmp_path):
    """Run a command of this Slurm, and return its output."""

    def run(*words):
        env = {**os.environ, **slurm.environment}
        ended = subprocess.run(words, cwd=tmp_path, env=env, check=True, capture_output=True, text=True, timeout=60)
        return ended.stdout

    return run


@pytest.fixture
def hand_in(do, tmp_path):
    """Submit a batch file, whose tasks take as long as the arguments say."""

    def submit(*options, command="sleep 60"):
        lines = [f"#SBATCH --{option}" for option in options]
        srun = f"srun --unbuffered --output {tmp_path}/%j.out --error {tmp_path}/%j.err {command}"
        file = tmp_path / "batch.sh"
        file.write_text("\n".join(["#!/bin/bash", *lines, srun, ""]), encoding="utf-8")
        return do("sbatch", str(file)).split()[-1]

    return submit


@dataclass(frozen=True, kw_only=True)
class Sweep:
    process: subprocess.Popen
    folder: Path

    def go(self, name=""):
        (self.folder / f"go{name}").touch()

    def ended(self):
        out, _ = self.process.communicate(timeout=120)
        return self.process.returncode, out

    def note(self, n):
        return (self.folder / f"note-{n}").read_text(encoding="utf-8").splitlines()

    def at_work(self, slurm, count=4):
        """Wait until so many jobs are in the app itself, where signals find submitit ready."""
        slurm.wait_until(lambda: len(list(self.folder.glob("note-*"))) >= count)


@pytest.fixture
def sweep(slurm, tmp_path):
    """Start a sweep of a small Hydra app on Slurm; its jobs wait for the test."""
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    running = []

    def start(*words, jobs=4):
        numbers = ",".join(map(str, range(jobs)))
        process = subprocess.Popen(
            [
                *(sys.executable, "app.py", "-m", "hydra/launcher=submitit_slurm"),
                *("hydra.sweep.dir=swept", f"+n={numbers}", *words),
            ],
            cwd=tmp_path,
            env={**os.environ, **slurm.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(process)
        return Sweep(process=process, folder=tmp_path)

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def states(slurm):
    return [task.state for task in slurm.tasks.values()]


def test_an_array_runs_as_many_tasks_at_once_as_it_says(slurm, hand_in, tmp_path):
    job = hand_in("array=0-4%2", command="sleep 0.2")

    slurm.wait()

    assert states(slurm) == ["COMPLETED"] * 5
    assert slurm.most_at_once(job) == 2


def test_a_batch_without_an_array_is_one_task(slurm, hand_in, tmp_path):
    job = hand_in("time=60", command='echo "$SLURM_JOB_ID,$SLURM_ARRAY_JOB_ID"')

    slurm.wait()

    assert list(slurm.tasks) == [job]
    assert (tmp_path / f"{job}.out").read_text(encoding="utf-8") == f"{job},\n"


def test_tasks_of_an_array_have_ids_of_their_own(slurm, hand_in, tmp_path):
    said = "$SLURM_ARRAY_JOB_ID,$SLURM_ARRAY_TASK_ID,$SLURM_JOB_ID"
    job = hand_in("array=0-1%2", command=f'echo "{said}"')

    slurm.wait()

    names = [f"{job}_0", f"{job}_1"]
    lines = [(tmp_path / f"{name}.out").read_text(encoding="utf-8").strip() for name in names]
    assert [line.split(",")[:2] for line in lines] == [[job, "0"], [job, "1"]]
    assert len({line.split(",")[2] for line in lines} | {job}) == 3


def test_the_queue_shows_what_runs_and_what_waits(slurm, hand_in, do):
    job = hand_in("array=0-3%1")
    slurm.running()

    lines = do("sacct", "-o", "JobID,State,NodeList", "--parsable2", "-j", job).splitlines()

    assert lines == [
        "JobID|State|NodeList",
        f"{job}_[1,2,3]|PENDING|None assigned",
        f"{job}_0|RUNNING|stand-in",
        f"{job}_0.batch|RUNNING|stand-in",
    ]


def test_a_cancelled_batch_ends_whether_it_runs_or_waits(slurm, hand_in, do):
    job = hand_in("array=0-2%1")
    slurm.running()

    do("scancel", job)
    slurm.wait()

    assert {state.split()[0] for state in states(slurm)} == {"CANCELLED"}


@pytest.mark.slow
def test_a_task_that_ignores_the_end_is_killed(slurm, hand_in, do):
    hand_in(command="bash -c \"trap '' TERM; while true; do sleep 0.1; done\"")
    (name,) = slurm.running()

    do("scancel", name)
    slurm.wait()

    assert states(slurm)[0].startswith("CANCELLED")


def test_a_task_that_fails_is_shown_as_failed(slurm, hand_in):
    hand_in(command="false")

    slurm.wait()

    assert states(slurm) == ["FAILED"]


def test_a_machine_that_fails_takes_one_task_with_it(slurm, hand_in):
    job = hand_in("array=0-1%2")
    slurm.running(2)

    slurm.kill(f"{job}_1")

    assert states(slurm) == ["RUNNING", "NODE_FAIL"]


def test_a_cluster_may_put_the_task_of_a_failed_machine_back(slurm, hand_in):
    job = hand_in()
    slurm.running()

    slurm.kill(job, requeue=True)
    slurm.running()

    assert slurm.tasks[job].restarts == 1


def test_a_requeued_task_runs_again_and_can_know(slurm, hand_in, do, tmp_path):
    twice = "echo ${SLURM_RESTART_COUNT:-0}; test $SLURM_RESTART_COUNT || sleep 60"
    job = hand_in(command=f"bash -c '{twice}'")
    out = tmp_path / f"{job}.out"
    slurm.wait_until(lambda: out.exists() and out.read_text(encoding="utf-8"))

    do("scontrol", "requeue", job)
    slurm.wait()

    assert out.read_text(encoding="utf-8") == "0\n1\n"


def test_nothing_runs_on_when_it_is_closed(slurm, hand_in):
    hand_in("array=0-3%2", command="bash -c 'sleep 61 & sleep 62'")
    slurm.running(2)
    pids = [task.pid for task in slurm.tasks.values() if task.pid]

    slurm.close()

    alive = [pid for pid in pids if psutil.pid_exists(pid)]
    assert [pid for pid in alive if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.slow
def test_hydra_hands_in_a_sweep_as_one_array(slurm, sweep):
    running = sweep(
        "hydra.launcher.array_parallelism=2",
        "hydra.launcher.gres=gpu:1",
        "hydra.launcher.cpus_per_task=3",
        "hydra.launcher.partition=short",
        "hydra.launcher.timeout_min=90",
    )
    running.go()

    code, out = running.ended()
    slurm.wait()  # the launcher returns when it has the results, a moment earlier

    (batch,) = slurm.batches
    asked = {key: batch.options[key] for key in ("array", "gres", "cpus-per-task", "partition")}
    assert code == 0, out
    assert asked == {"array": "0-3%2", "gres": "gpu:1", "cpus-per-task": "3", "partition": "short"}
    assert batch.options["time"] == "90"
    assert states(slurm) == ["COMPLETED"] * 4
    assert slurm.most_at_once(batch.job_id) == 2


@pytest.mark.slow
def test_hydra_hands_in_one_job_without_an_array(slurm, sweep):
    running = sweep(jobs=1)
    running.go()

    code, out = running.ended()

    assert code == 0, out
    assert "array" not in slurm.batches[0].options


@pytest.mark.slow
def test_hydra_gives_up_on_a_killed_task_while_others_run(slurm, sweep):
    """In the order of the jobs: it waits for those before the killed one, not for those after."""
    running = sweep()
    running.at_work(slurm)
    first = next(iter(slurm.tasks))

    slurm.kill(first)
    code, out = running.ended()

    assert code == 1
    assert f"Job {first} (task: 0)" in out
    assert "has not produced any output (state: NODE_FAIL)" in out
    assert states(slurm) == ["NODE_FAIL"] + ["RUNNING"] * 3
    running.go()
    slurm.wait()
    assert states(slurm) == ["NODE_FAIL"] + ["COMPLETED"] * 3


@pytest.mark.slow
def test_hydra_never_notices_that_a_task_was_preempted(slurm, sweep):
    running = sweep()
    running.at_work(slurm)
    name = list(slurm.tasks)[1]

    slurm.preempt(name)
    slurm.wait_until(lambda: len(running.note(1)) == 2)
    running.go()
    code, out = running.ended()

    assert code == 0, out
    assert slurm.tasks[name].restarts == 1
    assert [line.split()[-1] for line in running.note(1)] == ["0", "1", "done"]
