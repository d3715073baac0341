"""The hardware that this process may use: processors, memory and NVIDIA devices."""

import math
import os
import platform
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from arogya_bench.runtime.cgroups import cpu_quota, memory_limit
from arogya_bench.runtime.kernel_files import SYSTEM, read_table, read_text
from arogya_bench.runtime.nvml import cuda_version, driver_version, visible_devices

GB = 1e9  # bytes


@dataclass(frozen=True, kw_only=True)
class GPU:
    """An NVIDIA device.

    Attributes:
        memory_gb: Its memory, in 1e9 bytes; None if the driver does not tell.
    """

    name: str
    memory_gb: float | None

    def __str__(self) -> str:
        return self.name if self.memory_gb is None else f"{self.name} ({self.memory_gb:.0f} GB)"


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """What this process may use, without the names of hosts, people or folders.

    Attributes:
        cpu: Model name of the processor.
        cores: Processors allowed by affinity and by the quota of the container, rounded up.
        memory_gb: Memory allowed by the machine and the container, in 1e9 bytes.
        gpus: NVIDIA devices that CUDA_VISIBLE_DEVICES allows.
        driver: Version of the NVIDIA driver.
        cuda: Newest CUDA that the driver supports.
    """

    cpu: str
    cores: int
    memory_gb: float
    gpus: tuple[GPU, ...] = ()
    driver: str | None = None
    cuda: str | None = None

    def describe(self) -> str:
        """In one line, such as ``AMD EPYC, 2 cores, 24 GB, no GPU``."""
        return f"{self.processors()}, {self.memory()}, {self.devices() or 'no GPU'}"

    def processors(self) -> str:
        """Such as ``AMD EPYC, 2 cores``."""
        return f"{self.cpu}, {self.cores} core{'' if self.cores == 1 else 's'}"

    def memory(self) -> str:
        """Such as ``24 GB``."""
        return f"{self.memory_gb:.0f} GB" if self.memory_gb >= 1 else f"{self.memory_gb:.1f} GB"

    def devices(self) -> str:
        """Such as ``2 x NVIDIA L4 (24 GB)``; empty without one."""
        counts = Counter(map(str, self.gpus))
        return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in counts.items())

    def facts(self) -> dict[str, object]:
        """What a measurement depends on; memory in whole GB, since another kernel keeps some of it."""
        return {
            "cpu": self.cpu,
            "cores": self.cores,
            "memory": self.memory(),
            "gpus": [str(gpu) for gpu in self.gpus],
            "driver": self.driver,
            "cuda": self.cuda,
        }


@cache
def read_hardware() -> Hardware:
    """The hardware of this process, read once."""
    return inspect_hardware()


def inspect_hardware(root: Path = SYSTEM, library: Any = None) -> Hardware:
    """Read the hardware.

    Args:
        root: The folder that holds ``proc`` and ``sys``.
        library: The module ``pynvml``, or one that stands in for it.
    """
    gpus = [GPU(name=device.name, memory_gb=_gb(device.memory_mb)) for device in visible_devices(library)]
    quota = cpu_quota(root)
    processors = len(allowed_processors(root))
    return Hardware(
        cpu=cpu_name(root),
        cores=processors if quota is None else max(1, min(processors, math.ceil(quota))),
        memory_gb=round(min(_machine_memory(root), memory_limit(root) or math.inf) / GB, 1),
        gpus=tuple(gpus),
        driver=driver_version(library),
        cuda=cuda_version(library),
    )


def allowed_processors(root: Path = SYSTEM) -> frozenset[int]:
    """Numbers of the processors that this process may run on; all of them where the system has no affinity."""
    lines = (read_text(root / "proc/self/status") or "").splitlines()
    lists = [line.partition(":")[2].strip() for line in lines if line.startswith("Cpus_allowed_list:")]
    if not lists:
        return frozenset(range(os.cpu_count() or 1))
    spans = [span.partition("-") for span in lists[0].split(",")]
    return frozenset(number for low, _, high in spans for number in range(int(low), int(high or low) + 1))


def cpu_name(root: Path = SYSTEM) -> str:
    """Model name of the processor, or its architecture if the system does not tell."""
    lines = (read_text(root / "proc/cpuinfo") or "").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _machine_memory(root: Path) -> float:
    kilobytes = read_table(root / "proc/meminfo").get("MemTotal")
    if kilobytes is not None:
        return kilobytes * 1024.0
    import psutil  # for systems other than Linux

    return float(psutil.virtual_memory().total)


def _gb(megabytes: float | None) -> float | None:
    return None if megabytes is None else round(megabytes / 1e3, 1)
