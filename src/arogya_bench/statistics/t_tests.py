"""Student's paired t-test, and the corrected t-test for resampled splits."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.binary_counts import check_share
from arogya_bench.statistics.intervals import Interval
from arogya_bench.types import Floats

IDENTICAL_NOTE = "the two are equal in every case"
CONSTANT_NOTE = "every difference is the same: no spread"
FEW_CASES = 10


@dataclass(frozen=True, kw_only=True)
class PairedT(Interval):
    """Result of a paired t-test.

    Attributes:
        t: Mean difference over its standard error; None where every difference is the same.
        p_value: Two-sided; 1 for identical columns, None where every difference is the same.
        d_z: Cohen's d of the differences, mean / standard deviation; None without spread.
    """

    t: float | None
    df: int
    p_value: float | None
    d_z: float | None


@dataclass(frozen=True, kw_only=True)
class ResampledT(Interval):
    """Result of a t-test over resampled splits, corrected by Nadeau and Bengio.

    Attributes:
        t: With the corrected variance; None where every difference is the same.
        p_one_sided: For the alternative that the first is better.
        t_uncorrected: Statistic of a plain t-test over splits, for comparison only.
    """

    t: float | None
    df: int
    p_value: float | None
    p_one_sided: float | None
    t_uncorrected: float | None
    p_uncorrected_one_sided: float | None

    @property
    def mean(self) -> float:
        """The mean difference."""
        return self.estimate


def paired_t(x: ArrayLike, y: ArrayLike, *, confidence: float = 0.95) -> PairedT:
    """Test the mean of paired differences.

    With several cases per group, pass the mean of each group. Source: Student 1908; d_z = mean /
    sd(ddof = 1).

    Args:
        x: Shape (n,), of the first model.
        y: Shape (n,), of the second model on the same cases.
        confidence: Nominal level, between 0 and 1.

    Raises:
        UndefinedMetric: With fewer than two cases.
    """
    d = paired_differences(x, y)
    spread = standard_deviation(d)
    return PairedT(
        **_t_interval(d, spread / sqrt(d.size), confidence),
        method="paired t",
        d_z=float(d.mean()) / spread if spread else None,
    )


def corrected_resampled_t(differences: ArrayLike, *, test_train_ratio: float, confidence: float = 0.95) -> ResampledT:
    """Compare two learning algorithms over resampled splits with overlapping training sets.

    Source: Nadeau and Bengio 2003; t = mean / √((1/J + n_test/n_train) · var) with J - 1 degrees
    of freedom.

    Args:
        differences: Shape (J,), first minus second, one per split.
        test_train_ratio: Number of test cases / number of training cases of a split, above 0.
        confidence: Nominal level, between 0 and 1.

    Raises:
        UndefinedMetric: With fewer than two splits.
    """
    if not test_train_ratio > 0:
        raise ValueError(f"test_train_ratio is {test_train_ratio}, not above 0")
    d = _check_column(differences)
    n, spread = d.size, standard_deviation(d)
    fields = _t_interval(d, spread * sqrt(1 / n + test_train_ratio), confidence)
    t, uncorrected = fields["t"], _t_statistic(float(d.mean()), spread / sqrt(n))
    return ResampledT(
        **fields,
        method="corrected resampled t",
        p_one_sided=None if t is None else float(stdtr(n - 1, -t)),
        t_uncorrected=uncorrected,
        p_uncorrected_one_sided=None if uncorrected is None else float(stdtr(n - 1, -uncorrected)),
    )


def _t_interval(d: Floats, se: float, confidence: float) -> dict[str, Any]:
    """Fields of a t-test of the mean of ``d``."""
    n, mean = d.size, float(d.mean())
    t = _t_statistic(mean, se)
    half = float(stdtrit(n - 1, (1 + check_share(confidence, "confidence")) / 2)) * se
    return {
        "estimate": mean,
        "low": mean - half if se else None,
        "high": mean + half if se else None,
        "confidence": confidence,
        "n": n,
        "groups": n,
        "note": _note(d, se),
        "t": t,
        "df": n - 1,
        "p_value": None if t is None else float(2 * stdtr(n - 1, -abs(t))),
    }


def _t_statistic(mean: float, se: float) -> float | None:
    return mean / se if se else (None if mean else 0.0)


def paired_differences(x: ArrayLike, y: ArrayLike) -> Floats:
    """Subtract two columns of shape (n,), of at least two cases."""
    first, second = _check_column(x), _check_column(y)
    if first.shape != second.shape:
        raise ValueError(f"columns of shape {first.shape} and {second.shape}")
    return first - second


def remove_rounding_noise(values: Floats, scale: float | None = None) -> Floats:
    """Round to twelve digits relative to ``scale``, the largest score, so that .3 - .2 equals .2 - .1."""
    largest = float(np.abs(values).max(initial=0.0)) if scale is None else scale
    return np.round(values / largest, 12) if largest else values


def _check_column(values: ArrayLike) -> Floats:
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1 or not np.isfinite(column).all():
        raise ValueError(f"a column must be finite and of shape (n,), not {column.shape}")
    if column.size < 2:
        raise UndefinedMetric(f"{column.size} cases: a spread needs at least 2")
    return column


def standard_deviation(d: Floats) -> float:
    """Return the standard deviation (ddof 1), exactly 0 for differences equal up to rounding."""
    return 0.0 if np.ptp(d) <= 1e-9 * np.abs(d).max() else float(d.std(ddof=1))


def _note(d: Floats, se: float) -> str:
    if not se:
        return CONSTANT_NOTE if d[0] else IDENTICAL_NOTE
    return f"only {d.size} differences: the t-test assumes that they are nearly normal" if d.size < FEW_CASES else ""
