"""What a measured model needs of a machine, and which machine of a price list it is priced with."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from arogya_bench.comparison.measurement_tables import OK
from arogya_bench.comparison.measurements import Measurement
from arogya_bench.errors import PriceError
from arogya_bench.prices.machines import choose_machine, shortage
from arogya_bench.prices.price_list import PriceList
from arogya_bench.runtime.console import plural

SYSTEM_GB = 1.0  # beside the model, for the operating system


class MeasuredGPU(NamedTuple):
    """A GPU by its name."""

    name: str


class Equipment(NamedTuple):
    """What a model needs of a machine, as ``prices.machines`` asks for it."""

    cores: int
    memory_gb: float
    gpus: tuple[MeasuredGPU, ...]

    @property
    def gpu(self) -> str:
        """Names of the GPUs; empty if none is needed."""
        return ", ".join(gpu.name for gpu in self.gpus)


def best_batch(measurement: Measurement) -> Mapping[str, Any] | None:
    """The batch size with the highest throughput; None if no throughput was measured."""
    ran = [batch for batch in measurement.batches if batch["status"] == OK and batch.get("images_per_s")]
    return max(ran, key=lambda batch: float(batch["images_per_s"]), default=None)


def priced_machine(measurement: Measurement, prices: PriceList) -> str:
    """The listed machine to compute with.

    Raises:
        PriceError: If none is listed that has what was used, the one that the list names has not, or that is not
            known.
    """
    equipment = needed_equipment(measurement)
    if equipment is None:
        if prices.machine is not None:
            return prices.machine
        raise PriceError(
            "The hardware of the measurement is not in the store.",
            fix="name a machine in the price list, as machine: NAME.",
        )
    try:
        machine = choose_machine(prices, equipment)
    except PriceError as error:
        raise PriceError(error.problem, fix=_advice(equipment)) from None
    if lacking := shortage(prices.find(machine), equipment):
        raise PriceError(
            f"The price list {prices.name!r} names the machine {machine!r}, which {lacking}: the cost of "
            f"{measurement.run.params.get('model', 'the model')} would be too low.",
            fix=f"{_advice(equipment)} Without machine: NAME the cheapest one that is enough is taken for each model. "
            "Or measure with what that machine has.",
        )
    return machine


def needed_equipment(measurement: Measurement) -> Equipment | None:
    """The processors that were used, the memory that the model took, and its GPU: it needs no more of a machine.

    None if the store does not tell.
    """
    facts, batch = measurement.hardware, best_batch(measurement)
    needed_mb = (batch or {}).get("ram_peak_mb") or measurement.metrics.get("ram_peak_mb")
    cores = measurement.run.params.get("threads") or facts.get("cores")
    names = [str(name).partition(" (")[0] for name in facts.get("gpus", ())]
    on_gpu = measurement.device.startswith("cuda")
    if needed_mb is None or cores is None or (on_gpu and not names):
        return None
    used = [names[min(_gpu_number(measurement.device), len(names) - 1)]] if on_gpu else []
    return Equipment(
        cores=int(cores), memory_gb=needed_mb / 1e3 + SYSTEM_GB, gpus=tuple(MeasuredGPU(name=name) for name in used)
    )


def describe_choice(measurement: Measurement, prices: PriceList) -> str:
    """Why the machine was chosen; empty if the price list names one that is known to be enough."""
    equipment = needed_equipment(measurement)
    if equipment is None:
        return "whether it has what was used is not known: "
    if prices.machine is not None:
        return ""
    return (
        f"the cheapest machine with {plural(equipment.cores, 'processor')}, {equipment.memory_gb:.1f} GB and "
        f"{equipment.gpu or 'no GPU'}: "
    )


def _gpu_number(device: str) -> int:
    number = device.partition(":")[2]
    return int(number) if number.isdecimal() else 0


def _advice(equipment: Equipment) -> str:
    gpu = f", gpu: {equipment.gpu}" if equipment.gpus else ""
    return (
        f"add to the price list, under machines: mine: {{cpus: {equipment.cores}, memory_gb: "
        f"{math.ceil(equipment.memory_gb)}{gpu}, per_hour: PRICE}}; conf/prices/default.yaml is an example."
    )
