"""The keys of a run, and their types; light, since every config that travels names it."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING


@dataclass
class Tracking:
    """Where the results go."""

    uri: str | None = MISSING
    experiment: str = MISSING


@dataclass
class Statistics:
    """How intervals are made."""

    resamples: int = 10_000


@dataclass
class Sweep:
    """How a sweep treats what is there already, and its jobs."""

    resume: bool = True
    job_timeout: float | None = None
    quiet: bool = False
    resources: dict[str, Any] = field(default_factory=dict)
    usd_per_hour: float | None = None


@dataclass
class Root:
    """The keys of a run; models, datasets and the like are checked by their own dataclasses."""

    model: dict[str, Any] = MISSING
    dataset: dict[str, Any] = MISSING
    augmentation: dict[str, Any] = MISSING
    training: dict[str, Any] = MISSING
    metric: dict[str, Any] = field(default_factory=dict)
    tracking: Tracking = field(default_factory=Tracking)
    split: dict[str, Any] = MISSING
    statistics: Statistics = field(default_factory=Statistics)
    sweep: Sweep = field(default_factory=Sweep)
    seed: int = 42
    device: str = "auto"
    image_size: int | None = None
    limit: int | None = None
    batch_size: int = 32
    threads: int | None = None
    calibration: str = "none"
    gate: str = "stop"
    decoded_gb: float = 4.0


def register() -> None:
    """Tell Hydra our schema; the name ``root`` stands in the defaults of ``config.yaml``."""
    ConfigStore.instance().store(name="root", node=Root)
