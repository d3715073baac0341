"""The variance between training seeds, estimated from all rows of a comparison together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from arogya_bench.statistics.group_variance import VarianceTerm, add_variances
from arogya_bench.types import Floats

MIN_DEGREES_TO_SUBTRACT = 8  # with fewer, the part of the test sample is not subtracted


@dataclass(frozen=True, kw_only=True)
class SeedScores:
    """One metric of one row, for each seed.

    Attributes:
        estimates: Shape (S,).
        changes: Shape (S, groups): the estimate minus the estimate without each group.
    """

    estimates: Floats
    changes: Floats

    @property
    def seeds(self) -> int:
        """Number of seeds, S."""
        return self.estimates.size

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return float(self.estimates.mean())

    @property
    def mean_changes(self) -> Floats:
        """Shape (groups,), of the mean over the seeds."""
        changes: Floats = self.changes.mean(axis=0)
        return changes

    def average_units(self, units: Sequence[str]) -> "SeedScores":
        """Average the seeds of each unit, such as a repeat of a cross-validation, whose seeds share its splits.

        Args:
            units: Of each seed; none if every seed is a unit of its own.
        """
        if len(set(units)) == len(units):
            return self
        weights = unit_weights(units)
        return SeedScores(estimates=weights @ self.estimates, changes=weights @ self.changes)


def unit_weights(units: Sequence[str]) -> Floats:
    """Shape (units, S): what each seed contributes to the mean of its unit."""
    members = np.array(units) == np.unique(units)[:, None]
    weights: Floats = members / members.sum(axis=1, keepdims=True)
    return weights


def seed_scores(
    estimates: Sequence[float] | Floats, without_group: Sequence[Floats] | Floats, units: Sequence[str] = ()
) -> SeedScores:
    """Join the value of each seed, shape (S,), with the values without each group, shape (S, groups).

    A group without which the value is undefined changes nothing. ``units`` are those of ``average_units``.
    """
    values, others = np.asarray(estimates, dtype=np.float64), np.asarray(without_group, dtype=np.float64)
    scores = SeedScores(estimates=values, changes=np.nan_to_num(values[:, None] - others, nan=0.0))
    return scores.average_units(units)


class _Spread(NamedTuple):
    """Variance between the seeds of a row, and the part of it that is due to this test sample."""

    degrees: int
    variance: float
    of_sample: float


@dataclass(frozen=True, kw_only=True)
class SeedVariance:
    """The spread between seeds of every row; a row with one seed has none."""

    spreads: tuple[_Spread, ...]

    @property
    def degrees(self) -> int:
        """Degrees of freedom of the variance that all rows share."""
        return sum(spread.degrees for spread in self.spreads)

    def of_mean(self, *rows: int) -> VarianceTerm | None:
        """The variance that new seeds add to the mean of a row, or to the difference of two rows.

        It is the larger of two estimates: of all rows together, on all their degrees of freedom, and of these rows
        alone. Seeds err on different cases, a part of their spread that samples of groups already contain; with
        enough degrees of freedom it is subtracted. The remainder of few seeds is less certain than their measured
        spread: its degrees of freedom lie between those of both.

        Source: Satterthwaite 1946; Bouthillier 2021 for both sources of variance. docs/calibration.md has the error
        rates, also where two of five rows vary more than the others.

        Args:
            rows: Positions of the rows.

        Returns:
            None if these rows have one seed each.
        """
        own = [self.spreads[row] for row in rows if self.spreads[row].degrees]
        if not own:
            return None
        weights = sum(1 / (spread.degrees + 1) for spread in own)
        subtract = self.degrees >= MIN_DEGREES_TO_SUBTRACT
        pooled = sum(spread.degrees * spread.variance for spread in self.spreads) / self.degrees * weights
        pooled_sample = sum(spread.degrees * spread.of_sample for spread in self.spreads) / self.degrees * weights
        of_these = add_variances([VarianceTerm(row.variance / (row.degrees + 1), row.degrees) for row in own])
        own_sample = sum(spread.of_sample / (spread.degrees + 1) for spread in own)
        of_all = VarianceTerm(max(0.0, pooled - pooled_sample * subtract), self.degrees)
        of_own = _subtract_sample(of_these, own_sample * subtract)
        return max(of_all, of_own, key=lambda term: term.variance)


def estimate_seed_variance(scores: Sequence[SeedScores]) -> SeedVariance:
    """Estimate the spread between seeds of every row."""
    return SeedVariance(spreads=tuple(_spread(row) for row in scores))


def _spread(row: SeedScores) -> _Spread:
    degrees = row.seeds - 1
    if not degrees or not np.isfinite(row.estimates).all():  # an undefined row says nothing about the others
        return _Spread(0, 0.0, 0.0)
    deviations = row.changes - row.changes.mean(axis=0)
    centred = deviations - deviations.mean(axis=1, keepdims=True)
    return _Spread(degrees, float(row.estimates.var(ddof=1)), float((centred**2).sum()) / degrees)


def _subtract_sample(measured: VarianceTerm, of_sample: float) -> VarianceTerm:
    remaining = max(0.0, measured.variance - of_sample)
    if not remaining:
        return VarianceTerm(0.0, measured.df)
    uncertain = (remaining + measured.variance) / 2
    return VarianceTerm(remaining, measured.df * (remaining / uncertain) ** 2)
