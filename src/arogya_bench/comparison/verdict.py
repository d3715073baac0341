"""The answer in one sentence: who is ahead, or why nobody is."""

from collections.abc import Sequence

from arogya_bench.comparison.blocks import Block
from arogya_bench.comparison.leaderboard import Standing, right
from arogya_bench.statistics import minimum_detectable_difference
from arogya_bench.types import BoxPredictions


def verdict(
    block: Block, standings: Sequence[Standing], tied: Sequence[str], *, pairs: int
) -> dict[str, str]:
    """Name the leader only if it beats every other row after correction; else abstain.

    Args:
        block: Where the rows stand.
        standings: Best first.
        tied: The rows that the first one is not shown to beat.
        pairs: Size of the family of tests.

    Returns:
        ``verdict`` (``ahead`` or ``undecided``), ``models`` and ``reason``.
    """
    if not standings:
        return _undecided([], "no row finished on clean images.")
    best = standings[0].label
    if len(standings) == 1:
        reason = f"{best} is the only row: there is nothing to compare.{_missing(block)}"
        return _undecided([best], reason)
    where = f"on {standings[0].draws.groups} {'patients' if block.grouped else 'cases'}"
    if tied:
        reason = (
            f"{best} is first, and not shown to be better than {', '.join(tied)} {where}. "
            f"{_power(standings)}{_missing(block)}"
        )
        return _undecided([best, *tied], reason)
    corrected = f", after correction over {pairs} pairs" if pairs > 1 else ""
    reason = f"{best} is better than {_others(standings)} {where}{corrected}.{_missing(block)}"
    return {"verdict": "ahead", "models": best, "reason": reason}


def _undecided(models: Sequence[str], reason: str) -> dict[str, str]:
    return {"verdict": "undecided", "models": ", ".join(models), "reason": reason}


def _missing(block: Block) -> str:
    count = len(block.missing)
    return f" {count} {'cell is' if count == 1 else 'cells are'} missing." if count else ""


def _others(standings: Sequence[Standing]) -> str:
    names = [each.label for each in standings[1:]]
    return names[0] if len(names) == 1 else f"each of {', '.join(names)}"


def _power(standings: Sequence[Standing]) -> str:
    """What a test of this size could have seen between the first two, in points of accuracy."""
    if any(len(each.predictions) > 1 for each in standings[:2]):
        return "With several seeds, what such a test could have seen is not computed."
    one, two = (each.predictions[0] for each in standings[:2])
    if isinstance(one, BoxPredictions) or isinstance(two, BoxPredictions):
        return "What such a test could have seen is not computed for boxes."
    first, second = right(one), right(two)
    share = float((first != second).mean())
    groups = standings[0].draws.groups
    if not share:
        return "The first two are right and wrong on the same cases."
    points = min(100.0, 100 * minimum_detectable_difference(share, groups))
    return f"With {groups} of them, only {points:.1f} points of accuracy or more would be seen."
