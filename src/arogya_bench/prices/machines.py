"""Finds the listed machine that has what was measured on."""

import re
from collections.abc import Sequence
from typing import Any, Protocol

from arogya_bench.errors import PriceError
from arogya_bench.prices.price_list import Machine, PriceList

MEMORY_TOLERANCE = 0.97  # a machine reports a little less memory than its list says


class Equipment(Protocol):
    """What a machine has, such as ``runtime.hardware.Hardware``."""

    @property
    def cores(self) -> int:
        """Processors that may be used."""

    @property
    def memory_gb(self) -> float:
        """Memory that may be used, in GB of 1e9 bytes."""

    @property
    def gpus(self) -> tuple[Any, ...]:
        """GPUs, with a name each."""


def choose_machine(prices: PriceList, equipment: Equipment) -> str:
    """Name the machine to compute with: that of the list, else the cheapest with at least this equipment.

    Raises:
        PriceError: If no listed machine has it.
    """
    if prices.machine is not None:
        return prices.machine
    fitting = {name: machine for name, machine in prices.machines.items() if not shortage(machine, equipment)}
    if not fitting:
        gpus = ", ".join(str(gpu.name) for gpu in equipment.gpus)
        raise PriceError(
            f"The price list {prices.name!r} has no machine with {equipment.cores} processors, "
            f"{equipment.memory_gb:.0f} GB and {gpus or 'no GPU'}.",
            fix="name one that is listed with prices.machine=NAME, or add one of your own: "
            f"'+prices.machines.mine={{cpus: {equipment.cores}, memory_gb: {equipment.memory_gb:.0f}, "
            "per_hour: PRICE}' prices.machine=mine",
        )
    return min(fitting, key=lambda name: (fitting[name].per_hour, fitting[name].cpus))


def shortage(machine: Machine, equipment: Equipment) -> str:
    """What a machine lacks of what was used, in words; empty if it has everything."""
    problems = [_gpu_shortage(machine, [str(gpu.name) for gpu in equipment.gpus])]
    if machine.cpus < equipment.cores:
        problems.append(f"has {machine.cpus} of the {equipment.cores} processors that were used")
    if machine.memory_gb < equipment.memory_gb * MEMORY_TOLERANCE:
        problems.append(f"has {machine.memory_gb:g} GB, and {equipment.memory_gb:.1f} GB are needed")
    return "; ".join(filter(None, problems))


def _gpu_shortage(machine: Machine, used: Sequence[str]) -> str:
    if not used:
        return ""
    if machine.gpu is None:
        return f"has no GPU, and {', '.join(used)} was used"
    if other := [name for name in used if not _words(machine.gpu) <= _words(name)]:
        return f"has the GPU {machine.gpu}, and {', '.join(other)} was used"
    return f"has {machine.gpus} of the {len(used)} GPUs that were used" if machine.gpus < len(used) else ""


def _words(gpu: str) -> set[str]:
    """Words of the name of a GPU: ``L4`` is not part of ``NVIDIA L40S``."""
    return set(re.findall(r"\w+", gpu.lower()))
