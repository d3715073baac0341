"""Measures models in turns: every model in a process of its own, kept alive between its blocks.

Rounds in random order let drift of the machine hit all models alike, so that differences are compared by round.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import numpy as np
import psutil

from arogya_bench.measurement.energy import open_energy_meter
from arogya_bench.measurement.machine_state import read_machine_state
from arogya_bench.measurement.measured_model import MeasuredModel
from arogya_bench.measurement.process_tree import MB, process_tree, resident_mb
from arogya_bench.measurement.protocol import MeasurementProtocol
from arogya_bench.measurement.results import EnergySource, ModelMeasurement
from arogya_bench.measurement.worker import WorkerModel
from arogya_bench.runtime.hardware import read_hardware

FREE_MEMORY_FACTOR = 2.0  # of the largest model so far, free before another one is loaded beside it
MIN_FREE_MB = 2000.0


@dataclass(frozen=True, kw_only=True)
class SessionModel:
    """A model of a session: the name of its row, and what its worker needs."""

    name: str
    worker: WorkerModel


Outcome = ModelMeasurement | Exception


@dataclass(frozen=True, kw_only=True)
class SessionControl:
    """What the caller of a session hears and decides.

    Attributes:
        progress: Called with what is being done.
        stop: Called every second; returns why measuring has to end, or None.
    """

    progress: Callable[[str], object]
    stop: Callable[[], Exception | None] = lambda: None


def measure_models(
    models: Sequence[SessionModel], protocol: MeasurementProtocol, *, rng: np.random.Generator, control: SessionControl
) -> Iterator[Outcome]:
    """Measure models one at a time, in turns; a model that fails does not stop the others.

    Models that do not fit in memory together are measured in several sessions, which is noted.

    Args:
        models: At least one.
        protocol: Scenarios and durations.
        rng: Draws the order of models and images, and the arrivals of the server scenario.
        control: Hears of the progress, and may end the session.

    Yields:
        The measurement or the error of each model in the same order, each as soon as it is complete.
    """
    done = 0
    while done < len(models):
        for outcome in _measure_group(models, done, protocol, rng, control):
            yield outcome
            done += 1


def _measure_group(
    models: Sequence[SessionModel],
    first: int,
    protocol: MeasurementProtocol,
    rng: np.random.Generator,
    control: SessionControl,
) -> Iterator[Outcome]:
    """Measure as many of the models, from the first on, as memory holds together."""
    group: list[MeasuredModel] = []
    image_seed = int(rng.integers(2**31))  # the same images in the same order for every model
    with ExitStack() as stack:
        for model in models[first:]:
            if not _has_memory(group):
                break
            control.progress(f"loading {model.name}")
            loaded = MeasuredModel(model.worker, protocol, seed=image_seed, stop=control.stop)
            stack.callback(loaded.close)
            loaded.attempt(loaded.start)
            group.append(loaded)
        names = [model.name for model in models[first:]]
        _run_rounds(dict(zip(names, group, strict=False)), protocol, rng, control)
        notes = _describe_groups(before=first, after=len(models) - first - len(group))
        session = uuid4().hex[:12]
        for name, loaded in zip(names, group, strict=False):
            control.progress(f"measuring {name} as a server")
            loaded.attempt(loaded.finish)
            yield loaded.outcome(session, notes)


def _describe_groups(*, before: int, after: int) -> tuple[str, ...]:
    """Say which models were not measured in turns with those of a group."""
    apart = [*([f"{before} measured before"] if before else []), *([f"{after} measured after"] if after else [])]
    if not apart:
        return ()
    return (f"not measured in turns with models that memory did not hold beside it: {' and '.join(apart)}",)


def _has_memory(loaded: Sequence[MeasuredModel]) -> bool:
    """Whether another model fits beside those that are loaded."""
    if not loaded:
        return True
    largest = max(model.resident_mb for model in loaded)
    needed = max(MIN_FREE_MB, FREE_MEMORY_FACTOR * largest)
    return free_memory_mb() >= needed


def free_memory_mb() -> float:
    """Memory that another process may take, in MB (10^6 bytes), within the limit of the container."""
    available = psutil.virtual_memory().available / MB
    used_by_us = resident_mb(process_tree([os.getpid()]))
    return float(min(available, 1e3 * read_hardware().memory_gb - used_by_us))


def _run_rounds(
    models: Mapping[str, MeasuredModel],
    protocol: MeasurementProtocol,
    rng: np.random.Generator,
    control: SessionControl,
) -> None:
    """Measure all models in turns, and the machine before and after."""
    names, group = list(models), list(models.values())
    device = _session_device(group)
    meter = open_energy_meter(device)
    energy = EnergySource(mode=meter.mode, reason=meter.reason, idle_watts=meter.idle_watts(protocol.idle_seconds))
    before = read_machine_state(_process_ids(group), device=device)
    for number in range(protocol.rounds):
        for index in rng.permutation(len(names)):
            control.progress(f"measuring {names[index]}, round {number + 1} of {protocol.rounds}")
            group[index].attempt(partial(group[index].run_round, number, meter))
        if number == 0:
            for name, model in models.items():
                control.progress(f"measuring {name} with larger batches")
                model.attempt(partial(model.grow, meter, free_memory_mb))
    after = read_machine_state(_process_ids(group), device=device)
    for model in group:
        model.conditions = (before, after, energy)


def _session_device(models: Sequence[MeasuredModel]) -> str:
    """The device whose energy and processes count: that of the models on a GPU, if there are any."""
    devices = [model.device for model in models if model.device.startswith("cuda")]
    return devices[0] if devices else "cpu"


def _process_ids(models: Sequence[MeasuredModel]) -> list[int]:
    """The processes of the models and this one, whose processor time is not foreign."""
    return [*(model.pid for model in models if model.pid is not None), os.getpid()]
