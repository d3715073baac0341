"""What a comparison of subgroups leaves: a row per subgroup and metric, and a gap per metric."""

from dataclasses import dataclass

from arogya_bench.metrics.per_class import Row
from arogya_bench.statistics.intervals import BootstrapInterval


@dataclass(frozen=True, kw_only=True)
class SubgroupScore:
    """One metric in one subgroup.

    Attributes:
        estimate: None if the subgroup is too small or the metric undefined; ``note`` says why.
        low: Lower end; None if no interval can be given.
        high: Upper end.
        difference: Subgroup minus all other cases, with its interval and unadjusted p-value; None
            if one of both has no estimate.
        p_adjusted: Of the difference, for the family of the table.
        n: Number of cases in the subgroup.
        groups: Number of independent units among them.
        note: What a reader should know; empty if nothing.
    """

    subgroup: str
    metric: str
    estimate: float | None
    low: float | None
    high: float | None
    difference: BootstrapInterval | None
    method: str
    confidence: float
    n: int
    groups: int
    seed: int | None
    p_adjusted: float | None = None
    note: str = ""

    @property
    def ci(self) -> tuple[float | None, float | None]:
        """Both ends."""
        return self.low, self.high

    @property
    def p_value(self) -> float | None:
        """Of the difference, unadjusted; None without one."""
        return None if self.difference is None else self.difference.p_value


@dataclass(frozen=True, kw_only=True)
class SubgroupGap(BootstrapInterval):
    """Distance between the best and the worst subgroup, 0 or more.

    Both were picked because they are furthest apart. So the ends hold for every pair at once, and
    the p-value is multiplied by the number of pairs.

    Attributes:
        best: The subgroup with the best value; ``worst`` that with the worst.
        pairs: Number of pairs among the subgroups with a value.
    """

    metric: str
    best: str
    worst: str
    pairs: int


@dataclass(frozen=True, kw_only=True)
class SubgroupTable:
    """Every metric in every subgroup of one metadata column.

    Attributes:
        column: Name of the column, or of two that were crossed.
        scores: By metric, then subgroup; those too small to be scored are among them.
        gaps: One per metric that at least two subgroups have.
        family: Number of differences that were tested, over which p-values are adjusted; of two
            subgroups, each against the other, it is one per metric.
        correction: ``holm`` or ``bh``.
        minimum: Least number of groups from which a subgroup is scored.
        shared_groups: Number of groups with cases in several subgroups.
        n: Number of cases.
        groups: Number of independent units among them.
        seed: Of the resamples.
        note: What a reader should know; empty if nothing.
    """

    column: str
    scores: tuple[SubgroupScore, ...]
    gaps: tuple[SubgroupGap, ...]
    family: int
    correction: str
    minimum: int
    shared_groups: int
    confidence: float
    n: int
    groups: int
    seed: int | None
    method: str = "bootstrap of all groups at once"
    note: str = ""

    def rows(self) -> list[Row]:
        """One row per subgroup and metric, for a table."""
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
