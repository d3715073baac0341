"""What is counted in each simulated study: whether the verdict was wrong, and what its intervals contain."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

ALPHA = 0.05
TIE = 1e-9  # true values closer than this are equal
ROUNDING = 1e-12  # by which an interval may miss a value


class Count(NamedTuple):
    """How often something happened, of how many times it could have."""

    hits: int
    of: int

    def plus(self, other: "Count") -> "Count":
        """The sum of both."""
        return Count(self.hits + other.hits, self.of + other.of)


class Bounds(NamedTuple):
    """The ends of an interval; None where there is none."""

    low: float | None
    high: float | None

    @property
    def exist(self) -> bool:
        """Whether there is an interval."""
        return self.low is not None and self.high is not None

    def contain(self, value: float) -> bool:
        """Whether an existing interval contains a value."""
        return self.low is not None and self.high is not None and self.low - ROUNDING <= value <= self.high + ROUNDING

    @property
    def leave_out_zero(self) -> bool:
        """Whether there is an interval without 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


@dataclass(frozen=True, kw_only=True)
class PairVerdict:
    """What the product says of a pair of rows, the better one first.

    Attributes:
        shown: Whether it claims a difference after correction over all pairs.
        alone: The 95 % interval of this difference.
        simultaneous: The interval that belongs to ``p_adjusted``.
    """

    a: str
    b: str
    shown: bool
    p_value: float | None
    p_adjusted: float | None
    alone: Bounds
    simultaneous: Bounds


@dataclass(frozen=True, kw_only=True)
class StudyVerdict:
    """What the product says of a study.

    Attributes:
        leader: The row named as best; None if undecided.
        intervals: The 95 % interval of the metric, by row.
        detectable_difference: None if the product prints none.
    """

    leader: str | None
    pairs: tuple[PairVerdict, ...]
    intervals: Mapping[str, Bounds]
    detectable_difference: float | None


@dataclass(frozen=True, kw_only=True)
class Truth:
    """The planted truth of a study.

    Attributes:
        best: The row that is better than every other one; None if no row is.
        values: The metric of each row in the limit of infinitely many patients, by name.
    """

    best: str | None
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Goal:
    """The range in which the share of a measure is required to lie.

    Attributes:
        measure: A key of MEASURES.
        is_error: Whether the measure is a rate of errors, whose limit is widened by one standard error of the
            simulation.
    """

    measure: str
    at_least: float = 0.0
    at_most: float = 1.0
    is_error: bool = False

    def is_met(self, count: Count) -> bool:
        """Whether the share of a simulation lies in the range; False without any study that counts."""
        if not count.of:
            return False
        share = count.hits / count.of
        widened = sqrt(self.at_most * (1 - self.at_most) / count.of) if self.is_error else 0.0
        return self.at_least <= share <= self.at_most + widened


def count_wrong_leader(verdict: StudyVerdict, truth: Truth) -> Count:
    """A row is named that is not the best one."""
    return Count(int(verdict.leader not in (None, truth.best)), 1)


def count_best_named(verdict: StudyVerdict, truth: Truth) -> Count:
    """The best row is named."""
    return Count(int(truth.best is not None and verdict.leader == truth.best), 1)


def count_wrong_pair(verdict: StudyVerdict, truth: Truth) -> Count:
    """Some pair is shown to differ of which the first row is not better."""
    values = truth.values
    wrong = any(pair.shown and values[pair.a] < values[pair.b] + TIE for pair in verdict.pairs)
    return Count(int(wrong), 1)


def count_contradicted_p_values(verdict: StudyVerdict, truth: Truth) -> Count:
    """Some p-value of a pair is below 5 % although its own interval contains 0, or the other way round."""
    del truth
    pairs = [(pair.p_value, pair.alone) for pair in verdict.pairs]
    return Count(int(any((p is not None and p < ALPHA) != bounds.leave_out_zero for p, bounds in pairs)), 1)


def count_contradicted_claims(verdict: StudyVerdict, truth: Truth) -> Count:
    """Some claim, adjusted p-value and simultaneous interval of a pair say different things."""
    del truth
    votes = [
        {pair.shown, pair.p_adjusted is not None and pair.p_adjusted < ALPHA, pair.simultaneous.leave_out_zero}
        for pair in verdict.pairs
    ]
    return Count(int(any(len(vote) > 1 for vote in votes)), 1)


def count_covered_rows(verdict: StudyVerdict, truth: Truth) -> Count:
    """Intervals of rows that contain the true value; rows without an interval do not count."""
    found = [bounds.contain(truth.values[name]) for name, bounds in verdict.intervals.items() if bounds.exist]
    return Count(sum(found), len(found))


def count_covered_differences(verdict: StudyVerdict, truth: Truth) -> Count:
    """Intervals of single differences that contain the true one; pairs without an interval do not count."""
    values = truth.values
    found = [pair.alone.contain(values[pair.a] - values[pair.b]) for pair in verdict.pairs if pair.alone.exist]
    return Count(sum(found), len(found))


MEASURES: dict[str, Callable[[StudyVerdict, Truth], Count]] = {
    "wrong leader": count_wrong_leader,
    "wrong pair": count_wrong_pair,
    "best named": count_best_named,
    "row covered": count_covered_rows,
    "difference covered": count_covered_differences,
    "contradicted p": count_contradicted_p_values,
    "contradicted claim": count_contradicted_claims,
}
