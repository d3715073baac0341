"""The result of one job: what its process sends back to the sweep."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """How one job ended, as its process reports it.

    Attributes:
        name: Name of the leaderboard row.
        evaluated: Number of cells that the job evaluated; reused cells do not count.
        cause: Why it failed, as tags of a run; empty if it did not.
        killed: Whether its process was terminated externally.
    """

    name: str
    seed: int
    evaluated: int
    seconds: float
    cause: Mapping[str, str] = field(default_factory=dict)
    killed: bool = False
