"""sbatch, srun, sacct, scontrol and scancel, as far as submitit uses them, on this machine alone.

The folder that ``SLURM_STAND_IN`` names holds everything that is known::

    next_id                 of the next batch; locked while it is taken
    kill_wait               seconds between SIGTERM and SIGKILL
    jobs/ID/batch.sh        as it was handed in
    jobs/ID/job.json        its options, and the process that keeps it
    jobs/ID/tasks/NAME.json state of a task; written by that process alone
    jobs/ID/orders/NAME.*   what others want of a task: cancel, requeue, or a state to die in
    jobs/ID/steps/NAME      the process that srun became
    jobs/ID/history         one line for each change: seconds, task, state
"""

# ruff: noqa: T201  (printing is what these commands are for)

import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

STATE = Path(os.environ["SLURM_STAND_IN"])
JOBS = STATE / "jobs"
POLL_S = 0.05
NODE = "stand-in"
# Of srun and sbatch; what else submitit writes into a batch file asks for resources.
ONE = ("nodes", "ntasks-per-node", "ntasks")
WAITING = ("PENDING", "REQUEUED")


def write(path, text):
    """Write a file that nobody sees half-written."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def save(job, name, task):
    write(JOBS / job / "tasks" / f"{name}.json", json.dumps(task))
    with (JOBS / job / "history").open("a", encoding="utf-8") as history:
        history.write(f"{time.monotonic()} {name} {task['state']}\n")


def tasks_of(job):
    """The tasks of a batch by name, in the order of their indices."""
    files = (JOBS / job / "tasks").glob("[!.]*.json")
    tasks = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}
    return dict(sorted(tasks.items(), key=lambda pair: pair[1]["raw"]))


def named(word):
    """The job and the tasks that a word such as 7, 7_2 or 7.0 names."""
    job = word.partition(".")[0].partition("_")[0]
    if not (JOBS / job).is_dir():
        sys.exit(f"error: Invalid job id specified: {word}")
    names = list(tasks_of(job)) if "_" not in word else [word]
    return job, names


def order(job, name, what, text=""):
    write(JOBS / job / "orders" / f"{name}.{what}", text)


# sbatch


def options_of(text):
    lines = [line for line in text.splitlines() if line.startswith("#SBATCH ")]
    words = [word for line in lines for word in shlex.split(line.removeprefix("#SBATCH "))]
    pairs = (word.removeprefix("--").partition("=") for word in words)
    return {key: value if is_set else True for key, is_set, value in pairs}


def sbatch(words):
    (file,) = words
    text = Path(file).read_text(encoding="utf-8")
    options = options_of(text)
    if any(options.get(key, "1") != "1" for key in ONE):
        sys.exit("sbatch: error: the stand-in runs one task on one node")
    indices, at_once = array_of(options.get("array"))
    job = taken(len(indices) + 1)
    folder = JOBS / str(job)
    for part in ("tasks", "orders", "steps"):
        (folder / part).mkdir(parents=True)
    write(folder / "batch.sh", text)
    for place, index in enumerate(indices, 1):
        name = str(job) if index is None else f"{job}_{index}"
        # A task has an id of its own behind the one that people see.
        raw = job if index is None else job + place
        task = {"state": "PENDING", "raw": raw, "index": index, "restarts": 0}
        save(str(job), name, task)
    keeper = subprocess.Popen(
        [sys.executable, "-I", __file__, "keep", str(job), str(at_once)],
        stdin=subprocess.DEVNULL,
        stdout=(folder / "keeper.log").open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    write(folder / "job.json", json.dumps({"options": options, "keeper": keeper.pid}))
    print(f"Submitted batch job {job}")


def array_of(text):
    """The indices of an array such as 0-3%2, and how many may run at once."""
    if text is None:
        return [None], 1
    ranges, _, at_once = text.partition("%")
    indices = []
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        indices += range(int(first), int(last or first) + 1)
    return indices, int(at_once or len(indices))


def taken(count):
    """Ids of its own for a batch and its tasks."""
    with (STATE / "next_id").open("r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        first = int(file.read())
        file.seek(0)
        file.write(str(first + count))
    return first


# srun


def srun(words):
    paths, command = split(words)
    name, index = os.environ["STAND_IN_TASK"], os.environ.get("SLURM_ARRAY_TASK_ID", "")
    job = name.partition("_")[0]
    for key, stream in (("output", 1), ("error", 2)):
        if key in paths:
            os.dup2(opened(filled(paths[key], job, name, index)), stream)
    if "error" not in paths:
        os.dup2(1, 2)
    write(JOBS / job / "steps" / name, str(os.getpid()))
    os.execvp(command[0], command)  # so that this is the process that gets the signals


def split(words):
    """The paths that srun is told, and the command after its options."""
    paths, rest = {}, list(words)
    while rest and rest[0].startswith("--"):
        key, is_set, value = rest.pop(0).removeprefix("--").partition("=")
        if key in ("output", "error"):
            paths[key] = value if is_set else rest.pop(0)
    return paths, rest


def filled(path, job, name, index):
    for mark, value in (("%j", name), ("%A", job), ("%a", index), ("%t", "0")):
        path = path.replace(mark, value)
    return path


def opened(path):
    # submitit makes this folder right after sbatch, which on a real cluster is soon enough.
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)


# sacct, scontrol, scancel


def sacct(words):
    jobs = [words[at + 1] for at, word in enumerate(words) if word == "-j"]
    print("JobID|State|NodeList")
    for job in jobs:
        if not (JOBS / job).is_dir():
            continue
        for line in lines_of(job, tasks_of(job)):
            print(line)


def lines_of(job, tasks):
    """As sacct has it: what never started of an array stands in one line."""
    fresh = [str(t["index"]) for t in tasks.values() if unstarted(t) and t["index"] is not None]
    if fresh:
        yield f"{job}_[{','.join(fresh)}]|PENDING|None assigned"
    for name, task in tasks.items():
        if unstarted(task) and task["index"] is not None:
            continue
        node = "None assigned" if task["state"] == "PENDING" else NODE
        yield f"{name}|{task['state']}|{node}"
        if task["state"] not in WAITING:
            yield f"{name}.batch|{task['state']}|{node}"


def unstarted(task):
    return task["state"] == "PENDING" and not task["restarts"]


def scontrol(words):
    if words[:2] == ["show", "hostnames"]:
        print(NODE)
        return
    verb, word = words
    if verb != "requeue":
        sys.exit(f"invalid keyword: {verb}")
    job, names = named(word)
    for name in names:
        if tasks_of(job)[name]["state"] != "RUNNING":
            sys.exit(f"Job is not running for job {name}")
        order(job, name, "requeue")


def scancel(words):
    targets, sent, rest = [], None, list(words)
    while rest:
        word = rest.pop(0)
        if word in ("--signal", "-s"):
            sent = rest.pop(0)
        elif word.startswith("--signal="):
            sent = word.partition("=")[2]
        else:
            targets.append(word)
    for job, names in map(named, targets):
        for name in names:
            if sent is None:
                order(job, name, "cancel")
            else:
                send(job, name, signal.Signals[f"SIG{sent.removeprefix('SIG')}"])


def send(job, name, number):
    """Only to the process that srun started, as Slurm's process tracking by cgroups does."""
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((JOBS / job / "steps" / name).read_text(encoding="utf-8")), number)


