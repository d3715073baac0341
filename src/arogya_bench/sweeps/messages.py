"""What a sweep hands to the process that does a job, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from omegaconf import DictConfig


@dataclass(frozen=True, kw_only=True)
class Order:
    """One job as Hydra composed it, and where it goes.

    Attributes:
        config: Without Hydra's own node.
        choices: Which option each group was filled with.
        store_uri: Address of the store.
        parent: Run id of the sweep.
    """

    config: DictConfig = field(repr=False)
    choices: Mapping[str, str]
    store_uri: str
    parent: str


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What a job came to, as its process tells the sweep.

    Attributes:
        name: Of the leaderboard row.
        evaluated: Cells that were made now.
        seconds: That it took.
        cause: What went wrong, as the tags of a run say it; empty if nothing did.
        killed: Whether it was ended from outside.
    """

    name: str
    seed: int
    evaluated: int
    seconds: float
    cause: Mapping[str, str] = field(default_factory=dict)
    killed: bool = False
