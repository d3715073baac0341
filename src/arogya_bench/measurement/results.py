"""What a measurement of one model returns, before it is summarised."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from arogya_bench.measurement.grade import EnvironmentGrade
from arogya_bench.measurement.model_size import ModelSize
from arogya_bench.measurement.requests import Block
from arogya_bench.measurement.server_search import ServerResult
from arogya_bench.measurement.warm_up import WarmUp
from arogya_bench.measurement.worker import GPUMemory

SINGLE_STREAM, OFFLINE, PYFUNC = "single_stream", "offline", "pyfunc"


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """From nothing to the first answer.

    Attributes:
        import_s: Starting the interpreter and importing the framework.
        load_s: Loading the fitted model.
        first_call_ms: The first request, with compiling and allocating.
        pyfunc_load_s: Loading the MLflow model beside it; None if it was not.
    """

    import_s: float
    load_s: float
    first_call_ms: float
    pyfunc_load_s: float | None = None

    @property
    def total_s(self) -> float:
        """All three together."""
        return self.import_s + self.load_s + self.first_call_ms / 1000


@dataclass(frozen=True, kw_only=True)
class MeasuredBlock:
    """A block of requests, and what it used as seen from outside.

    Attributes:
        requests: The timed requests.
        ram_peak_mb: Peak resident memory of the process tree.
        cpu_seconds: Processor time of the process tree; None if unknown.
        window_seconds: Duration of the observation.
        gpu_process_peak_mb: Of this process on its GPU; None without one. ``gpu_device_peak_mb`` is of all processes.
        joules: Energy of the whole machine's counters; None without one.
    """

    requests: Block
    ram_peak_mb: float
    cpu_seconds: float | None
    window_seconds: float
    gpu_process_peak_mb: float | None
    gpu_device_peak_mb: float | None
    joules: float | None


@dataclass(frozen=True, kw_only=True)
class BatchEnd:
    """Why a batch size has no result: ``status`` is ``out of memory`` or ``not run``."""

    batch: int
    status: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class EnergySource:
    """The counter of energy, ``mode`` ``absent`` with its reason if there is none, and the idle baseline in watts."""

    mode: str
    reason: str | None
    idle_watts: float | None


@dataclass(frozen=True, kw_only=True)
class ModelMeasurement:
    """Everything that was measured of one model.

    Attributes:
        device: That the model ran on.
        stepped: Whether the steps of its requests can be told apart.
        batch_ends: Batch sizes without a result.
        gpu_memory: Of single requests, as ``ram_peak_mb`` is.
        facts: Settings of the process, such as threads and allocator.
        session: Identifies the models that were measured in turns.
        notes: Limitations, one sentence each.
    """

    device: str
    stepped: bool
    cold_start: ColdStart
    size: ModelSize
    size_mb: float
    warm_ups: tuple[WarmUp, ...]
    blocks: tuple[MeasuredBlock, ...]
    batch_ends: tuple[BatchEnd, ...]
    gpu_memory: GPUMemory
    energy: EnergySource
    server: ServerResult | None
    grade: EnvironmentGrade
    drift: float | None
    autocorrelation: float | None
    session: str
    facts: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def of(self, scenario: str, batch: int = 1) -> tuple[MeasuredBlock, ...]:
        """The blocks of one scenario and batch size, by round."""
        return tuple(
            block for block in self.blocks if (block.requests.scenario, block.requests.batch) == (scenario, batch)
        )
