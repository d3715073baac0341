"""Non-inferiority and equivalence tests against a margin that was fixed in advance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import ndtri

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.binary_counts import check_share
from arogya_bench.metrics.result import Result
from arogya_bench.statistics.bootstrap_p_values import SPREAD_TOLERANCE, SmallSampleCorrection, small_sample_correction
from arogya_bench.statistics.intervals import MAX_UNDEFINED_SHARE
from arogya_bench.statistics.notes import FEW_GROUPS, few_groups_note, join_notes
from arogya_bench.statistics.resampling import Draws
from arogya_bench.types import Floats

NO_CORRECTION = SmallSampleCorrection(1.0, float("inf"))


@dataclass(frozen=True, kw_only=True)
class MarginTest(Result):
    """Result of a non-inferiority or equivalence test.

    Attributes:
        estimate: First minus second; higher is better.
        low: Lower end of the 1 - 2 alpha interval.
        high: Upper end; None for non-inferiority.
        margin: The largest acceptable loss, above 0.
        conclusion: ``shown`` if both p-value and interval agree. ``not shown`` is no evidence of a
            difference.
        p_value: One-sided; for equivalence the larger one of two tests.
    """

    estimate: float
    low: float
    high: float | None
    margin: float
    alpha: float
    conclusion: Literal["shown", "not shown"]
    p_value: float

    @property
    def ci(self) -> tuple[float, float | None]:
        """Both ends of the interval."""
        return self.low, self.high


class _OneSidedTest(NamedTuple):
    bound: float
    p_value: float


class _SampleInfo(NamedTuple):
    n: int
    groups: int
    seed: int | None = None
    note: str = ""


def non_inferiority(
    estimate: float, se: float, *, margin: float, n: int, df: float | None = None, alpha: float = 0.05
) -> MarginTest:
    """Test whether the first model is worse than the second by less than the margin.

    Non-inferiority is shown if estimate - quantile · se is above -margin.

    Args:
        estimate: First minus second, of a metric where higher is better.
        se: Standard error, above 0.
        margin: Above 0.
        n: Number of independent cases.
        df: Degrees of freedom of Student's t; the normal distribution if None.
        alpha: One-sided significance level.

    Raises:
        UndefinedMetric: If the standard error is 0 or not finite.
    """
    below = _one_sided_t_test(estimate + _check_margin(margin), se, df, alpha)
    return _build_result(estimate, margin, alpha, [below], "non-inferiority", _describe_cases(n))


def equivalence(
    estimate: float, se: float, *, margin: float, n: int, df: float | None = None, alpha: float = 0.05
) -> MarginTest:
    """Test whether two models differ by less than the margin in either direction.

    Source: Schuirmann 1987, two one-sided tests: the 1 - 2 alpha interval lies within the margins.

    Takes the arguments of ``non_inferiority`` and raises as it does.
    """
    sides = [_one_sided_t_test(sign * estimate + _check_margin(margin), se, df, alpha) for sign in (1, -1)]
    return _build_result(estimate, margin, alpha, sides, "equivalence (TOST)", _describe_cases(n))


def non_inferiority_from_replicates(
    estimate: float, replicates: Floats, *, margin: float, draws: Draws, alpha: float = 0.05
) -> MarginTest:
    """Test non-inferiority for any metric, from paired resamples of groups.

    The lower end is the smaller of the percentile and estimate - quantile · se, both with
    ``small_sample_correction``; the p-value is the larger of the two.

    Args:
        estimate: First minus second, of a metric where higher is better.
        replicates: Shape (B,), resamples of the difference.
        margin: Above 0.
        draws: The resamples that the replicates were computed on.
        alpha: One-sided significance level.

    Raises:
        UndefinedMetric: If more than 5 % of the resamples are undefined, no stratum holds two
            groups, or the resamples of a difference other than 0 have no spread.
    """
    below = _one_sided_bootstrap_test(estimate, replicates, _check_margin(margin), draws, alpha)
    method = "non-inferiority, bootstrap of groups"
    return _build_result(estimate, margin, alpha, [below], method, _describe_draws(draws))


def equivalence_from_replicates(
    estimate: float, replicates: Floats, *, margin: float, draws: Draws, alpha: float = 0.05
) -> MarginTest:
    """Test equivalence for any metric, from paired resamples of groups.

    Takes the arguments of ``non_inferiority_from_replicates`` and raises as it does.
    """
    sides = [
        _one_sided_bootstrap_test(sign * estimate, sign * replicates, _check_margin(margin), draws, alpha)
        for sign in (1, -1)
    ]
    method = "equivalence (TOST), bootstrap of groups"
    return _build_result(estimate, margin, alpha, sides, method, _describe_draws(draws))


def _build_result(
    estimate: float, margin: float, alpha: float, sides: Sequence[_OneSidedTest], method: str, units: _SampleInfo
) -> MarginTest:
    if not np.isfinite(estimate):
        raise UndefinedMetric("the difference is undefined")
    p_value = max(side.p_value for side in sides)
    # Quantiles interpolate and counts do not, so that the two may disagree near the margin.
    shown = p_value < alpha and all(side.bound > 0 for side in sides)
    return MarginTest(
        estimate=estimate,
        low=sides[0].bound - margin,
        high=margin - sides[1].bound if len(sides) > 1 else None,
        margin=margin,
        alpha=alpha,
        conclusion="shown" if shown else "not shown",
        p_value=p_value,
        method=method,
        **units._asdict(),
    )


def _describe_cases(n: int) -> _SampleInfo:
    if n < 1:
        raise ValueError(f"{n} cases: a test needs at least 1")
    few = f"only {n} cases: the standard error is uncertain"
    return _SampleInfo(n, n, None, few if n < FEW_GROUPS else "")


def _describe_draws(draws: Draws) -> _SampleInfo:
    return _SampleInfo(draws.n, draws.groups, draws.seed, join_notes(few_groups_note(draws.groups), draws.note))


def _check_margin(margin: float) -> float:
    if not 0 < margin < float("inf"):
        raise ValueError(f"the margin is {margin}, not above 0")
    return margin


def _one_sided_t_test(distance: float, se: float, df: float | None, alpha: float) -> _OneSidedTest:
    """Test whether the distance to the margin is above 0."""
    check_share(alpha, "alpha")
    if not 0 < se < float("inf"):
        raise UndefinedMetric(f"the standard error is {se}, not above 0 and finite")
    correction = NO_CORRECTION if df is None else SmallSampleCorrection(1.0, df)
    bound = distance - correction.critical_value(alpha) * se
    return _OneSidedTest(bound, correction.tail_probability(-distance / se))


def _one_sided_bootstrap_test(
    estimate: float, replicates: Floats, margin: float, draws: Draws, alpha: float
) -> _OneSidedTest:
    check_share(alpha, "alpha")
    if replicates.shape != (draws.resamples,):
        raise ValueError(f"replicates of shape {replicates.shape}, not ({draws.resamples},)")
    defined = np.isfinite(replicates)
    undefined = 1 - float(defined.mean())
    if not np.isfinite(estimate) or undefined > MAX_UNDEFINED_SHARE:
        raise UndefinedMetric(f"undefined for these cases, or in {undefined:.1%} of the resamples")
    replicates = replicates[defined]
    if not draws.varies:
        raise UndefinedMetric("no stratum holds two groups")
    se = float(replicates.std(ddof=1))
    if se <= SPREAD_TOLERANCE and not estimate:
        return _OneSidedTest(margin, 1 / (replicates.size + 1))  # two equal models
    if se <= SPREAD_TOLERANCE:
        raise UndefinedMetric("no spread: all resamples are equal")
    correction, distances = small_sample_correction(draws), replicates + margin
    percentile_p = (1 + int((distances <= 0).sum())) / (distances.size + 1)
    percentile = float(np.quantile(distances, correction.quantile_level(alpha)))
    return _OneSidedTest(
        min(percentile, estimate + margin - correction.critical_value(alpha) * se),
        max(
            correction.tail_probability(float(ndtri(min(percentile_p, 1 - 1e-12)))),
            correction.tail_probability(-(estimate + margin) / se),
        ),
    )
