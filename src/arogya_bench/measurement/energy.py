"""Energy from counters: NVML for NVIDIA devices, RAPL for processors and their memory; never an estimate."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from arogya_bench.runtime.kernel_files import SYSTEM, read_number, read_text
from arogya_bench.runtime.nvml import NvmlDevice, devices_of

JOULES_PER_WH = 3600.0
POWERCAP = Path("sys/class/powercap")
# A package holds its cores and its graphics, which have domains of their own; memory is apart, and "psys"
# is the whole machine. A second set of domains (intel-rapl-mmio) reads the same counters.
COUNTED_DOMAINS = ("package", "dram")


class EnergyCounter(Protocol):
    """A device that counts the energy that it takes."""

    def joules(self) -> float | None:
        """Energy since an unknown start; None if it cannot be read."""


@dataclass(kw_only=True)
class RaplDomain:
    """A counter of the processors, which starts again at 0 after its largest value.

    Attributes:
        folder: With ``energy_uj`` and ``max_energy_range_uj``.
        last_uj: What was read last.
        passed_uj: What was counted before it last started again at 0.
    """

    folder: Path
    last_uj: float = 0.0
    passed_uj: float = 0.0

    def joules(self) -> float | None:
        """Energy; None if it cannot be read. A counter that starts again twice between two calls loses one round."""
        now = read_number(self.folder / "energy_uj")
        if now is None:
            return None
        if now < self.last_uj:
            largest = read_number(self.folder / "max_energy_range_uj")
            if largest is None:
                return None
            self.passed_uj += largest
        self.last_uj = now
        return (self.passed_uj + now) / 1e6


@dataclass(kw_only=True)
class EnergyMeter:
    """The sum of the counters of the devices that a model runs on.

    Attributes:
        mode: ``rapl``, ``nvml``, ``nvml+rapl`` or ``absent``.
        reason: Why it is absent, or what it does not count; None if it counts all.
        counters: What is summed.
    """

    mode: str
    reason: str | None
    counters: Collection[EnergyCounter] = ()
    _start: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._start = self._sum()

    def joules(self) -> float | None:
        """Energy since the meter was opened; None if it is absent or a counter cannot be read."""
        now = self._sum()
        return None if now is None or self._start is None else now - self._start

    def idle_watts(self, seconds: float) -> float | None:
        """Power while nothing of ours runs: wait, and count; None if the meter is absent."""
        before, began = self.joules(), time.perf_counter()
        if before is None:
            return None
        time.sleep(seconds)
        after, waited = self.joules(), time.perf_counter() - began
        return None if after is None else (after - before) / waited

    def _sum(self) -> float | None:
        values = [counter.joules() for counter in self.counters]
        known = [value for value in values if value is not None]
        return sum(known) if known and len(known) == len(values) else None


@dataclass(frozen=True, kw_only=True)
class EnergyUse:
    """Energy beyond that of an idle machine.

    Attributes:
        wh: In watt-hours; None if it is not known.
        reason: Why it is not known.
    """

    wh: float | None
    reason: str | None = None


def open_energy_meter(device: str, *, root: Path = SYSTEM, library: Any = None) -> EnergyMeter:
    """Find the energy counters for a model that runs on a device.

    Args:
        device: Such as ``cpu`` or ``cuda:0``.
        root: The folder that holds ``sys``.
        library: The module ``pynvml``, or one that stands in for it.
    """
    rapl, why_no_rapl = _rapl_domains(root)
    if not device.startswith("cuda"):
        return EnergyMeter(mode="rapl" if rapl else "absent", reason=why_no_rapl, counters=rapl)
    devices, why_no_nvml = _counting_devices(device, library)
    if not devices:
        return EnergyMeter(mode="absent", reason=why_no_nvml)
    mode = "nvml+rapl" if rapl else "nvml"
    return EnergyMeter(mode=mode, reason=why_no_rapl and f"of the GPU only: {why_no_rapl}", counters=[*devices, *rapl])


def energy_wh(joules: float | None, idle_watts: float | None, seconds: float) -> EnergyUse:
    """Energy of a work less that of an idle machine for the same time.

    Args:
        joules: Energy while it ran.
        idle_watts: Power of the idle machine.
        seconds: How long it ran.
    """
    if joules is None:
        return EnergyUse(wh=None, reason="no energy counter could be read")
    if idle_watts is None:
        return EnergyUse(wh=None, reason="the power of the idle machine is not known")
    idle_joules = idle_watts * seconds
    if joules < idle_joules:
        power = joules / seconds if seconds else 0.0
        problem = f"{power:.1f} W while it ran, less than the {idle_watts:.1f} W of the idle machine"
        return EnergyUse(wh=None, reason=f"{problem}: something else ran while that was measured")
    return EnergyUse(wh=(joules - idle_joules) / JOULES_PER_WH)


def _rapl_domains(root: Path) -> tuple[list[RaplDomain], str | None]:
    """The domains of processors and memory, or why there are none."""
    folders = sorted((root / POWERCAP).glob("intel-rapl:*"))  # AMD's too
    folders = [folder for folder in folders if (read_text(folder / "name") or "").startswith(COUNTED_DOMAINS)]
    if not folders:
        return [], "the processors show no energy counter (RAPL) here"
    if any(read_number(folder / "energy_uj") is None for folder in folders):
        return [], "the energy counters of the processors (RAPL) may be read by the administrator only"
    return [RaplDomain(folder=folder) for folder in folders], None


def _counting_devices(device: str, library: Any) -> tuple[tuple[NvmlDevice, ...], str | None]:
    """The NVIDIA devices with an energy counter, or why there are none."""
    devices = devices_of(device, library)
    if not devices:
        return (), "the driver shows no NVIDIA device"
    if any(each.joules() is None for each in devices):
        return (), f"{devices[0].name} has no energy counter"
    return devices, None
