"""A stand-in for Slurm in a folder: what was handed in, what runs, and what ends it."""

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
PATIENT = 120.0  # seconds for whatever a test waits for, on a busy machine


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A batch file that was handed in.

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
        restarts: How often it was put back in the queue.
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
        folder: Everything that it knows.
    """

    folder: Path

    @property
    def environment(self):
        """What a process needs to find this Slurm, and no other."""
        path = os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]])
        return {"PATH": path, "SLURM_STAND_IN": str(self.folder)}

    @property
    def batches(self):
        """In the order in which they were handed in."""
        found = sorted((self.folder / "jobs").glob("*/job.json"), key=lambda f: int(f.parent.name))
        return [
            Batch(
                job_id=file.parent.name,
                options=json.loads(file.read_text(encoding="utf-8"))["options"],
                text=(file.parent / "batch.sh").read_text(encoding="utf-8"),
            )
            for file in found
        ]

    @property
    def tasks(self):
        """By name, in the order in which they were handed in."""
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
        parts = (line.split(" ", 2) for line in text.splitlines())
        return [(float(seconds), name, state) for seconds, name, state in parts]

    def most_at_once(self, job_id):
        """How many tasks of a batch ran side by side at most."""
        running, most = set(), 0
        for _, name, state in self.history(job_id):
            (running.add if state == "RUNNING" else running.discard)(name)
            most = max(most, len(running))
        return most

    def kill(self, name, *, state="NODE_FAIL", requeue=False):
        """End all processes of a task, as when its machine goes away.

        Args:
            name: Of a running task.
            state: That the queue shows then, such as NODE_FAIL or OUT_OF_MEMORY.
            requeue: Whether the task is put back in the queue, as many clusters are set up.
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
        """Warn a task as its batch file asks; it may put itself back in the queue then."""
        options = json.loads((self._job(name) / "job.json").read_text(encoding="utf-8"))["options"]
        asked = options["signal"].partition("@")[0]
        os.kill(self.tasks[name].pid, signal.Signals[f"SIG{asked}"])

    def running(self, count=1):
        """Wait until so many tasks run, and name them."""

        def found():
            return [task.name for task in self.tasks.values() if task.pid is not None]

        self.wait_until(lambda: len(found()) >= count)
        return found()

    def wait(self):
        """Come back when nothing is in the queue any more."""
        self.wait_until(lambda: all(task.over for task in self.tasks.values()))

    def wait_until(self, happened):
        end = time.monotonic() + PATIENT
        while not happened():
            assert time.monotonic() < end, list(self.tasks.values())
            time.sleep(0.05)

    def close(self):
        """End whatever still runs, first the processes that would start more."""
        for file in (self.folder / "jobs").glob("*/job.json"):
            self._end(json.loads(file.read_text(encoding="utf-8"))["keeper"])
        self.wait_until(lambda: not self._kill_all())

    def _kill_all(self):
        found = 0
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                told = process.environ()
                if told.get("SLURM_STAND_IN") == str(self.folder) and "STAND_IN_TASK" in told:
                    process.kill()
                    found += 1
        return found

    def _end(self, pid):
        """End a keeper, unless its number belongs to another process by now."""
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
        kill_wait: Seconds that a cancelled task has before it is killed.
    """
    (folder / "bin").mkdir(parents=True)
    (folder / "jobs").mkdir()
    for name in COMMANDS:
        words = [sys.executable, "-IS", str(STAND_IN), name]
        command = folder / "bin" / name
        command.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        command.chmod(0o755)
    # submitit remembers states by the id alone, for as long as its process lives.
    (folder / "next_id").write_text(str(random.randrange(10**6, 10**9)), encoding="utf-8")
    (folder / "kill_wait").write_text(str(kill_wait), encoding="utf-8")
    return Slurm(folder=folder)
