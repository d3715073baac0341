"""The result of one job: what its process sends back to the sweep."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self


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
        score: On clean images, or under its only condition, with the interval; empty if it evaluated neither.
        api_usd: What its API calls cost, answered or not; None if only the estimate of the sweep is known.
    """

    name: str
    seed: int
    evaluated: int
    seconds: float
    cause: Mapping[str, str] = field(default_factory=dict)
    killed: bool = False
    api_usd: float | None = None
    score: str = ""

    def after(self, earlier: Self | None) -> Self:
        """This result with what the API calls of an earlier process of the same job cost."""
        if earlier is None:
            return self
        amounts = [result.api_usd for result in (earlier, self) if result.api_usd is not None]
        return replace(self, api_usd=sum(amounts) if len(amounts) == 2 else None)
