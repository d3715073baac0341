"""The process that runs one model while it is measured: commands come in through a pipe, results go back."""

import gc
import os
import pickle
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.prediction_steps import with_postprocess
from arogya_bench.measurement.model_size import ModelSize, folder_size_mb, measure_model_size
from arogya_bench.measurement.requests import (
    Answer,
    Block,
    BlockLimits,
    CaseFeed,
    run_block,
    time_call,
    time_request,
    time_steps,
)
from arogya_bench.measurement.server_trial import ServerTrial, draw_arrivals, run_server_trial
from arogya_bench.measurement.warm_up import WarmUp, warm_up
from arogya_bench.models.pyfunc_source import load_predict
from arogya_bench.runtime.child_process import die_with_parent, traceback_on_signal
from arogya_bench.runtime.threads import use_threads
from arogya_bench.types import Case, Image, Model, SteppedPredictor

OUT_OF_MEMORY_CLASSES = ("MemoryError", "OutOfMemoryError", "ResourceExhaustedError")
OUT_OF_MEMORY_MESSAGES = ("out of memory", "can't allocate memory", "insufficient memory", "unable to allocate")
BLOCK_WARM_UP = 3  # requests before a block: caches are those of the other models, and threads sleep
THREAD_PREFIXES = ("OMP_", "GOMP_", "KMP_", "MKL_")  # of variables that change how threads work and wait
NATIVE, PYFUNC = "native", "pyfunc"


@dataclass(frozen=True, kw_only=True)
class WorkerModel:
    """What a worker needs to run a model; it is pickled.

    Attributes:
        model: The adapter.
        weights: Folder of the fit.
        model_folder: Folder of its MLflow model; None if its pyfunc is not measured.
        classes: In the order of the model.
        device: As configured, such as ``auto``.
        threads: Of every library.
        cases: Test cases to send.
        read: Decodes the image of a case.
        postprocess: What a row does with the outputs of the predictor, such as a calibration; None for nothing.
    """

    model: Model
    weights: Path
    model_folder: Path | None
    classes: tuple[str, ...]
    device: str
    threads: int
    cases: tuple[Case, ...]
    read: Callable[[Case], Image]
    postprocess: Callable[[Any], Any] | None = None

    @property
    def gpu(self) -> str | None:
        """The device whose memory is observed: ``cpu`` for none, None for every GPU that it may choose."""
        return None if self.device == "auto" else self.device


class Reply(NamedTuple):
    """The answer to a command: a value, or the error and its traceback."""

    value: Any
    error: Exception | None = None
    trace: str = ""


class GPUMemory(NamedTuple):
    """Peaks of PyTorch's allocator in MB (10^6 bytes); None without a GPU."""

    allocated_mb: float | None
    reserved_mb: float | None


