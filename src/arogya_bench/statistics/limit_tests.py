"""Compare an interval with a limit, and estimate how many more groups would decide."""

from dataclasses import dataclass
from math import ceil, floor, inf, isclose, isfinite
from typing import Literal

from arogya_bench.statistics.arguments import sign

Verdict = Literal["eligible", "excluded", "undecided"]

MORE_SEEDS = "more training seeds would be needed, since no number of groups would be enough"
ROUNDING_TOLERANCE = 1e-12  # differences below it come from arithmetic


@dataclass(frozen=True, kw_only=True)
class LimitVerdict:
    """Whether the interval of a score meets a limit.

    Attributes:
        verdict: ``eligible`` with the interval inside the limit, ``excluded`` with it outside.
        further_groups: How many more groups would decide; 0 if decided, None if no number would,
            with the reason in ``note``.
    """

    verdict: Verdict
    further_groups: int | None
    estimate: float
    low: float | None
    high: float | None
    limit: float
    best: str
    n: int | None
    groups: int
    method: str = "interval against limit"
    seed: int | None = None
    note: str = ""

    @property
    def ci(self) -> tuple[float | None, float | None]:
        """Both ends of the interval."""
        return self.low, self.high


def judge_limit(  # noqa: PLR0913 - an interval, what it rests on, and the limit
    estimate: float,
    low: float | None,
    high: float | None,
    groups: int,
    *,
    limit: float,
    best: Literal["high", "low"] = "high",
    n: int | None = None,
    fixed_share: float = 0.0,
) -> LimitVerdict:
    """Compare a limit such as "sensitivity at least .95" with the interval, not the estimate.

    A score is undecided if the limit lies inside its interval. ``further_groups`` assumes that the
    width of the interval shrinks with 1/√groups and that the estimate stays the same.

    Args:
        estimate: The score.
        low: Lower end of its interval; None without an interval.
        high: Upper end.
        groups: Number of independent groups.
        limit: A score equal to the limit meets it.
        best: Whether high or low scores are better.
        n: Number of cases, copied to the result.
        fixed_share: Share of the variance behind the interval that more groups do not reduce, such as that between
            training seeds; from 0 to 1.
    """
    _check_arguments([estimate, limit, *(end for end in (low, high) if end is not None)], groups)
    if low is not None and high is not None and low > high:
        raise ValueError(f"low is {low}, above high, which is {high}")
    # With signs such that high is better, and the limit at 0.
    direction = sign(best)
    ends = None if low is None or high is None else sorted((direction * (low - limit), direction * (high - limit)))
    verdict, further, note = _decide(direction * (estimate - limit), ends, groups, fixed_share)
    return LimitVerdict(
        verdict=verdict,
        further_groups=further,
        estimate=estimate,
        low=low,
        high=high,
        limit=limit,
        best=best,
        n=n,
        groups=groups,
        note=note,
    )


def _check_arguments(numbers: list[float], groups: int) -> None:
    if not all(isfinite(number) for number in numbers):
        raise ValueError(f"a number is not finite: {numbers}")
    if groups < 1:
        raise ValueError(f"{groups} groups: at least 1 is needed")


def _decide(room: float, ends: list[float] | None, groups: int, fixed_share: float) -> tuple[Verdict, int | None, str]:
    if ends is None:
        return "undecided", None, "without an interval, the number of further groups is unknown"
    worst, best = ends
    if worst >= 0:
        return "eligible", 0, ""
    if best < 0:
        return "excluded", 0, ""
    if isclose(room, 0, abs_tol=ROUNDING_TOLERANCE):
        return "undecided", None, "the estimate equals the limit: no number of groups would be enough"
    # An end on the limit makes a score eligible; to be excluded, it must be beyond the limit.
    reach = (room - worst) / room if room > 0 else (best - room) / -room
    allowed = 1 / reach**2 - fixed_share if reach else inf  # of the variance
    if fixed_share and allowed <= ROUNDING_TOLERANCE:
        return "undecided", None, MORE_SEEDS
    needed = groups * (1 - fixed_share) / allowed
    total = ceil(needed * (1 - ROUNDING_TOLERANCE)) if room > 0 else floor(needed * (1 + ROUNDING_TOLERANCE)) + 1
    outcome = "eligible" if room > 0 else "excluded"
    note = f"{outcome} with {max(1, total - groups)} further groups, if the estimate stays the same"
    return "undecided", max(1, total - groups), note
