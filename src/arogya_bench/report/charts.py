"""Convert rows of a comparison to charts."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arogya_bench.errors import UndefinedMetric
from arogya_bench.report.plots import Difference, Estimate, plot_degradation, plot_differences, plot_forest

if TYPE_CHECKING:
    import altair as alt

Rows = Sequence[Mapping[str, Any]]


def plot_leaderboard(rows: Rows, metric: str) -> "alt.TopLevelMixin":
    """Plot value and interval of each model, best first."""
    return plot_forest([_clean_estimate(row, metric) for row in rows], metric=metric)


def plot_pairwise(rows: Rows, metric: str) -> "alt.TopLevelMixin":
    """Plot difference and interval of each pair."""
    differences = [
        Difference(
            first=str(row["a"]),
            second=str(row["b"]),
            value=row["difference"],
            low=row["difference.ci_low"],
            high=row["difference.ci_high"],
            p_holm=row["p_holm"],
        )
        for row in rows
    ]
    return plot_differences(differences, metric=metric)


def plot_robustness(rows: Rows, leaderboard: Rows, metric: str) -> "alt.TopLevelMixin | None":
    """Plot value against severity, one panel per augmentation; None if nothing can be plotted."""
    augmented = [
        Estimate(
            model=str(row["model"]),
            value=row["value"],
            low=row["value.ci_low"],
            high=row["value.ci_high"],
            augmentation=str(row["augmentation"]),
            severity=row["severity"],
            level=int(row["level"]),
        )
        for row in rows
        if row["severity"] is not None  # such conditions have no x value; the table lists them
    ]
    try:
        return plot_degradation([*(_clean_estimate(row, metric) for row in leaderboard), *augmented], metric=metric)
    except UndefinedMetric:
        return None


def _clean_estimate(row: Mapping[str, Any], metric: str) -> Estimate:
    return Estimate(
        model=str(row["model"]), value=row[metric], low=row[f"{metric}.ci_low"], high=row[f"{metric}.ci_high"]
    )
