"""NVIDIA devices as their driver describes them (NVML); none where there is no driver.

Only devices that CUDA_VISIBLE_DEVICES allows are seen, in its order, so that no number of ours counts
a device of somebody else. CUDA orders different devices by speed unless CUDA_DEVICE_ORDER=PCI_BUS_ID.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from arogya_bench.runtime.kernel_files import SYSTEM

MB = 1e6  # bytes
HIDDEN = ("", "-1", "NoDevFiles")  # values of CUDA_VISIBLE_DEVICES that hide every device
# Reasons for a changed clock, as the driver numbers their bits.
CLOCK_REASONS = {
    0x2: "application clocks",
    0x4: "power limit",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
    0x100: "display clocks",
}


@dataclass(frozen=True, kw_only=True)
class NvmlDevice:
    """A device; what its driver does not tell is None.

    Attributes:
        library: The module ``pynvml``.
        handle: What that module knows the device by.
    """

    library: Any
    handle: Any

    @property
    def name(self) -> str:
        """Its product name."""
        return _text(self._ask("nvmlDeviceGetName")) or "NVIDIA GPU"

    @property
    def uuid(self) -> str | None:
        """What tells it from every other device; not a fact to log."""
        return _text(self._ask("nvmlDeviceGetUUID"))

    @property
    def memory_mb(self) -> float | None:
        """Memory of the device."""
        memory = self._ask("nvmlDeviceGetMemoryInfo")
        return None if memory is None else float(memory.total / MB)

    def used_mb(self) -> float | None:
        """Memory in use, by whomever."""
        memory = self._ask("nvmlDeviceGetMemoryInfo")
        return None if memory is None else float(memory.used / MB)

    def processes(self) -> Mapping[int, float | None] | None:
        """Memory in MB by process id, of those that compute or draw; None for an amount that is not told."""
        listed: dict[int, float | None] = {}
        answers = [self._ask(f"nvmlDeviceGet{kind}RunningProcesses") for kind in ("Compute", "Graphics")]
        if answers == [None, None]:
            return None
        for process in (process for answer in answers for process in answer or ()):
            used = process.usedGpuMemory
            listed[process.pid] = listed.get(process.pid) if used is None else used / MB
        return listed

    def joules(self) -> float | None:
        """Energy since the driver was loaded."""
        millijoules = self._ask("nvmlDeviceGetTotalEnergyConsumption")
        return None if millijoules is None else millijoules / 1e3

    def temperature_c(self) -> float | None:
        """Of the chip, in degrees Celsius."""
        sensor = 0  # NVML_TEMPERATURE_GPU
        answers = (self._ask(f"nvmlDeviceGetTemperature{version}", sensor) for version in ("V", ""))
        return next((float(degrees) for degrees in answers if degrees is not None), None)

    def clock_reasons(self) -> tuple[str, ...] | None:
        """Why its clock is not what it could be; idleness is not among them."""
        bits = self._ask("nvmlDeviceGetCurrentClocksEventReasons")
        if bits is None:  # its name before driver 535
            bits = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons")
        return None if bits is None else tuple(name for bit, name in CLOCK_REASONS.items() if bits & bit)

    def _ask(self, function: str, *arguments: object) -> Any:
        return _ask(self.library, function, self.handle, *arguments)


@cache
def load_nvml() -> Any:
    """The module ``pynvml``, ready for questions; None without it or without a driver."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def visible_devices(library: Any = None) -> tuple[NvmlDevice, ...]:
    """The devices that CUDA programs of this process see, in their order.

    Args:
        library: The module ``pynvml`` after ``nvmlInit``; None loads it.
    """
    library = library or load_nvml()
    if library is None:
        return ()
    handles = [_ask(library, "nvmlDeviceGetHandleByIndex", i) for i in range(_ask(library, "nvmlDeviceGetCount") or 0)]
    devices = [NvmlDevice(library=library, handle=handle) for handle in handles if handle is not None]
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    return tuple(devices) if allowed is None else tuple(_chosen(allowed, devices, library))


def devices_of(device: str | None, library: Any = None) -> tuple[NvmlDevice, ...]:
    """The devices behind a name such as ``cuda:0``; none for ``cpu``, all visible ones for None."""
    if device is None:
        return visible_devices(library)
    kind, _, index = device.partition(":")
    visible = visible_devices(library) if kind == "cuda" else ()
    position = int(index) if index.isdigit() else 0
    return visible[position : position + 1]


def driver_version(library: Any = None) -> str | None:
    """Version of the NVIDIA driver, such as 580.65; None without one."""
    library = library or load_nvml()
    return None if library is None else _text(_ask(library, "nvmlSystemGetDriverVersion"))


def cuda_version(library: Any = None) -> str | None:
    """Newest CUDA that the driver supports, such as 13.0; None without a driver."""
    library = library or load_nvml()
    number = None if library is None else _ask(library, "nvmlSystemGetCudaDriverVersion_v2")
    return None if number is None else f"{number // 1000}.{number % 1000 // 10}"


def memory_of(devices: Collection[NvmlDevice], pids: Collection[int]) -> float | None:
    """MB that processes hold on devices; None if a driver does not tell, or numbers processes otherwise."""
    listed = [device.processes() for device in devices]
    known = [processes for processes in listed if processes is not None]
    own = [mb for processes in known for pid, mb in processes.items() if pid in pids]
    if not known or len(known) < len(listed) or None in own:
        return None
    if not own and any(not (SYSTEM / f"proc/{pid}").exists() for processes in known for pid in processes):
        return None  # a container has numbers of its own: ours may be among those that it does not know
    return sum(mb for mb in own if mb is not None)


def _chosen(allowed: str, devices: list[NvmlDevice], library: Any) -> Iterator[NvmlDevice]:
    """As CUDA does: by index or by the start of a UUID, up to the first that does not exist."""
    if allowed.strip() in HIDDEN:
        return
    for name in map(str.strip, allowed.split(",")):
        found = _find(name, devices, library)
        if found is None:
            return
        yield found


def _find(name: str, devices: list[NvmlDevice], library: Any) -> NvmlDevice | None:
    if name.isdigit():
        return devices[int(name)] if int(name) < len(devices) else None
    if name.startswith("MIG-"):  # a part of a device
        handle = _ask(library, "nvmlDeviceGetHandleByUUID", name)
        return None if handle is None else NvmlDevice(library=library, handle=handle)
    matching = [device for device in devices if name and (device.uuid or "").startswith(name)]
    return matching[0] if len(matching) == 1 else None


def _ask(library: Any, function: str, *arguments: object) -> Any:
    """What NVML answers; None if this device, driver or version of the library cannot tell."""
    try:
        return getattr(library, function)(*arguments)
    except (library.NVMLError, AttributeError):
        return None


def _text(value: str | bytes | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value
