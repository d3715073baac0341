"""The fields that every statistical result has."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a number was computed, and from how much data.

    Attributes:
        method: Name of the method.
        n: Number of cases.
        groups: Number of independent groups; equal to ``n`` where one case per group is assumed.
        seed: Seed of the resamples; None if nothing is drawn, or stored draws are replayed.
        note: Caveats, or an empty string.
    """

    method: str
    n: int
    groups: int
    seed: int | None = None
    note: str = ""
