"""The answer in one sentence: who is ahead, or why nobody is."""

from collections.abc import Sequence

from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.leaderboard import LeaderboardRow, is_correct
from arogya_bench.statistics import minimum_detectable_difference
from arogya_bench.types import BoxPredictions


def build_verdict(
    block: ComparableRuns, rows: Sequence[LeaderboardRow], tied: Sequence[str], *, pairs: int
) -> dict[str, str]:
    """Name the leader only if it beats every other row after correction; else abstain.

    Args:
        block: Where the rows stand.
        rows: Best first.
        tied: The rows that the first one is not shown to beat.
        pairs: Size of the family of tests.

    Returns:
        ``build_verdict`` (``ahead`` or ``undecided``), ``models`` and ``reason``.
    """
    if not rows:
        return _undecided_verdict([], "no row finished on clean images.")
    best = rows[0].name
    if len(rows) == 1:
        reason = f"{best} is the only row: there is nothing to compare.{_missing_note(block)}"
        return _undecided_verdict([best], reason)
    where = f"on {rows[0].draws.groups} {'patients' if block.grouped else 'cases'}"
    if tied:
        reason = (
            f"{best} is first, and not shown to be better than {', '.join(tied)} {where}. "
            f"{_power_note(rows)}{_missing_note(block)}"
        )
        return _undecided_verdict([best, *tied], reason)
    corrected = f", after correction over {pairs} pairs" if pairs > 1 else ""
    reason = f"{best} is better than {_other_names(rows)} {where}{corrected}.{_missing_note(block)}"
    return {"verdict": "ahead", "models": best, "reason": reason}


def _undecided_verdict(models: Sequence[str], reason: str) -> dict[str, str]:
    return {"verdict": "undecided", "models": ", ".join(models), "reason": reason}


def _missing_note(block: ComparableRuns) -> str:
    count = len(block.missing)
    return f" {count} {'cell is' if count == 1 else 'cells are'} missing." if count else ""


def _other_names(rows: Sequence[LeaderboardRow]) -> str:
    names = [each.name for each in rows[1:]]
    return names[0] if len(names) == 1 else f"each of {', '.join(names)}"


def _power_note(rows: Sequence[LeaderboardRow]) -> str:
    """What a test of this size could have seen between the first two, in points of accuracy."""
    if any(len(each.predictions) > 1 for each in rows[:2]):
        return "With several seeds, what such a test could have seen is not computed."
    one, two = (each.predictions[0] for each in rows[:2])
    if isinstance(one, BoxPredictions) or isinstance(two, BoxPredictions):
        return "What such a test could have seen is not computed for boxes."
    first, second = is_correct(one), is_correct(two)
    share = float((first != second).mean())
    groups = rows[0].draws.groups
    if not share:
        return "The first two are right and wrong on the same cases."
    points = min(100.0, 100 * minimum_detectable_difference(share, groups))
    return f"With {groups} of them, only {points:.1f} points of accuracy or more would be seen."
