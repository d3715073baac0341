"""Work in a process of its own, which may die or hang without harm to the one that waits."""

import faulthandler
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, cast

import psutil

from arogya_bench.errors import JobKilled, JobTimeout, SweepGone
from arogya_bench.runtime.process import Process, find_process

POLL_S = 1.0
TRACEBACK_WAIT_S = 2.0  # for the traceback of a process that hangs


@dataclass(frozen=True, kw_only=True)
class ProcessResult:
    """How work in a process of its own ended.

    Attributes:
        result: What it gave back; None if it was ended.
        worker: The process that it was.
        error: Why there is no result; None if there is one.
        traceback: Where it was when it was ended, as far as it could still say.
    """

    result: Any
    worker: Process
    error: JobKilled | JobTimeout | SweepGone | None
    traceback: str


def run_isolated(
    function: Callable[..., Any],
    *arguments: object,
    timeout: float | None = None,
    owner: Process | None = None,
    preload: Sequence[str] = (),
) -> ProcessResult:
    """Run a function in a process of its own and wait for it.

    The process dies with the one that waits, and with it whatever it started.

    Args:
        function: A function of a module, that does not raise.
        arguments: For it; they must survive pickling, as must what it gives back.
        timeout: Seconds that it may take.
        owner: A process of this machine without which the work is not wanted any more.
        preload: Modules that are imported once for all child processes of this process.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    ours, theirs = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "last-words"
        child = context.Process(target=_child_main, args=(theirs, str(words), function, arguments))
        child.start()
        pid = cast("int", child.pid)
        theirs.close()
        try:
            worker = _identify_process(pid)
            result, error = _wait_for_result(child, ours, timeout=timeout, owner=owner)
            if isinstance(error, JobTimeout):
                dump_traceback(pid, words)
        finally:
            _kill_process_tree(pid)
            child.join()
            ours.close()
        trace = read_traceback(words)
    return ProcessResult(result=result, worker=worker, error=error, traceback=trace)


def _wait_for_result(
    child: Any,
    receiver: Connection,
    *,
    timeout: float | None,
    owner: Process | None,
) -> tuple[Any, JobKilled | JobTimeout | SweepGone | None]:
    began = time.monotonic()
    while True:
        ready = wait([receiver, child.sentinel], timeout=POLL_S)
        if receiver in ready:
            try:
                return receiver.recv(), None
            except EOFError:  # it died without a word
                child.join()
                return None, _killed_error(child.exitcode)
        if child.sentinel in ready and not receiver.poll():
            child.join()
            return None, _killed_error(child.exitcode)
        if timeout is not None and time.monotonic() - began > timeout:
            return None, JobTimeout(
                f"The job took longer than sweep.job_timeout={timeout:g} s.",
                fix="give it more time with sweep.job_timeout=SECONDS, or look where it hangs.",
            )
        if owner is not None and not owner.is_alive:
            return None, SweepGone(
                f"The sweep's own process ({owner}) is gone.", fix="run the same command again."
            )


def _killed_error(code: int | None) -> JobKilled:
    named = f"signal {signal.Signals(-code).name}" if code and code < 0 else f"exit code {code}"
    return JobKilled(
        f"The process of the job was ended by {named}.",
        fix="if it ran out of memory, lower batch_size or image_size, or run fewer workers; "
        "the same command tries again.",
    )


def dump_traceback(pid: int, traceback_file: Path) -> None:
    """Let a process that hangs write down where; what hangs too deep stays silent."""
    os.kill(pid, signal.SIGUSR1)
    end = time.monotonic() + TRACEBACK_WAIT_S
    while time.monotonic() < end and not read_traceback(traceback_file):
        time.sleep(0.05)


def read_traceback(traceback_file: Path) -> str:
    """The traceback that a child process left when it was stopped; empty if it left none."""
    if not traceback_file.exists():
        return ""
    text = traceback_file.read_text(encoding="utf-8", errors="replace")
    return text.partition("\nExtension modules:")[0].strip()


def _child_main(
    sender: Connection,
    traceback_file: str,
    function: Callable[..., Any],
    arguments: Sequence[object],
) -> None:
    os.setsid()  # Ctrl-C in the terminal is for the one that waits
    with open(traceback_file, "w", encoding="utf-8") as file:  # noqa: PTH123
        faulthandler.enable(file)
        faulthandler.register(signal.SIGUSR1, file)
        threading.Thread(target=_die_with_parent, daemon=True).start()
        sender.send(function(*arguments))
        sys.stdout.flush()
        sys.stderr.flush()
        faulthandler.disable()
        faulthandler.unregister(signal.SIGUSR1)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
    _kill_process_tree(os.getpid())


def _identify_process(pid: int) -> Process:
    try:
        return find_process(pid)
    except psutil.NoSuchProcess:  # it died at once, and has no run
        return Process(host=socket.gethostname(), pid=pid, start_time=0.0)


def _kill_process_tree(pid: int) -> None:
    """End a process of ours and whatever it started, also if it is dead already."""
    family: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        family = [*root.children(recursive=True), root]
    for each in family:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # it leads a group of its own, which outlives it
