"""One model while it is measured: its process, and what was measured so far."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, replace
from math import ceil
from typing import Any

import numpy as np

from arogya_bench.errors import JobKilled, JobTimeout
from arogya_bench.measurement.allocator import read_allocator
from arogya_bench.measurement.energy import EnergyMeter
from arogya_bench.measurement.grade import grade_environment
from arogya_bench.measurement.machine_state import MachineState
from arogya_bench.measurement.process_tree import resident_mb
from arogya_bench.measurement.protocol import MeasurementProtocol
from arogya_bench.measurement.requests import BlockLimits
from arogya_bench.measurement.results import (
    OFFLINE,
    PYFUNC,
    SINGLE_STREAM,
    BatchEnd,
    ColdStart,
    EnergySource,
    MeasuredBlock,
    ModelMeasurement,
)
from arogya_bench.measurement.server_search import ServerResult, find_highest_rate, requests_per_trial
from arogya_bench.measurement.warm_up import WarmUp
from arogya_bench.measurement.worker import NATIVE, WorkerModel
from arogya_bench.measurement.worker_process import WorkerProcess, start_worker
from arogya_bench.statistics.percentiles import half_drift, lag_one_autocorrelation

MEMORY_MARGIN = 0.9  # of the free memory that a larger batch may take
EXTRA_BLOCKS = 3  # of batch sizes after those of the rounds, so that their throughput has bounds
LONGEST_BATCH_S = 120.0  # larger batches are not tried, whatever memory they would need


class MeasuredModel:
    """A model in its process; after an error it takes no further part in the session.

    Attributes:
        error: Why it could not be measured; None so far.
        conditions: The machine before and after the rounds, and the source of energy.
    """

    def __init__(
        self,
        target: WorkerModel,
        protocol: MeasurementProtocol,
        *,
        seed: int,
        stop: Callable[[], Exception | None] = lambda: None,
    ) -> None:
        self.error: Exception | None = None
        self.conditions: tuple[MachineState, MachineState, EnergySource] | None = None
        self._protocol = protocol
        self._target, self._seed, self._stop = target, seed, stop
        self._stack = ExitStack()
        self._process: WorkerProcess | None = None
        self._facts: dict[str, Any] = {}
        self._warm_ups: list[WarmUp] = []
        self._blocks: list[MeasuredBlock] = []
        self._batch_ends: dict[int, BatchEnd] = {}
        self._server: ServerResult | None = None
        self._pyfunc_ready = False
        self._notes: list[str] = []

    @property
    def pid(self) -> int | None:
        """Its process; None if it has ended."""
        return self._process.pid if self._process else None

    @property
    def device(self) -> str:
        """That the model runs on; ``unknown`` until it has started."""
        return str(self._facts.get("device", "unknown"))

    @property
    def resident_mb(self) -> float:
        """Memory of its process now, in MB; 0 once it has ended."""
        return resident_mb([self.pid]) if self.pid else 0.0

    def attempt(self, function: Callable[[], object]) -> None:
        """Call a function unless the model has failed; keep its error and end the process."""
        if self.error is not None:
            return
        try:
            function()
        except Exception as error:  # noqa: BLE001  (becomes the FAILED run of this model)
            self.error = error
            self.close()

    def close(self) -> None:
        """End the process."""
        self._process = None
        self._stack.close()

    def start(self) -> None:
        """Start the process and measure how long the first answer takes from nothing."""
        process = self._process = self._stack.enter_context(
            start_worker(self._target, seed=self._seed, stop=self._stop)
        )
        self._ask("import_framework")
        imported = time.perf_counter()
        stepped = self._ask("load")
        loaded = time.perf_counter()
        first_call_ms = self._ask("first_request")
        self._facts["cold_start"] = ColdStart(
            import_s=imported - process.started_at, load_s=loaded - imported, first_call_ms=first_call_ms
        )
        size, size_mb = self._ask("measure_size")
        self._facts |= {"size": size, "size_mb": size_mb, "stepped": stepped, "device": self._ask("device")}
        largest = self._ask("largest_request")
        for batch in self._protocol.batches:
            if largest is not None and batch > largest:
                self._end_batch(batch, "not run", self._batch_limit_reason(largest))
        self._warm_up(NATIVE, 1)

    def run_round(self, number: int, meter: EnergyMeter) -> None:
        """Measure one block of every scenario; memory is that of the first round, before ``load_pyfunc``."""
        protocol = self._protocol
        if number == 0:
            self._ask("reset_gpu_memory")
        self._run_block(SINGLE_STREAM, number, 1, self._single_stream_limits(), meter)
        if number == 0:
            self._facts["gpu_memory"] = self._ask("gpu_memory")
        for batch in protocol.batches:
            spent = sum(block.requests.seconds for block in self._blocks if block.requests.batch == batch)
            if batch not in self._batch_ends and (number == 0 or spent < protocol.batch_seconds):
                self._try_batch(batch, number, meter)
        if self._pyfunc_ready:
            seconds = protocol.pyfunc_seconds / (protocol.rounds - 1)
            self._run_block(PYFUNC, number, 1, BlockLimits(seconds=seconds), meter)

    def grow(self, meter: EnergyMeter, free_memory_mb: Callable[[], float]) -> None:
        """Double the batch size until memory ends, which is a result; then load the pyfunc beside the model."""
        if self._protocol.until_memory_ends and self._protocol.batches and not self._batch_ends:
            self._grow_batches(meter, free_memory_mb)
        if self._protocol.pyfunc_seconds:
            self._load_pyfunc()

    def finish(self) -> None:
        """Measure the server scenario, which models cannot do in turns, and read the settings of the process."""
        if self._protocol.server_limit_ms is not None:
            self._server = self._search_rate(self._protocol.server_limit_ms)
        allocator = {"allocator": asdict(read_allocator(self.pid))} if self.pid else {}
        self._facts["process"] = {**self._ask("describe"), **allocator}

    def outcome(self, session: str, notes: tuple[str, ...]) -> ModelMeasurement | Exception:
        """Return what was measured, or the error."""
        if self.error is not None or self.conditions is None:
            return self.error or JobKilled("The session ended before this model.", fix="measure again.")
        before, after, energy = self.conditions
        times = np.concatenate(
            [block.requests.span("end_to_end") for block in self._blocks if block.requests.scenario == SINGLE_STREAM]
        )
        drift, autocorrelation = half_drift(times), lag_one_autocorrelation(times)
        return ModelMeasurement(
            device=self._facts["device"],
            stepped=self._facts["stepped"],
            cold_start=self._facts["cold_start"],
            size=self._facts["size"],
            size_mb=self._facts["size_mb"],
            warm_ups=tuple(self._warm_ups),
            blocks=tuple(self._blocks),
            batch_ends=tuple(self._batch_ends.values()),
            gpu_memory=self._facts["gpu_memory"],
            energy=energy,
            server=self._server,
            grade=grade_environment(before, after, drift=drift, autocorrelation=autocorrelation),
            drift=drift,
            autocorrelation=autocorrelation,
            session=session,
            facts=self._facts["process"],
            notes=(*self._notes, *notes),
        )

    def _ask(self, command: str, *arguments: object, seconds: float = 0.0) -> Any:
        if self._process is None:
            raise JobKilled("The process of the model has ended.", fix="measure again.")
        return self._process.ask(command, *arguments, timeout=seconds + self._protocol.step_timeout)

    def _single_stream_limits(self) -> BlockLimits:
        protocol = self._protocol
        most = protocol.max_requests
        return BlockLimits(
            seconds=protocol.seconds / protocol.rounds,
            min_requests=ceil(protocol.min_requests / protocol.rounds),
            max_requests=None if most is None else ceil(most / protocol.rounds),
            max_seconds=protocol.max_seconds / protocol.rounds,
        )

    def _warm_up(self, scenario: str, batch: int) -> None:
        seconds = self._protocol.warm_up_seconds
        self._warm_ups.append(self._ask("warm_up", scenario, batch, seconds, seconds=seconds))

    def _run_block(self, scenario: str, number: int, batch: int, limits: BlockLimits, meter: EnergyMeter) -> None:
        process = self._process
        if process is None:
            raise JobKilled("The process of the model has ended.", fix="measure again.")
        longest = max(limits.seconds, limits.max_seconds or 0.0)
        before = meter.joules()
        with process.sampler.window() as window:
            requests = self._ask("run_block", scenario, number, batch, limits, seconds=longest)
        after = meter.joules()
        self._blocks.append(
            MeasuredBlock(
                requests=requests,
                ram_peak_mb=window.ram_peak_mb,
                cpu_seconds=window.cpu_seconds,
                window_seconds=window.seconds,
                gpu_process_peak_mb=window.gpu_process_peak_mb,
                gpu_device_peak_mb=window.gpu_device_peak_mb,
                joules=None if before is None or after is None else after - before,
            )
        )

    def _load_pyfunc(self) -> None:
        try:
            seconds = self._ask("load_pyfunc")
            self._warm_up(PYFUNC, 1)
        except (JobKilled, JobTimeout):
            raise
        except Exception as error:  # noqa: BLE001  (the native model is measured all the same)
            self._notes.append(f"the MLflow pyfunc could not be measured: {str(error).partition(chr(10))[0]}")
            return
        self._pyfunc_ready = True
        self._facts["cold_start"] = replace(self._facts["cold_start"], pyfunc_load_s=seconds)

    def _try_batch(self, batch: int, number: int, meter: EnergyMeter) -> None:
        """Run one block of a batch size, unless memory ends."""
        limits = BlockLimits(seconds=self._protocol.batch_seconds / self._protocol.rounds)
        try:
            if not any(block.requests.batch == batch for block in self._blocks):
                self._warm_up(NATIVE, batch)
            self._run_block(OFFLINE, number, batch, limits, meter)
        except MemoryError as error:
            self._end_batch(batch, "out of memory", str(error) or "memory ended")

    def _end_batch(self, batch: int, status: str, reason: str) -> None:
        self._batch_ends[batch] = BatchEnd(batch=batch, status=status, reason=reason)

    def _batch_limit_reason(self, largest: int) -> str:
        if not self._facts["stepped"]:
            return "the model offers no steps, so that the batch its network sees is unknown"
        return f"one call of the model takes at most {largest} images"

    def _grow_batches(self, meter: EnergyMeter, free_memory_mb: Callable[[], float]) -> None:
        batch = 2 * self._protocol.batches[-1]
        while batch <= self._protocol.largest_batch and not self._batch_ends:
            if reason := self._reason_not_to_run(batch, free_memory_mb()):
                self._end_batch(batch, *reason)
                return
            for number in range(EXTRA_BLOCKS):
                if batch not in self._batch_ends:
                    self._try_batch(batch, number, meter)
            batch *= 2

    def _reason_not_to_run(self, batch: int, free_mb: float) -> tuple[str, str] | None:
        """Whether a larger batch would take too much memory or time, by what smaller ones took."""
        largest = self._ask("largest_request")
        if largest is not None and batch > largest:
            return "not run", self._batch_limit_reason(largest)
        peaks = {block.requests.batch: block.ram_peak_mb for block in self._blocks}
        (*_, first, second) = sorted(peaks)
        needed = max(0.0, peaks[second] - peaks[first]) / (second - first) * (batch - second)
        if needed > MEMORY_MARGIN * free_mb:
            return "out of memory", f"it would take about {needed / 1e3:.1f} GB more; {free_mb / 1e3:.1f} GB are free"
        last = [block.requests for block in self._blocks if block.requests.batch == second]
        seconds = batch * sum(block.seconds for block in last) / sum(block.images for block in last)
        if seconds > LONGEST_BATCH_S:
            return "not run", f"one batch would take about {seconds:.0f} s"
        return None

    def _search_rate(self, limit_ms: float) -> ServerResult:
        stream = [block.requests for block in self._blocks if block.requests.scenario == SINGLE_STREAM]
        capacity = sum(block.images for block in stream) / sum(block.seconds for block in stream)
        requests = requests_per_trial()

        def run(rate: float) -> Any:
            return self._ask("serve", rate, requests, limit_ms, seconds=2 * requests / rate)

        return find_highest_rate(run, capacity=capacity, limit_ms=limit_ms, longest_s=self._protocol.server_seconds)
