"""A stand-in for Slurm, whose state is a folder: batches, tasks, and ways to end them."""

import json
import os
import random
import shlex
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

COMMANDS = ("sbatch", "srun", "sacct", "scontrol", "scancel")
STAND_IN = Path(__file__).parent / "slurm" / "stand_in.py"
TIMEOUT_S = 120.0  # of every wait, on a busy machine


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A submitted batch file.

    Attributes:
        options: Of its ``#SBATCH`` lines, such as ``array``, ``gres`` or ``cpus-per-task``.
    """

    job_id: str
    options: dict
    text: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task, as Slurm sees it now.

    Attributes:
        name: Such as 7_2 in an array, and 7 alone.
        pid: Of the process that srun became; None when it does not run.
        restarts: Number of times it was requeued.
    """

    name: str
    state: str
    pid: int | None
    restarts: int

    @property
    def over(self):
        return self.state not in ("PENDING", "REQUEUED", "RUNNING")


@dataclass(frozen=True, kw_only=True)
class Slurm:
    """A Slurm of one test.

    Attributes:
        folder: Contains its state.
    """

    folder: Path

    @property
    def environment(self):
        """Environment variables with which a process uses this Slurm."""
        path = os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]])
        return {"PATH": path, "SLURM_STAND_IN": str(self.folder)}

    @property
    def batches(self):
        """In order of submission."""
        files = sorted((self.folder / "jobs").glob("*/job.json"), key=lambda f: int(f.parent.name))
        return [
            Batch(
                job_id=file.parent.name,
                options=json.loads(file.read_text(encoding="utf-8"))["options"],
                text=(file.parent / "batch.sh").read_text(encoding="utf-8"),
            )
            for file in files
        ]

    @property
    def tasks(self):
        """By name, in order of submission."""
        files = (self.folder / "jobs").glob("*/tasks/[!.]*.json")
        known = [(json.loads(file.read_text(encoding="utf-8")), file) for file in files]
        known.sort(key=lambda pair: pair[0]["raw"])
        return {
            file.stem: Task(name=file.stem, state=task["state"], restarts=task["restarts"], pid=self._pid(file.stem))
            for task, file in known
        }

    def history(self, job_id):
        """Every change of a batch: seconds, task, state."""
        text = (self._job(job_id) / "history").read_text(encoding="utf-8")
        fields = (line.split(" ", 2) for line in text.splitlines())
        return [(float(seconds), name, state) for seconds, name, state in fields]

    def most_at_once(self, job_id):
        """Highest number of tasks of a batch that ran at the same time."""
        running, most = set(), 0
        for _, name, state in self.history(job_id):
            (running.add if state == "RUNNING" else running.discard)(name)
            most = max(most, len(running))
        return most

    def kill(self, name, *, state="NODE_FAIL", requeue=False):
        """Kill all processes of a task, as when its node fails.

        Args:
            name: Of a running task.
            state: Its new state, such as NODE_FAIL or OUT_OF_MEMORY.
            requeue: Whether the task is requeued, as many clusters are configured to do.
        """
        orders = self._job(name) / "orders"
        restarts = self.tasks[name].restarts
        if requeue:
            (orders / f"{name}.requeue").touch()
        new = orders / f".{name}"
        new.write_text(state, encoding="utf-8")
        new.replace(orders / f"{name}.fate")
        self.wait_until(lambda: self.tasks[name].over or self.tasks[name].restarts > restarts)

    def preempt(self, name):
        """Send a task the warning signal that its batch file requests; it may then requeue itself."""
        options = json.loads((self._job(name) / "job.json").read_text(encoding="utf-8"))["options"]
        signal_name = options["signal"].partition("@")[0]
        os.kill(self.tasks[name].pid, signal.Signals[f"SIG{signal_name}"])

    def running(self, count=1):
        """Wait until ``count`` tasks run, and return their names."""

        def names():
            return [task.name for task in self.tasks.values() if task.pid is not None]

        self.wait_until(lambda: len(names()) >= count)
        return names()

    def wait(self):
        """Wait until the queue is empty."""
        self.wait_until(lambda: all(task.over for task in self.tasks.values()))

    def wait_until(self, condition):
        end = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < end, list(self.tasks.values())
            time.sleep(0.05)

    def close(self):
        """Kill everything that still runs, first the processes that would start more."""
        for file in (self.folder / "jobs").glob("*/job.json"):
            self._end(json.loads(file.read_text(encoding="utf-8"))["keeper"])
        self.wait_until(lambda: not self._kill_all())

    def _kill_all(self):
        killed = 0
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                environment = process.environ()
                if environment.get("SLURM_STAND_IN") == str(self.folder) and "STAND_IN_TASK" in environment:
                    process.kill()
                    killed += 1
        return killed

    def _end(self, pid):
        """Kill a keeper, unless its process id now belongs to another process."""
        with suppress(psutil.Error):
            keeper = psutil.Process(pid)
            if str(STAND_IN) in keeper.cmdline():
                keeper.kill()
                self.wait_until(lambda: keeper.status() == psutil.STATUS_ZOMBIE)

    def _pid(self, name):
        with suppress(FileNotFoundError):
            pid = int((self._job(name) / "steps" / name).read_text(encoding="utf-8"))
            return pid if psutil.pid_exists(pid) else None

    def _job(self, name):
        return self.folder / "jobs" / name.partition("_")[0]


def opened(folder, *, kill_wait=3.0):
    """A Slurm in a folder, with its commands.

    Args:
        folder: A new one.
        kill_wait: Seconds until a cancelled task is killed.
    """
    (folder / "bin").mkdir(parents=True)
    (folder / "jobs").mkdir()
    for name in COMMANDS:
        command = shlex.join([sys.executable, "-IS", str(STAND_IN), name])
        script = folder / "bin" / name
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    # submitit remembers states by the id alone, for as long as its process lives.
    (folder / "next_id").write_text(str(random.randrange(10**6, 10**9)), encoding="utf-8")
    (folder / "kill_wait").write_text(str(kill_wait), encoding="utf-8")
    return Slurm(folder=folder)
