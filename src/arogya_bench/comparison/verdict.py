"""The verdict of a comparison: the model that is ahead, or why the result is undecided."""

from collections.abc import Sequence

from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.leaderboard import LeaderboardRow
from arogya_bench.scoring.tasks import correct_cases
from arogya_bench.statistics import minimum_detectable_difference


def build_verdict(
    block: ComparableRuns, rows: Sequence[LeaderboardRow], tied: Sequence[str], *, pairs: int
) -> dict[str, str]:
    """Name the first model if it beats every other one after correction for multiple tests.

    Args:
        block: The evaluations behind the rows.
        rows: Best first.
        tied: Names of the models that the first one is not shown to beat.
        pairs: Number of paired tests that were corrected for.

    Returns:
        ``verdict`` (``ahead`` or ``undecided``), ``models`` and ``reason``.
    """
    if not rows:
        return _undecided([], "no clean evaluation finished; run augmentation=clean first.")
    best = rows[0].name
    if len(rows) == 1:
        reason = f"{best} is the only model; there is nothing to compare.{_missing_note(block)}"
        return _undecided([best], reason)
    sample = f"{rows[0].draws.groups} {'patients' if block.grouped else 'cases'}"
    if tied:
        reason = (
            f"{best} ranks first but is not shown to be better than {_join_names(tied, 'or')} "
            f"on {sample}. {_power_note(rows, sample)}{_missing_note(block)}"
        )
        return _undecided([best, *tied], reason)
    others = _join_names([row.name for row in rows[1:]], "and")
    correction = f", after Holm correction over {pairs} pairs" if pairs > 1 else ""
    reason = f"{best} is better than {others} on {sample}{correction}.{_missing_note(block)}"
    return {"verdict": "ahead", "models": best, "reason": reason}


def _undecided(models: Sequence[str], reason: str) -> dict[str, str]:
    return {"verdict": "undecided", "models": ", ".join(models), "reason": reason}


def _missing_note(block: ComparableRuns) -> str:
    count = len(block.missing)
    return f" {count} {'cell is' if count == 1 else 'cells are'} missing." if count else ""


def _join_names(names: Sequence[str], conjunction: str) -> str:
    *first, last = names
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def _power_note(rows: Sequence[LeaderboardRow], sample: str) -> str:
    """Minimum detectable difference in accuracy between the first two models."""
    if any(len(row.predictions) > 1 for row in rows[:2]):
        return "The minimum detectable difference is not computed for several seeds."
    first, second = (correct_cases(row.predictions[0]) for row in rows[:2])
    if first is None or second is None:
        return "The minimum detectable difference is not computed for detection."
    discordant_share = float((first != second).mean())
    if not discordant_share:
        return "The first two models are correct on the same cases."
    difference = minimum_detectable_difference(discordant_share, rows[0].draws.groups)
    points = min(100.0, 100 * difference)
    return f"The minimum detectable difference with {sample} is {points:.1f} points of accuracy."
