"""Memory and processor time of a process and its descendants, sampled from outside, window by window."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from arogya_bench.measurement.process_tree import cpu_seconds, process_tree, resident_mb
from arogya_bench.runtime.nvml import NvmlDevice, devices_of, memory_of

PERIOD_S = 0.02  # an allocation of 100 ms is seen five times
SAMPLES_PER_FULL_SCAN = 3  # of children that other threads than the main one have started
SAMPLES_PER_GPU_SAMPLE = 2  # NVML takes longer; its allocators keep what they once took


@dataclass(kw_only=True)
class ResourceWindow:
    """What a process tree used between two moments; complete when the window is closed.

    Attributes:
        ram_peak_mb: Highest sum of the resident memory; pages that processes share count in each.
        cpu_seconds: Processor time, that of children which ended included; None if unknown.
        seconds: Duration.
        samples: How often the memory was read.
        gpu_process_peak_mb: Highest memory of the tree on its devices; None without a device, or if untold.
        gpu_device_peak_mb: Highest memory in use on its devices, by whomever; None without a device.
    """

    ram_peak_mb: float = 0.0
    cpu_seconds: float | None = None
    seconds: float = 0.0
    samples: int = 0
    gpu_process_peak_mb: float | None = None
    gpu_device_peak_mb: float | None = None

    @property
    def cpu_percent(self) -> float | None:
        """Processor time per time; 200 % are two processors all the time."""
        return None if self.cpu_seconds is None or not self.seconds else 100 * self.cpu_seconds / self.seconds


class ResourceSampler:
    """Samples a process and its descendants 50 times a second from a thread of another process.

    Args:
        pid: The process.
        device: Whose memory counts, such as ``cuda:0``; ``cpu`` for none, None for every visible device.
        library: The module ``pynvml``, or one that stands in for it.
    """

    def __init__(self, pid: int, *, device: str | None = None, library: Any = None) -> None:
        self.pid = pid
        self.devices: tuple[NvmlDevice, ...] = devices_of(device, library)
        self._pids = frozenset([pid])
        self.seen: frozenset[int] = self._pids  # every process of the tree so far

    @contextmanager
    def window(self) -> Iterator[ResourceWindow]:
        """Sample while the block runs.

        A process that has ended holds nothing from then on; one that has ended before has no processor time.
        """
        window, stopped = ResourceWindow(), threading.Event()
        began, cpu_before = time.perf_counter(), cpu_seconds([self.pid])
        self._sample(window)
        sampler = threading.Thread(target=self._run, args=(window, stopped), name="arogya-resources", daemon=True)
        sampler.start()
        try:
            yield window
        finally:
            window.seconds, cpu_after = time.perf_counter() - began, cpu_seconds([self.pid])
            stopped.set()
            sampler.join()
            self._sample(window)
            if cpu_before is not None and cpu_after is not None:
                window.cpu_seconds = cpu_after - cpu_before

    def _run(self, window: ResourceWindow, stopped: threading.Event) -> None:
        due = time.perf_counter() + PERIOD_S
        while not stopped.wait(max(0.0, due - time.perf_counter())):
            self._sample(window)
            due = max(due, time.perf_counter() - PERIOD_S) + PERIOD_S

    def _sample(self, window: ResourceWindow) -> None:
        pids = self._find_processes(every_thread=window.samples % SAMPLES_PER_FULL_SCAN == 0)
        window.ram_peak_mb = max(window.ram_peak_mb, resident_mb(pids))
        if self.devices and window.samples % SAMPLES_PER_GPU_SAMPLE == 0:
            used = [device.used_mb() for device in self.devices]
            window.gpu_device_peak_mb = _higher(window.gpu_device_peak_mb, _sum(used))
            window.gpu_process_peak_mb = _higher(window.gpu_process_peak_mb, memory_of(self.devices, pids))
        window.samples += 1

    def _find_processes(self, *, every_thread: bool) -> frozenset[int]:
        """The tree; between full scans, what the last one found and the children of main threads."""
        self._pids = process_tree([self.pid] if every_thread else self._pids, every_thread=every_thread)
        self.seen |= self._pids
        return self._pids


def _higher(peak: float | None, value: float | None) -> float | None:
    known = [each for each in (peak, value) if each is not None]
    return max(known, default=None)


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None
