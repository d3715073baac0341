"""Is a score surely within a limit, surely not, or how many more groups would tell?"""

from dataclasses import dataclass
from math import ceil, floor, isclose, isfinite
from typing import Literal

Verdict = Literal["eligible", "excluded", "undecided"]

ROUNDING_TOLERANCE = 1e-12  # differences below it come from arithmetic


@dataclass(frozen=True, kw_only=True)
class LimitVerdict:
    """Whether a model meets a limit, judged on its whole interval.

    Attributes:
        verdict: ``eligible`` with the interval inside the limit, ``excluded`` with it outside.
        further_groups: How many more groups would decide; 0 if decided, None if no number does,
            and ``note`` says why.
        best: Whether ``high`` or ``low`` values are the good ones.
        n: Number of cases; None if it was not given.
        groups: Number of independent units.
        seed: None: nothing is drawn.
        note: What a reader should know; empty if nothing.
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
        """Both ends."""
        return self.low, self.high


def judge_limit(
    estimate: float,
    low: float | None,
    high: float | None,
    groups: int,
    *,
    limit: float,
    best: Literal["high", "low"] = "high",
    n: int | None = None,
) -> LimitVerdict:
    """Judge a limit such as "sensitivity at least .95" on the bound, never on the estimate.

    Undecided is what holds the limit. The further groups are those at which the interval would
    no longer hold it: its width shrinks with 1/√groups, and the estimate is taken to stay.

    Args:
        estimate: The score.
        low: Lower end of its interval; None if there is none.
        high: Upper end.
        groups: Number of independent units it rests on.
        limit: A score equal to it is good enough.
        best: Whether high or low scores are the good ones.
        n: Number of cases, for the record.

    Raises:
        ValueError: If the ends are out of order, a number is not finite, or there is no group.
    """
    _check_arguments([estimate, limit, *(end for end in (low, high) if end is not None)], groups)
    if best not in ("high", "low"):
        raise ValueError(f"best is {best!r}, neither 'high' nor 'low'")
    if low is not None and high is not None and low > high:
        raise ValueError(f"an interval from {low} to {high}")
    # Turned so that high is good; the limit is then at 0.
    sign = 1 if best == "high" else -1
    ends = (
        None
        if low is None or high is None
        else sorted((sign * (low - limit), sign * (high - limit)))
    )
    verdict, further, note = _decide(sign * (estimate - limit), ends, groups)
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


def _decide(room: float, ends: list[float] | None, groups: int) -> tuple[Verdict, int | None, str]:
    if ends is None:
        return "undecided", None, "no interval, so no number of further groups can be given"
    worst, best = ends
    if worst >= 0:
        return "eligible", 0, ""
    if best < 0:
        return "excluded", 0, ""
    if isclose(room, 0, abs_tol=ROUNDING_TOLERANCE):
        return "undecided", None, "the estimate equals the limit: no number of groups decides"
    # Eligible when the end touches the limit, excluded only when it is beyond.
    reach = (room - worst) / room if room > 0 else (best - room) / -room
    needed = groups * reach**2
    total = (
        ceil(needed * (1 - ROUNDING_TOLERANCE))
        if room > 0
        else floor(needed * (1 + ROUNDING_TOLERANCE)) + 1
    )
    outcome = "eligible" if room > 0 else "excluded"
    note = f"{outcome} with {max(1, total - groups)} further groups, if the estimate stays"
    return "undecided", max(1, total - groups), note