@dataclass
class Worker:
    """A model in its own process. Methods are the commands."""

    target: WorkerModel
    seed: int

    def import_framework(self) -> None:
        """Import what the model needs, and find its device.

        Threads wait as the library does by default and as they do where a model is served, not as our command lets
        them wait while jobs share the processors.
        """
        os.environ.pop("OMP_WAIT_POLICY", None)
        use_threads(self.target.threads)
        self.target.model.check(device=self.target.device)

    def load(self) -> bool:
        """Load the fitted model; return whether its steps can be told apart."""
        return self._stepped is not None

    def first_request(self) -> float:
        """Send the first request; return its milliseconds."""
        return self._send(NATIVE, 1)

    def measure_size(self) -> tuple[ModelSize, float]:
        """Count parameters and multiply-accumulate operations; return them and the megabytes on disk."""
        size = folder_size_mb(self.target.weights)
        images = [self.target.read(self.target.cases[0])]
        return measure_model_size(self._predictor, images), size

    def load_pyfunc(self) -> float:
        """Load the MLflow model of the fit; return the seconds."""
        start = perf_counter()
        _ = self._pyfunc
        return perf_counter() - start

    def warm_up(self, scenario: str, batch: int, max_seconds: float) -> WarmUp:
        """Warm up one batch size with images of the kind that is timed."""
        return warm_up(lambda: self._send(scenario, batch), scenario=scenario, batch=batch, max_seconds=max_seconds)

    def run_block(self, scenario: str, round_number: int, batch: int, limits: BlockLimits) -> Block:
        """Send requests one after the other; the first ones, after the process was idle, do not count."""
        answer = self._pyfunc if scenario == PYFUNC else self._answer
        for _ in range(BLOCK_WARM_UP if batch == 1 else 1):
            self._send(scenario, batch)
        case_ids, times, seconds = run_block(answer, self._feed, limits, batch=batch, synchronise=self._synchronise)
        return Block(
            scenario=scenario, round=round_number, batch=batch, case_ids=case_ids, times=times, seconds=seconds
        )

    def serve(self, rate: float, requests: int, limit_ms: float) -> ServerTrial:
        """Answer requests that arrive at random times, at a rate per second."""
        arrivals = draw_arrivals(rate, requests, self._feed.rng)
        return run_server_trial(lambda: self._send(NATIVE, 1), arrivals, rate=rate, limit_ms=limit_ms)

    def reset_gpu_memory(self) -> None:
        """Let the peaks of PyTorch's allocator start from now."""
        if (torch := sys.modules.get("torch")) and self.device().startswith("cuda"):
            torch.cuda.reset_peak_memory_stats(self.device())

    def gpu_memory(self) -> GPUMemory:
        """Peak memory of PyTorch's allocator since it was reset."""
        device = self.device()
        torch = sys.modules.get("torch")
        if torch is None or not device.startswith("cuda"):
            return GPUMemory(None, None)
        return GPUMemory(torch.cuda.max_memory_allocated(device) / 1e6, torch.cuda.max_memory_reserved(device) / 1e6)

    def device(self) -> str:
        """The device that the model runs on."""
        return self._stepped.device if self._stepped is not None else "unknown"

    def largest_request(self) -> int | None:
        """Most images that one call of the network takes; 1 if its batches cannot be observed; None means no limit."""
        return 1 if self._stepped is None else self._stepped.max_batch_size

    def describe(self) -> dict[str, object]:
        """Settings of this process that change times."""
        return {
            "threads": {
                name: value
                for name, value in sorted(os.environ.items())
                if name.endswith("_THREADS") or name.startswith(THREAD_PREFIXES)
            },
            "garbage_collector": {"enabled": gc.isenabled(), "thresholds": gc.get_threshold()},
            "device": self.device(),
        }

    @cached_property
    def _predictor(self) -> Any:
        target = self.target
        return target.model.load(target.weights, classes=target.classes, device=target.device)

    @property
    def _stepped(self) -> SteppedPredictor | None:
        predictor = self._predictor
        return predictor if isinstance(predictor, SteppedPredictor) else None

    @cached_property
    def _answer(self) -> Answer:
        then = self.target.postprocess
        if self._stepped is not None:
            return time_steps(self._stepped if then is None else with_postprocess(self._stepped, then))
        predict = self._predictor
        return time_call(predict if then is None else lambda images: then(predict(images)))

    @cached_property
    def _pyfunc(self) -> Answer:
        if self.target.model_folder is None:
            raise ModelError("The MLflow model of this fit is missing.", fix="fit it again.")
        predict = load_predict(self.target.model_folder)
        return time_call(lambda images: predict(np.stack(images)))

    @cached_property
    def _feed(self) -> CaseFeed:
        return CaseFeed(cases=self.target.cases, read=self.target.read, rng=np.random.default_rng(self.seed))

    def _send(self, scenario: str, batch: int) -> float:
        answer = self._pyfunc if scenario == PYFUNC else self._answer
        return time_request(answer, self._feed, self._feed.take(batch), self._synchronise).end_to_end

    def _synchronise(self) -> None:
        if self._stepped is not None:
            self._stepped.synchronise()


def serve_commands(connection: Connection, traceback_file: str, target: WorkerModel, seed: int) -> None:
    """Execute commands until the pipe is closed; the process ends no later than its parent."""
    os.setsid()  # Ctrl-C in the terminal must reach the parent only
    threading.Thread(target=die_with_parent, daemon=True).start()
    worker = Worker(target=target, seed=seed)
    with traceback_on_signal(traceback_file), suppress(EOFError, BrokenPipeError):  # the parent has gone
        while True:
            name, arguments = connection.recv()
            connection.send(_execute(worker, name, arguments))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a framework ran out of memory."""
    if any(parent.__name__ in OUT_OF_MEMORY_CLASSES for parent in type(error).__mro__):
        return True
    message = str(error).lower()
    return any(part in message for part in OUT_OF_MEMORY_MESSAGES)


def _execute(worker: Worker, name: str, arguments: tuple[Any, ...]) -> Reply:
    try:
        return Reply(getattr(worker, name)(*arguments))
    except Exception as error:  # noqa: BLE001  (the code of a model may raise anything)
        return Reply(None, _picklable(error), traceback.format_exc())


def _picklable(error: Exception) -> Exception:
    """Return an error that another process can read."""
    if is_out_of_memory(error):
        return MemoryError(str(error).partition("\n")[0])
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  (unpickling an error calls its class)
        return ModelError(
            f"{type(error).__name__}: {str(error).partition(chr(10))[0]}", fix="see the traceback of the run."
        )
    return error
