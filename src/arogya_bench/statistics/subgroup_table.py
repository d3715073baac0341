"""Results of a subgroup analysis: one row per subgroup and metric, one gap per metric."""

from dataclasses import dataclass

from arogya_bench.metrics.per_class import Row
from arogya_bench.metrics.result import Result
from arogya_bench.statistics.intervals import BootstrapInterval
from arogya_bench.statistics.seed_variance import SeedScores


@dataclass(frozen=True, kw_only=True)
class SubgroupScore(Result):
    """One metric in one subgroup.

    Attributes:
        estimate: None if the subgroup is too small or the metric undefined; ``note`` says why.
        difference: Subgroup minus all other cases, with interval and unadjusted p-value; None if
            either has no estimate.
        p_adjusted: p-value of the difference, adjusted over the table.
        by_seed: The value of each seed, and what each group of the subgroup changes; None without an estimate.
    """

    subgroup: str
    metric: str
    estimate: float | None
    low: float | None
    high: float | None
    difference: BootstrapInterval | None
    confidence: float
    p_adjusted: float | None = None
    by_seed: SeedScores | None = None

    @property
    def ci(self) -> tuple[float | None, float | None]:
        """Both ends of the interval."""
        return self.low, self.high

    @property
    def p_value(self) -> float | None:
        """Unadjusted p-value of the difference; None without a difference."""
        return None if self.difference is None else self.difference.p_value


@dataclass(frozen=True, kw_only=True)
class SubgroupGap(BootstrapInterval):
    """Distance between the best and the worst subgroup, 0 or more.

    Since the two are selected for being furthest apart, interval and p-value are corrected by
    Bonferroni for the number of pairs.

    Attributes:
        best: Subgroup with the best value, as ``worst`` has the worst.
    """

    metric: str
    best: str
    worst: str
    pairs: int


@dataclass(frozen=True, kw_only=True)
class SubgroupTable(Result):
    """Every metric in every subgroup of one metadata column.

    Attributes:
        column: Name of the column, or of two crossed columns.
        scores: By metric, then subgroup, including subgroups that are too small.
        gaps: One per metric with values in at least two subgroups.
        family: Number of tests over which p-values are adjusted; with two subgroups, one per
            metric.
        minimum: Smallest number of groups for which metrics are computed.
        shared_groups: Number of groups with cases in several subgroups.
    """

    column: str
    scores: tuple[SubgroupScore, ...]
    gaps: tuple[SubgroupGap, ...]
    family: int
    correction: str
    minimum: int
    shared_groups: int
    confidence: float
    method: str = "bootstrap of all groups at once"

    def rows(self) -> list[Row]:
        """One dictionary per subgroup and metric."""
        return [self._row(score) for score in self.scores]

    def _row(self, score: SubgroupScore) -> Row:
        difference = score.difference
        return {
            "column": self.column,
            "subgroup": score.subgroup,
            "metric": score.metric,
            "n": score.n,
            "groups": score.groups,
            "estimate": score.estimate,
            "low": score.low,
            "high": score.high,
            "difference": difference.estimate if difference else None,
            "difference_low": difference.low if difference else None,
            "difference_high": difference.high if difference else None,
            "p_value": score.p_value,
            "p_adjusted": score.p_adjusted,
            "family": self.family,
            "correction": self.correction,
            "method": score.method,
            "confidence": score.confidence,
            "note": score.note,
        }
