"""The machine at one moment: clock, load, limits and heat, and who else computes on it."""

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from arogya_bench.measurement import processor_state
from arogya_bench.measurement.process_tree import cpu_seconds, process_tree, read_stat
from arogya_bench.runtime.cgroups import cpu_quota, throttled_seconds
from arogya_bench.runtime.hardware import allowed_processors
from arogya_bench.runtime.kernel_files import SYSTEM, read_text
from arogya_bench.runtime.nvml import devices_of

CONTAINER_MARKS = (".dockerenv", "run/.containerenv")


@dataclass(frozen=True, kw_only=True)
class GpuState:
    """The NVIDIA devices of a measurement.

    Attributes:
        foreign_processes: Processes on them that are not ours.
        hidden_processes: Processes on them that this container cannot see; ours may be among them.
        clock_reasons: What holds their clock down, or fixes it.
        temperature_c: Of the hottest, in degrees Celsius.
    """

    foreign_processes: int | None
    hidden_processes: int | None
    clock_reasons: tuple[str, ...] | None
    temperature_c: float | None


@dataclass(frozen=True, kw_only=True)
class MachineState:
    """The machine at one moment; what the system does not tell is None.

    Counters count from an unknown start: only the difference of two states has a meaning.

    Attributes:
        monotonic_s: When it was read.
        processors: How many this process may run on.
        quota: Processors that the container may use, such as 1.5; None without a limit.
        governor: What chooses the clock of the processors.
        turbo: Whether the clock may rise above its nominal value.
        hyper_threading: Whether two processors share a core.
        frequency_mhz: Highest clock of a processor.
        temperature_c: Of the processors, in degrees Celsius.
        heat_throttles: How often processors slowed down because of heat.
        load_average: Processes that ran or waited, over the last minute.
        machine_cpu_s: Time for which the processors worked, for whomever.
        own_cpu_s: Processor time of our processes.
        steal_s: Time for which the host gave the processors to other virtual machines.
        throttled_s: Time for which the quota stopped the container.
        huge_pages: Setting of transparent huge pages.
        nice: Priority of the first of our processes, from -20 (first served) to 19.
        in_container: Whether the load is that of the host of a container.
        gpu: The devices; None for a measurement on the processors.
    """

    monotonic_s: float
    processors: int
    quota: float | None = None
    governor: str | None = None
    turbo: bool | None = None
    hyper_threading: bool | None = None
    frequency_mhz: float | None = None
    temperature_c: float | None = None
    heat_throttles: int | None = None
    load_average: float | None = None
    machine_cpu_s: float | None = None
    own_cpu_s: float | None = None
    steal_s: float | None = None
    throttled_s: float | None = None
    huge_pages: str | None = None
    nice: int | None = None
    in_container: bool = False
    gpu: GpuState | None = None


class BusyTime(NamedTuple):
    """Seconds that processors worked, and that the host took from them."""

    busy_s: float
    steal_s: float | None


def read_machine_state(
    pids: Collection[int], *, device: str = "cpu", root: Path = SYSTEM, library: Any = None
) -> MachineState:
    """Read the state of the machine.

    Args:
        pids: Our processes: the worker first, then its parent; their descendants count as ours too.
        device: Where the model runs, such as ``cuda:0``.
        root: The folder that holds ``proc`` and ``sys``.
        library: The module ``pynvml``, or one that stands in for it.
    """
    processors = allowed_processors(root)
    busy = _busy_time(processors, root)
    first = next(iter(pids), None)
    stat = None if first is None else read_stat(first, root)
    return MachineState(
        own_cpu_s=cpu_seconds(pids, root),
        monotonic_s=time.monotonic(),
        machine_cpu_s=busy and busy.busy_s,
        steal_s=busy and busy.steal_s,
        processors=len(processors),
        quota=cpu_quota(root),
        throttled_s=throttled_seconds(root),
        load_average=_load_average(root),
        nice=stat and stat.nice,
        in_container=any((root / mark).exists() for mark in CONTAINER_MARKS),
        governor=processor_state.governor(root),
        turbo=processor_state.turbo(root),
        hyper_threading=processor_state.hyper_threading(root),
        frequency_mhz=processor_state.frequency_mhz(root),
        temperature_c=processor_state.temperature_c(root),
        heat_throttles=processor_state.heat_throttles(root),
        huge_pages=processor_state.huge_pages(root),
        gpu=_gpu_state(pids, device, root, library),
    )


def _busy_time(processors: Collection[int], root: Path) -> BusyTime | None:
    """The time of the processors that we may run on; in a container, for all of its host."""
    lines = [line.split() for line in (read_text(root / "proc/stat") or "").splitlines()]
    names = {f"cpu{number}" for number in processors}
    rows = [list(map(int, line[1:])) for line in lines if line and line[0] in names]
    if rows:
        ticks = os.sysconf("SC_CLK_TCK")
        busy = sum(sum(row[0:3]) + sum(row[5:7]) for row in rows)  # user nice system · irq softirq
        return BusyTime(busy / ticks, sum(row[7] for row in rows if len(row) > 7) / ticks)
    if root != SYSTEM:
        return None
    times = psutil.cpu_times()
    return BusyTime(times.user + times.system + getattr(times, "nice", 0.0), None)


def _load_average(root: Path) -> float | None:
    text = read_text(root / "proc/loadavg")
    if text:
        return float(text.split()[0])
    return os.getloadavg()[0] if root == SYSTEM and hasattr(os, "getloadavg") else None


def _gpu_state(pids: Collection[int], device: str, root: Path, library: Any) -> GpuState | None:
    if not device.startswith("cuda"):
        return None
    devices = devices_of(device, library)
    listed = [processes for each in devices if (processes := each.processes()) is not None]
    others = {pid for processes in listed for pid in processes} - process_tree(pids, root)
    seen = {pid for pid in others if (root / f"proc/{pid}").exists()}
    reasons = [each.clock_reasons() for each in devices]
    known = [reason for reason in reasons if reason is not None]
    return GpuState(
        foreign_processes=len(seen) if listed else None,
        hidden_processes=len(others - seen) if listed else None,
        clock_reasons=tuple(sorted({name for reason in known for name in reason})) if known else None,
        temperature_c=max((t for each in devices if (t := each.temperature_c()) is not None), default=None),
    )
