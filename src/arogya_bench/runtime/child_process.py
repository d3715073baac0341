"""Run a function in a child process, whose crash or hang does not affect this process."""

import faulthandler
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import psutil

from arogya_bench.errors import BudgetExceeded, JobKilled, JobTimeout, SweepGone
from arogya_bench.runtime.process import Process, find_process
from arogya_bench.runtime.progress import report_progress, send_activities_to, show_activity

POLL_S = 1.0
MEMORY_ADVICE = (
    "if it ran out of memory, lower batch_size or image_size, or use fewer workers; the same command tries again."
)
TRACEBACK_WAIT_S = 2.0  # for a process that hangs to write its traceback
JobEnd = JobKilled | JobTimeout | SweepGone | BudgetExceeded


@dataclass(frozen=True)
class ProgressText:
    """What a child process is doing, sent before its result."""

    text: str


@dataclass(frozen=True, kw_only=True)
class ProcessResult:
    """How a child process ended.

    Attributes:
        result: What the function returned; None if the process was killed.
        worker: The child process.
        error: Why there is no result; None if there is one.
        traceback: Where the process was when it was killed; empty if it could not write it.
    """

    result: Any
    worker: Process
    error: JobEnd | None
    traceback: str


def run_isolated(
    function: Callable[..., Any],
    *arguments: object,
    timeout: float | None = None,
    owner: Process | None = None,
    stop: Callable[[], BudgetExceeded | None] | None = None,
    preload: Sequence[str] = (),
    fresh: bool = False,
) -> ProcessResult:
    """Run a function in a child process and wait for it.

    The child and all processes that it started end with it, and no later than this process. What the child does is
    shown as an activity of this process.

    Args:
        function: A function of a module; it must not raise.
        arguments: Its arguments, which must be picklable, as must be its result.
        timeout: In seconds.
        owner: A process of this machine; the child is killed when it ends.
        stop: Called every second; the child is killed when it returns why.
        preload: Modules that all children of this process share, imported once before the first.
        fresh: Whether the child shares nothing with others: it imports all that it needs, which none of them waits for.
    """
    context: Any = multiprocessing.get_context("spawn" if fresh else "forkserver")
    if not fresh:
        context.set_forkserver_preload(list(preload))
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        traceback_file = Path(folder) / "traceback"
        child = context.Process(target=_child_main, args=(sender, str(traceback_file), function, arguments))
        with _without_main_module() if fresh else nullcontext():
            child.start()
        pid = cast("int", child.pid)
        sender.close()
        try:
            worker = _identify_process(pid)
            with show_activity(""):
                result, error = _wait_for_result(child, receiver, timeout=timeout, owner=owner, stop=stop)
            if isinstance(error, JobTimeout):
                request_traceback(pid, traceback_file)
        finally:
            kill_process_tree(pid)
            child.join()
            receiver.close()
        trace = read_traceback(traceback_file)
    return ProcessResult(result=result, worker=worker, error=error, traceback=trace)


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Keep a fresh child from running the script of the user again, which need not guard against it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _wait_for_result(
    child: Any,
    receiver: Connection,
    *,
    timeout: float | None,
    owner: Process | None,
    stop: Callable[[], BudgetExceeded | None] | None,
) -> tuple[Any, JobEnd | None]:
    start = time.monotonic()
    while True:
        ready = wait([receiver, child.sentinel], timeout=POLL_S)
        if receiver in ready:
            ended = _receive(child, receiver)
            if ended is not None:
                return ended
        if child.sentinel in ready and not receiver.poll():
            child.join()
            return None, killed_error(child.exitcode)
        if stop is not None and (reason := stop()):
            return None, reason
        if timeout is not None and time.monotonic() - start > timeout:
            return None, JobTimeout(
                f"The job took longer than sweep.job_timeout={timeout:g} s.",
                fix="increase sweep.job_timeout=SECONDS, or see the traceback for where it hangs.",
            )
        if owner is not None and not owner.is_alive:
            return None, SweepGone(f"The process of the sweep ({owner}) has ended.", fix="run the same command again.")


def _receive(child: Any, receiver: Connection) -> tuple[Any, JobEnd | None] | None:
    """The result of a child or why there is none; None if it only said what it is doing, which is shown."""
    try:
        message = receiver.recv()
    except EOFError:  # it ended without sending a result
        child.join()
        return None, killed_error(child.exitcode)
    if not isinstance(message, ProgressText):
        return message, None
    report_progress(message.text)
    return None


def killed_error(code: int | None, *, fix: str = MEMORY_ADVICE) -> JobKilled:
    """Describe how a process ended that should still be running; ``code`` is its exit code."""
    if code and code < 0:
        problem = f"The process of the job was killed by {signal.Signals(-code).name}."
    else:
        problem = f"The process of the job ended with exit code {code}."
    return JobKilled(problem, fix=fix)


def request_traceback(pid: int, traceback_file: Path) -> None:
    """Make a process that hangs write its traceback; it may be unable to."""
    os.kill(pid, signal.SIGUSR1)
    end = time.monotonic() + TRACEBACK_WAIT_S
    while time.monotonic() < end and not read_traceback(traceback_file):
        time.sleep(0.05)


def read_traceback(traceback_file: Path) -> str:
    """The traceback that a child process wrote; empty if it wrote none."""
    text = traceback_file.read_text(encoding="utf-8", errors="replace") if traceback_file.exists() else ""
    return text.partition("\nExtension modules:")[0].strip()


def _child_main(
    sender: Connection, traceback_file: str, function: Callable[..., Any], arguments: Sequence[object]
) -> None:
    os.setsid()  # Ctrl-C in the terminal must reach the parent only
    with traceback_on_signal(traceback_file):
        threading.Thread(target=die_with_parent, daemon=True).start()
        with send_activities_to(lambda text: sender.send(ProgressText(text))):
            result = function(*arguments)
        sender.send(result)
        sys.stdout.flush()
        sys.stderr.flush()


@contextmanager
def traceback_on_signal(traceback_file: str) -> Iterator[None]:
    """Write the traceback of this process to a file when it crashes, and when ``request_traceback`` asks for it."""
    with open(traceback_file, "w", encoding="utf-8") as file:  # noqa: PTH123
        faulthandler.enable(file)
        faulthandler.register(signal.SIGUSR1, file)
        try:
            yield
        finally:
            faulthandler.disable()
            faulthandler.unregister(signal.SIGUSR1)


def die_with_parent() -> None:
    """End this process and its children when its parent ends; call it in a thread."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
    kill_process_tree(os.getpid())


def _identify_process(pid: int) -> Process:
    try:
        return find_process(pid)
    except psutil.NoSuchProcess:  # it ended at once, and has no run
        return Process(host=socket.gethostname(), pid=pid, start_time=0.0)


def kill_process_tree(pid: int) -> None:
    """Kill a child and all processes that it started, even if it has already ended."""
    processes: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        processes = [*root.children(recursive=True), root]
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # the child led a process group, which may outlive it
