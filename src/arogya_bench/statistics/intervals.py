"""Bootstrap intervals of any statistic."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.binary_counts import check_share
from arogya_bench.metrics.result import Result
from arogya_bench.statistics.bootstrap_p_values import (
    SPREAD_TOLERANCE,
    TIE_TOLERANCE,
    percentile_p_value,
    small_sample_correction,
    small_sample_p_value,
)
from arogya_bench.statistics.notes import few_groups_note, join_notes, undefined_note
from arogya_bench.statistics.resampling import Draws
from arogya_bench.types import Floats

IntervalMethod = Literal["bca", "percentile", "basic"]
Statistic = Callable[..., float | None]

MAX_UNDEFINED_SHARE = 0.05  # above it, dropping undefined resamples would narrow the interval


@dataclass(frozen=True, kw_only=True)
class Interval(Result):
    """An estimate with its interval.

    Attributes:
        low: Lower end; None without an interval, with the reason in ``note``.
        method: The method used, which may differ from the one requested.
    """

    estimate: float
    low: float | None
    high: float | None
    confidence: float

    @property
    def ci(self) -> tuple[float | None, float | None]:
        """Both ends of the interval."""
        return self.low, self.high


@dataclass(frozen=True, kw_only=True)
class BootstrapInterval(Interval):
    """An interval from resamples of groups.

    Attributes:
        se: Standard deviation of the resamples; None without an interval.
        p_value: Two-sided, for the hypothesis that the statistic is 0: for differences only.
        p_two_sided_plus1: As ``p_value``, without correction for small samples.
        resamples: B, including undefined ones.
        undefined_share: Share of the resamples in which the statistic is undefined.
        z0: Bias correction of BCa; None with another method.
        accel: Acceleration of BCa.
    """

    se: float | None
    p_value: float | None
    p_two_sided_plus1: float | None
    resamples: int
    undefined_share: float
    z0: float | None = None
    accel: float | None = None


class _Bounds(NamedTuple):
    method: str
    low: float | None
    high: float | None
    z0: float | None = None
    accel: float | None = None
    note: str = ""


def bootstrap(
    statistic: Statistic,
    columns: Mapping[str, ArrayLike],
    *,
    draws: Draws,
    method: IntervalMethod = "bca",
    confidence: float = 0.95,
) -> BootstrapInterval:
    """Resample the cases and call a statistic on each resample.

    A resample in which the statistic is None, NaN, or raises UndefinedMetric is undefined.

    Args:
        statistic: Called as ``statistic(**columns)``.
        columns: Arrays with one row per case.
        draws: Which groups enter each resample; results on equal draws are paired.
        method: How the ends are computed.
        confidence: Nominal level, between 0 and 1.

    Raises:
        UndefinedMetric: If the statistic is undefined for the original cases.
    """
    table = {name: np.asarray(column) for name, column in columns.items()}
    for name, column in table.items():
        if len(column) != draws.n:
            raise ValueError(f"column {name!r} has {len(column)} rows, the draws {draws.n}")
    estimate = _evaluate_statistic(statistic, table)
    if not np.isfinite(estimate):
        raise UndefinedMetric("the statistic is undefined for these cases")
    replicates = np.array(
        [
            _evaluate_statistic(statistic, _take_rows(table, draws.case_indices(row)))
            for counts in draws.chunks()
            for row in counts
        ]
    )
    needs_jackknife = method == "bca" and draws.groups > 1
    jackknife = _leave_one_out(statistic, table, draws) if needs_jackknife else None
    return interval(estimate, replicates, jackknife, draws=draws, method=method, confidence=confidence)


def interval(
    estimate: float,
    replicates: Floats,
    jackknife: Floats | None,
    *,
    draws: Draws,
    method: IntervalMethod = "bca",
    confidence: float = 0.95,
) -> BootstrapInterval:
    """Turn resamples of a statistic into an interval, a standard error and a p-value.

    Source: Efron 1987 (BCa), with half of the ties counted in z0 and linear quantiles. The p-value
    is that of ``small_sample_p_value``.

    Args:
        estimate: The statistic on the original cases.
        replicates: Shape (B,), NaN where undefined.
        jackknife: Shape (groups,), the statistic without each group; used by BCa only.
        draws: The resamples that the replicates were computed on.
        method: How the ends are computed.
        confidence: Nominal level, between 0 and 1.

    Returns:
        A percentile interval with a note where BCa is undefined. No interval, with the reason in
        ``note``, if no stratum has two groups, too many resamples are undefined, or all are equal
        although the estimate is not 0.

    Raises:
        UndefinedMetric: If the estimate is not finite.
    """
    _check_arguments(estimate, replicates, method, confidence)
    defined = replicates[np.isfinite(replicates)]
    undefined = 1 - defined.size / replicates.size
    refused = _refusal_reason(draws, undefined) or _no_spread_reason(estimate, defined)
    ends, notes, percentile_p = _Bounds("none", None, None, note=refused), [draws.note], None
    if not refused:
        ends = _compute_bounds(estimate, defined, jackknife, method, confidence)
        notes = [few_groups_note(draws.groups), draws.note, undefined_note(undefined)]
        percentile_p = percentile_p_value(defined)
    return BootstrapInterval(
        estimate=estimate,
        low=ends.low,
        high=ends.high,
        method=ends.method,
        confidence=confidence,
        n=draws.n,
        groups=draws.groups,
        seed=draws.seed,
        note=join_notes(ends.note, *notes),
        se=None if refused or defined.size < 2 else float(defined.std(ddof=1)),
        p_value=None
        if percentile_p is None
        else small_sample_p_value(percentile_p, estimate, defined, small_sample_correction(draws)),
        p_two_sided_plus1=percentile_p,
        resamples=replicates.size,
        undefined_share=undefined,
        z0=ends.z0,
        accel=ends.accel,
    )


def _check_arguments(estimate: float, replicates: Floats, method: IntervalMethod, confidence: float) -> None:
    check_share(confidence, "confidence")
    if method not in ("bca", "percentile", "basic"):
        raise ValueError(f"unknown method {method!r}; use bca, percentile or basic")
    if replicates.ndim != 1 or not replicates.size:
        raise ValueError(f"replicates of shape {replicates.shape}, not (B,)")
    if not np.isfinite(estimate):
        raise UndefinedMetric("the statistic is undefined for these cases")


def _refusal_reason(draws: Draws, undefined: float) -> str:
    if draws.groups < 2:
        return "no interval: a single group has no spread between groups"
    if not draws.varies:
        return "no interval: each class has a single group, which is in every resample"
    if undefined > MAX_UNDEFINED_SHARE:
        return f"no interval: undefined in {undefined:.1%} of the resamples"
    return ""


def _no_spread_reason(estimate: float, defined: Floats) -> str:
    """Resamples without spread are not informative, unless the estimate is 0."""
    if estimate == 0 or np.ptp(defined) > SPREAD_TOLERANCE * max(1.0, abs(estimate)):
        return ""
    return "no interval: all resamples are equal, which is not informative"


def _compute_bounds(
    estimate: float, defined: Floats, jackknife: Floats | None, method: IntervalMethod, confidence: float
) -> _Bounds:
    outside = (1 - confidence) / 2
    low, high = (float(end) for end in np.quantile(defined, [outside, 1 - outside]))
    if np.ptp(defined) <= SPREAD_TOLERANCE:
        return _Bounds("percentile", low, high, note="all resamples are equal: not informative")
    if method == "basic":
        return _Bounds("basic", 2 * estimate - high, 2 * estimate - low)
    if method == "percentile":
        return _Bounds("percentile", low, high)
    corrected = _bca_bounds(estimate, defined, jackknife, outside)
    note = "BCa is undefined here, percentile is used instead"
    return corrected or _Bounds("percentile", low, high, note=note)


def _bca_bounds(estimate: float, defined: Floats, jackknife: Floats | None, outside: float) -> _Bounds | None:
    tied = np.abs(defined - estimate) <= TIE_TOLERANCE * float(np.ptp(defined))
    below = (defined < estimate) & ~tied
    z0 = float(ndtri((below.sum() + tied.sum() / 2) / defined.size))
    accel = _acceleration(jackknife)
    if accel is None or not np.isfinite(z0):
        return None
    z = z0 + ndtri(np.array([outside, 1 - outside]))
    denominator = 1 - accel * z
    if (denominator <= 0).any():
        return None
    low, high = (float(end) for end in np.quantile(defined, ndtr(z0 + z / denominator)))
    return _Bounds("bca", low, high, z0, accel)


def _acceleration(jackknife: Floats | None) -> float | None:
    if jackknife is None or not np.isfinite(jackknife).all():
        return None
    influence = jackknife.mean() - jackknife
    scale = float((influence**2).sum())
    return float((influence**3).sum() / (6 * scale**1.5)) if scale else None


def _evaluate_statistic(statistic: Statistic, table: Mapping[str, NDArray[Any]]) -> float:
    try:
        value = statistic(**table)
    except UndefinedMetric:
        return np.nan
    return np.nan if value is None else float(value)


def _take_rows(table: Mapping[str, NDArray[Any]], rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return {name: column[rows] for name, column in table.items()}


def _leave_one_out(statistic: Statistic, table: Mapping[str, NDArray[Any]], draws: Draws) -> Floats:
    remaining = (draws.group_of != group for group in range(draws.groups))
    return np.array([_evaluate_statistic(statistic, _take_rows(table, rows)) for rows in remaining])
