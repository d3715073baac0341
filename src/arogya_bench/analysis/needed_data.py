"""How many more patients or seeds would show an observed difference."""

from math import ceil, floor, log10, sqrt

from scipy.special import ndtri, stdtrit

from arogya_bench.statistics.paired_differences import ALPHA, POWER, PairedDifference

MAX_FACTOR = 100  # times as much data; beyond it, no number is given


def describe_needed_data(result: PairedDifference, *, names: str, groups: int, unit: str, seeds: int) -> str:
    """Say which source of uncertainty dominates, and how much more of it would show the observed difference.

    Args:
        result: A difference that is not shown.
        names: Of the two rows.
        groups: Number of groups in the test split.
        unit: What they are, such as ``patient``.
        seeds: Number of seeds of the row that has more of them.

    Returns:
        A sentence; empty without a difference or a standard error.
    """
    if not result.estimate or not result.se:
        return ""
    of_seeds = (result.seed_variance or 0.0) / result.se**2
    if of_seeds > 0.5:
        source, share, number = "training seeds", of_seeds, _seeds_needed(result, seeds)
        needed = f"about {number} seeds of each"
    else:
        source, share, number = f"{unit}s", 1 - of_seeds, groups_needed(result, groups)
        needed = f"about {number} {unit}s"
    part = f" ({100 * share:.0f} %)" if of_seeds else ""
    intro = f"Most of the uncertainty comes from the {source}{part};"
    if number is None:
        return f"{intro} even {MAX_FACTOR} times as many would not show a difference as small as that of {names}."
    return f"{intro} {needed} would show the observed difference of {names} with {100 * POWER:.0f} % power."


def groups_needed(result: PairedDifference, groups: int) -> int | None:
    """Number of groups, rounded up to two digits, that would show the observed difference with 80 % power.

    Returns:
        None without a difference or a standard error, if it is too large, or if seeds alone hide the difference.
    """
    if not result.estimate or not result.se:
        return None
    allowed = (result.estimate / _standard_errors(result.df)) ** 2 - (result.seed_variance or 0.0)
    if allowed <= 0 or result.group_variance / allowed > MAX_FACTOR:
        return None
    number = max(groups + 1, groups * result.group_variance / allowed)
    step = int(10 ** max(0, floor(log10(number)) - 1))
    return ceil(number / step) * step


def _seeds_needed(result: PairedDifference, seeds: int) -> int | None:
    """Number of seeds, whose variance and degrees of freedom both improve; None if it is too large."""
    of_seeds = result.seed_variance or 0.0
    # Nearly all of the uncertainty of the variance is that of the part between seeds.
    degrees = result.df * of_seeds**2 / result.se**4
    for number in range(seeds + 1, MAX_FACTOR * seeds + 1):
        between = of_seeds * seeds / number
        variance = result.group_variance + between
        df = degrees * (number - 1) / (seeds - 1) * (variance / between) ** 2
        if abs(result.estimate) >= _standard_errors(df) * sqrt(variance):
            return number
    return None


def _standard_errors(df: float) -> float:
    """Number of standard errors of a difference that is shown with this power; 2.80 for many degrees of freedom."""
    return float(-stdtrit(df, ALPHA / 2) + ndtri(POWER))
