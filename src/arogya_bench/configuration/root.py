"""The schema of a run: its keys and their types.

Workers import this module to unpickle a config, so it imports nothing heavy.
"""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING


@dataclass
class TrackingConfig:
    """Where results are logged."""

    uri: str | None = MISSING
    experiment: str = MISSING


@dataclass
class StatisticsConfig:
    """How confidence intervals are computed."""

    resamples: int = 10_000


@dataclass
class SweepConfig:
    """How a sweep treats finished cells, and how it runs its jobs."""

    resume: bool = True
    job_timeout: float | None = None
    exclusive: bool = False
    resources: dict[str, Any] = field(default_factory=dict)
    budget: float | None = None
    max_failures: int | None = None
    missing: str = "skip"


@dataclass
class BudgetConfig:
    """What the API calls of an experiment may cost."""

    usd: float | None = None


@dataclass
class RootConfig:
    """The keys of a run; config groups such as ``model`` are validated by their own dataclasses."""

    model: dict[str, Any] = field(default_factory=lambda: {"name": None})  # of the row; the rest is of its adapter
    dataset: dict[str, Any] = MISSING
    augmentation: dict[str, Any] = MISSING
    training: dict[str, Any] = MISSING
    metric: dict[str, Any] = field(default_factory=dict)
    measure: dict[str, Any] = field(default_factory=dict)
    prices: dict[str, Any] = field(default_factory=dict)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    split: dict[str, Any] = MISSING
    statistics: StatisticsConfig = field(default_factory=StatisticsConfig)
    sweep: SweepConfig = field(default_factory=SweepConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    seed: int = 42
    device: str = "auto"
    image_size: int | None = None
    limit: int | None = None
    batch_size: int = 32
    threads: int | None = None
    calibration: str = "none"
    gate: str = "stop"
    image_cache_gb: float = 4.0


def register_schema() -> None:
    """Register the schema with Hydra as ``root``, the name in the defaults of ``config.yaml``."""
    ConfigStore.instance().store(name="root", node=RootConfig)
