"""Work in a process of its own, which may die or hang."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from arogya_bench.errors import BudgetExceeded, JobKilled, JobTimeout, SweepGone
from arogya_bench.runtime.child_process import run_isolated
from arogya_bench.runtime.process import Process
from arogya_bench.runtime.progress import send_activities_to, show_activity

WORK = """
import ctypes, os, signal, subprocess, sys, time
from pathlib import Path
from arogya_bench.runtime.progress import report_progress, show_activity

def double(number):
    return 2 * number

def fitting():
    with show_activity("fitting cnn"):
        report_progress("epoch 2 of 10")
    return 7

def place():
    return os.getpid(), os.getcwd()

def killed():
    os.kill(os.getpid(), signal.SIGKILL)

def crashed():
    ctypes.string_at(0)

def left():
    sys.exit(7)

def orphaning(folder):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    Path(folder, "orphan").write_text(str(child.pid))
    os.kill(os.getpid(), signal.SIGKILL)

def hanging():
    time.sleep(3600)

def parent(folder):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    Path(folder, f"child-{child.pid}").touch()
    Path(folder, f"self-{os.getpid()}").touch()
    time.sleep(3600)
"""
WAITER = """
import sys
import work
from arogya_bench.runtime.child_process import run_isolated
if __name__ == "__main__":
    run_isolated(work.parent, sys.argv[1])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("work")
    (place / "work.py").write_text(WORK, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def work(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        import work

        yield work


def test_what_a_dead_process_had_started_ends_with_it(work, tmp_path):
    ended = run_isolated(work.orphaning, str(tmp_path))

    orphan = int((tmp_path / "orphan").read_text())
    assert isinstance(ended.error, JobKilled)
    wait_until(lambda: gone(orphan))


def test_the_result_comes_back_from_another_process(work):
    ended = run_isolated(work.double, 21)
    elsewhere = run_isolated(work.place)

    assert (ended.result, ended.error) == (42, None)
    assert elsewhere.result == (elsewhere.worker.pid, str(Path.cwd()))
    assert elsewhere.worker.pid != os.getpid()


def test_what_a_child_is_doing_is_shown_by_its_parent(work):
    shown = []
    with send_activities_to(shown.append), show_activity("job 3 of 8"):
        ended = run_isolated(work.fitting)

    assert ended.result == 7
    assert "job 3 of 8 · fitting cnn: epoch 2 of 10" in shown


def test_a_process_that_is_killed_names_the_signal(work):
    ended = run_isolated(work.killed)

    assert isinstance(ended.error, JobKilled)
    assert "SIGKILL" in ended.error.problem
    assert ended.result is None


def test_a_crash_in_machine_code_says_where(work):
    ended = run_isolated(work.crashed)

    assert "SIGSEGV" in ended.error.problem
    assert "crashed" in ended.traceback
    assert "Extension modules" not in ended.traceback


def test_a_process_that_leaves_without_a_word_names_its_code(work):
    assert "exit code 7" in run_isolated(work.left).error.problem


def test_a_process_that_hangs_is_ended_and_says_where(work):
    began = time.monotonic()

    ended = run_isolated(work.hanging, timeout=1.0)

    assert isinstance(ended.error, JobTimeout)
    assert "hanging" in ended.traceback
    assert time.monotonic() - began < 60
    assert not ended.worker.is_alive


def test_a_process_that_is_to_stop_is_killed_with_the_reason(work):
    over = BudgetExceeded("The budget is spent.", fix="increase it.")
    reasons = iter([None, over])

    ended = run_isolated(work.hanging, stop=lambda: next(reasons))

    assert ended.error is over
    assert not ended.worker.is_alive


def test_work_without_an_owner_is_given_up(work):
    gone = Process(host="nowhere", pid=2**22 + 1, start_time=0.0)

    ended = run_isolated(work.hanging, owner=gone)

    assert isinstance(ended.error, SweepGone)


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def wait_until(happened):
    end = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.1)


def pids(place, name):
    return [int(path.name.rpartition("-")[2]) for path in place.glob(f"{name}-*")]


def test_a_process_dies_with_the_one_that_waits_and_takes_its_own_along(folder, tmp_path):
    (folder / "waiter.py").write_text(WAITER, encoding="utf-8")
    waiter = subprocess.Popen([sys.executable, str(folder / "waiter.py"), str(tmp_path)])
    wait_until(lambda: pids(tmp_path, "self"))
    family = pids(tmp_path, "child") + pids(tmp_path, "self")

    waiter.send_signal(signal.SIGKILL)
    waiter.wait()

    wait_until(lambda: all(gone(pid) for pid in family))
    assert len(family) == 2


def test_a_fresh_child_does_not_run_the_script_of_the_user_again(tmp_path):
    """Scripts in notebooks and tutorials rarely guard against it."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os\n"
        "from arogya_bench.runtime.child_process import run_isolated\n"
        "print('run', flush=True)\n"
        "print(run_isolated(os.getcwd, fresh=True).result)\n",
        encoding="utf-8",
    )

    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, check=True)

    assert ended.stdout == f"run\n{tmp_path}\n"
