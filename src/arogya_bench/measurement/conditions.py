"""What happened between two states of the machine, in numbers."""

from dataclasses import asdict, dataclass, fields

from arogya_bench.measurement.machine_state import GpuState, MachineState

HOST_NOTE = "The load is that of the container's host."


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The conditions of a measurement; what is unknown is None.

    Attributes:
        before: The machine at its start.
        after: The machine at its end.
        seconds: Its duration.
        foreign_cores: Processors that other processes kept busy, on average.
        steal_cores: Processors that the host gave to other virtual machines, on average.
        throttled_s: Time for which the quota stopped the container.
        heat_throttles: How often the processors slowed down because of heat.
        drift: Median of the second half / that of the first half - 1.
        autocorrelation: Of each request with the next, -1 to 1.
    """

    before: MachineState
    after: MachineState
    seconds: float
    foreign_cores: float | None
    steal_cores: float | None
    throttled_s: float | None
    heat_throttles: float | None
    drift: float | None
    autocorrelation: float | None

    @property
    def states(self) -> tuple[MachineState, MachineState]:
        """Both states."""
        return self.before, self.after

    @property
    def gpu_states(self) -> tuple[GpuState, ...]:
        """Both states of the devices; none for a measurement on the processors."""
        return tuple(state.gpu for state in self.states if state.gpu is not None)

    def unknown(self) -> tuple[str, ...]:
        """What a grade needs and this machine does not tell, in words."""
        values: dict[str, object] = {
            "governor": self.before.governor,
            "turbo": self.before.turbo,
            "hyper-threading": self.before.hyper_threading,
            "temperature": self.before.temperature_c,
            "load before": self.before.load_average,
            "load of other processes": self.foreign_cores,
            "time taken by the host": self.steal_cores,
            "throttled time": self.throttled_s,
            "drift": self.drift,
            "autocorrelation": self.autocorrelation,
        }
        for gpu in self.gpu_states[:1]:
            values |= {"processes on the GPU": gpu.foreign_processes, "clock of the GPU": gpu.clock_reasons}
        return tuple(name for name, value in values.items() if value is None)

    def observations(self) -> dict[str, object]:
        """All of it, as what JSON can hold."""
        between = {field.name: getattr(self, field.name) for field in fields(self)}
        states = {name: asdict(between.pop(name)) for name in ("before", "after")}
        note = {"note": HOST_NOTE} if self.before.in_container else {}
        return {**between, "unknown": list(self.unknown()), **note, **states}


def conditions_between(
    before: MachineState, after: MachineState, *, drift: float | None, autocorrelation: float | None
) -> Conditions:
    """Compute the conditions from what was read at the start and at the end."""
    seconds = after.monotonic_s - before.monotonic_s
    if seconds <= 0:
        raise ValueError(f"The second state was read {-seconds} s before the first.")
    busy = _increase(before.machine_cpu_s, after.machine_cpu_s)
    own = _increase(before.own_cpu_s, after.own_cpu_s)
    steal = _increase(before.steal_s, after.steal_s)
    return Conditions(
        before=before,
        after=after,
        seconds=seconds,
        # the kernel counts both in ticks of its own, so that their difference may be just below 0
        foreign_cores=None if busy is None or own is None else max(0.0, busy - own) / seconds,
        steal_cores=None if steal is None else steal / seconds,
        throttled_s=_increase(before.throttled_s, after.throttled_s),
        heat_throttles=_increase(before.heat_throttles, after.heat_throttles),
        drift=drift,
        autocorrelation=autocorrelation,
    )


def _increase(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
