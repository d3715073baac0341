"""A worker as its parent sees it: started by spawn, asked through a pipe, observed from outside, ended for good."""

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import psutil

from arogya_bench.errors import JobKilled, JobTimeout
from arogya_bench.measurement.resources import ResourceSampler
from arogya_bench.measurement.worker import Reply, WorkerModel, serve_commands
from arogya_bench.runtime.child_process import kill_process_tree, killed_error, read_traceback, request_traceback

EXIT_WAIT_S = 5.0
POLL_S = 1.0  # between two looks at whether the session has to end
MEMORY_ADVICE = (
    "if it ran out of memory, measure smaller batches (such as measure.batches=[8]); the same command tries again."
)


@dataclass(frozen=True, kw_only=True)
class WorkerProcess:
    """A running worker.

    Attributes:
        pid: Its process id.
        started_at: When it was started, on the clock of ``time.perf_counter``.
        sampler: Observes its memory and processor time.
        stop: Returns why measuring has to end, or None.
    """

    pid: int
    started_at: float
    sampler: ResourceSampler
    stop: Callable[[], Exception | None]
    _process: Any
    _connection: Connection
    _traceback_file: Path

    def ask(self, command: str, *arguments: object, timeout: float) -> Any:
        """Let the worker execute a command.

        Raises:
            JobKilled: If the process died.
            JobTimeout: If it did not answer within ``timeout`` seconds; it is then ended.
            MemoryError: If the model ran out of memory.
            Exception: What the command raised, or why measuring has to end. The attribute ``remote_traceback`` says
                where the worker was.
        """
        try:
            self._connection.send((command, arguments))
            self._wait(command, timeout)
            reply: Reply = self._connection.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            raise self._death() from error
        if reply.error is not None:
            raise _with_traceback(reply.error, reply.trace)
        return reply.value

    def close(self) -> None:
        """End the process and everything that it started, even in a session of its own."""
        self._connection.close()
        kill_process_tree(self.pid)
        for pid in self.sampler.seen - {self.pid}:
            with suppress(psutil.Error):
                psutil.Process(pid).kill()
        self._process.join(EXIT_WAIT_S)

    def _wait(self, command: str, timeout: float) -> None:
        """Wait for a reply, for the end of the process, or for a reason to stop."""
        end = time.monotonic() + timeout
        while not (ready := wait([self._connection, self._process.sentinel], timeout=POLL_S)):
            if (reason := self.stop()) is not None:
                kill_process_tree(self.pid)
                raise reason
            if time.monotonic() > end:
                raise self._timeout(command, timeout)
        if self._connection not in ready and not self._connection.poll():
            raise self._death()

    def _timeout(self, command: str, timeout: float) -> Exception:
        request_traceback(self.pid, self._traceback_file)
        kill_process_tree(self.pid)
        error = JobTimeout(
            f"The model did not answer within {timeout:g} s ({command.replace('_', ' ')}).",
            fix="raise measure.step_timeout, or see the traceback for where the model hangs.",
        )
        return _with_traceback(error, read_traceback(self._traceback_file))

    def _death(self) -> Exception:
        self._process.join(EXIT_WAIT_S)
        error: JobKilled = killed_error(self._process.exitcode, fix=MEMORY_ADVICE)
        return _with_traceback(error, read_traceback(self._traceback_file))


@contextmanager
def start_worker(
    target: WorkerModel, *, seed: int, stop: Callable[[], Exception | None] = lambda: None
) -> Iterator[WorkerProcess]:
    """Start a worker in a fresh interpreter, without anything that this process has loaded."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        traceback_file = Path(folder) / "traceback"
        connection, far_end = context.Pipe()
        started_at = time.perf_counter()
        process = context.Process(target=serve_commands, args=(far_end, str(traceback_file), target, seed))
        process.start()
        far_end.close()
        pid = int(process.pid or 0)
        stack.callback(kill_process_tree, pid)  # also if observing it fails
        worker = WorkerProcess(
            pid=pid,
            started_at=started_at,
            sampler=ResourceSampler(pid, device=target.gpu),
            stop=stop,
            _process=process,
            _connection=connection,
            _traceback_file=traceback_file,
        )
        stack.callback(worker.close)
        yield worker


def _with_traceback(error: Exception, trace: str) -> Exception:
    error.remote_traceback = trace  # type: ignore[attr-defined]
    return error