# The process that keeps one batch: Slurm's controller and its daemons on the nodes


class Keeper:
    """Runs the tasks of one batch, so many at once, until all have ended."""

    def __init__(self, job, at_once):
        self.job, self.at_once = job, at_once
        self.folder = JOBS / job
        self.tasks = tasks_of(job)
        self.shells, self.deadlines = {}, {}
        self.text = (self.folder / "batch.sh").read_text(encoding="utf-8")
        self.output = str(options_of(self.text).get("output", f"slurm-{job}.out"))

    def keep(self):
        while self.shells or any(t["state"] == "PENDING" for t in self.tasks.values()):
            for name in list(self.tasks):
                self.look_after(name)
            waiting = [name for name, t in self.tasks.items() if t["state"] == "PENDING"]
            for name in waiting[: self.at_once - len(self.shells)]:
                self.start(name)
            time.sleep(POLL_S)

    def look_after(self, name):
        if name in self.shells:
            self.press(name)
            if self.shells[name].poll() is not None:
                self.close(name)
        elif self.tasks[name]["state"] == "PENDING" and self.ordered(name, "cancel") is not None:
            self.change(name, state=f"CANCELLED by {os.getuid()}")

    def start(self, name):
        task = self.tasks[name]
        output = filled(self.output, self.job, name, str(task["index"]))
        with os.fdopen(opened(output), "a") as file:
            self.shells[name] = subprocess.Popen(
                ["bash", str(self.folder / "batch.sh")],
                env={**os.environ, **variables(self.job, name, task)},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        self.change(name, state="RUNNING")

    def press(self, name):
        """See that a task ends that should: at once, or when it has had its time."""
        if self.ordered(name, "fate") is not None:
            self.kill(name)
        elif {"cancel", "requeue"} & self.orders(name):
            if name not in self.deadlines:
                wait = float((STATE / "kill_wait").read_text(encoding="utf-8"))
                self.deadlines[name] = time.monotonic() + wait
                send(self.job, name, signal.SIGCONT)
                send(self.job, name, signal.SIGTERM)
            elif time.monotonic() > self.deadlines[name]:
                self.kill(name)

    def close(self, name):
        while self.kill(name):  # nothing of a task outlives it
            time.sleep(POLL_S)
        code = self.shells.pop(name).returncode
        orders, fate = self.orders(name), self.ordered(name, "fate")
        state = fate or ("FAILED" if code else "COMPLETED")
        if "cancel" in orders:
            state = f"CANCELLED by {os.getuid()}"
        elif "requeue" in orders:
            self.change(name, state="REQUEUED")
            state = "PENDING"
            self.tasks[name]["restarts"] += 1
        for file in (self.folder / "orders").glob(f"{name}.*"):
            file.unlink()
        (self.folder / "steps" / name).unlink(missing_ok=True)
        self.deadlines.pop(name, None)
        self.change(name, state=state)

    def kill(self, name):
        """Kill every process of a task, and say how many there were."""
        import psutil  # the other commands start without the packages of the environment

        marks, found = {"SLURM_STAND_IN": str(STATE), "STAND_IN_TASK": name}, 0
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if marks.items() <= process.environ().items():
                    process.kill()
                    found += 1
        return found

    def orders(self, name):
        files = (self.folder / "orders").glob(f"{name}.*")
        return {file.suffix.removeprefix(".") for file in files}

    def ordered(self, name, what):
        with suppress(FileNotFoundError):
            return (self.folder / "orders" / f"{name}.{what}").read_text(encoding="utf-8")

    def change(self, name, *, state):
        self.tasks[name]["state"] = state
        save(self.job, name, self.tasks[name])


def variables(job, name, task):
    """What Slurm tells a task, and a mark by which all its processes are known."""
    array = {"SLURM_ARRAY_JOB_ID": job, "SLURM_ARRAY_TASK_ID": str(task["index"])}
    restarts = {"SLURM_RESTART_COUNT": str(task["restarts"])}
    return {
        **(array if task["index"] is not None else {}),
        **(restarts if task["restarts"] else {}),
        "SLURM_JOB_ID": str(task["raw"]),
        "SLURM_NTASKS": "1",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": "0",
        "SLURM_JOB_NUM_NODES": "1",
        "SLURM_JOB_NODELIST": NODE,
        "STAND_IN_TASK": name,
    }


def keep(words):
    job, at_once = words
    Keeper(job, int(at_once)).keep()


if __name__ == "__main__":
    commands = (sbatch, srun, sacct, scontrol, scancel, keep)
    {each.__name__: each for each in commands}[sys.argv[1]](sys.argv[2:])
