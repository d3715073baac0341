"""The result of one job: what its process sends back to the sweep."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


def job_key(overrides: Iterable[str]) -> str:
    """Name a job of a sweep by its overrides, without the number of threads that a launcher adds."""
    return " ".join(sorted(override for override in overrides if not override.startswith("threads=")))


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
