"""Not worse, or as good: tests against a margin that was fixed before the test split was read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import ndtri

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.binary_counts import check_share
from arogya_bench.statistics.bootstrap_p_values import (
    SPREAD_TOLERANCE,
    SmallSampleCorrection,
    small_sample_correction,
)
from arogya_bench.statistics.intervals import FEW_GROUPS, MAX_UNDEFINED_SHARE, few_groups_note
from arogya_bench.statistics.resampling import Draws
from arogya_bench.types import Floats

NO_CORRECTION = SmallSampleCorrection(1.0, float("inf"))


@dataclass(frozen=True, kw_only=True)
class MarginTest:
    """What a difference shows against a margin.

    Attributes:
        estimate: First minus second; higher is better.
        low: Lower end of the 1 - 2 alpha interval, which is one-sided at 1 - alpha.
        high: Upper end; None for non-inferiority, which does not ask.
        margin: Above 0; the largest loss that does not matter.
        conclusion: ``shown`` if both p and interval say so; ``not shown`` says nothing: the first
            is then neither shown to be worse nor to differ.
        p_value: One-sided; of two tests the larger one, for equivalence.
        n: Number of cases.
        groups: Number of independent units.
        seed: Of the resamples, if there are any.
        note: What a reader should know; empty if nothing.
    """

    estimate: float
    low: float
    high: float | None
    margin: float
    alpha: float
    conclusion: Literal["shown", "not shown"]
    p_value: float
    method: str
    n: int
    groups: int
    seed: int | None = None
    note: str = ""

    @property
    def ci(self) -> tuple[float, float | None]:
        """Both ends."""
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
    estimate: float,
    se: float,
    *,
    margin: float,
    n: int,
    df: float | None = None,
    alpha: float = 0.05,
) -> MarginTest:
    """Is the first model not worse than the second by the margin?

    Shown if estimate - quantile · se is above -margin.

    Args:
        estimate: First minus second, of a metric that is better when high.
        se: Standard error, above 0.
        margin: Above 0.
        n: Number of independent cases.
        df: Degrees of freedom of Student's t; the normal distribution if None.
        alpha: One-sided level.

    Raises:
        UndefinedMetric: If there is no spread to judge by.
        ValueError: If a number is not finite, the margin not above 0, or alpha not a level.
    """
    below = _one_sided_t_test(estimate + _check_margin(margin), se, df, alpha)
    return _build_result(estimate, margin, alpha, [below], "non-inferiority", _describe_cases(n))


def equivalence(
    estimate: float,
    se: float,
    *,
    margin: float,
    n: int,
    df: float | None = None,
    alpha: float = 0.05,
) -> MarginTest:
    """Are two models as good as each other, within the margin on either side?

    Source: Schuirmann 1987, two one-sided tests: the 1 - 2 alpha interval lies within the margins.

    Takes the arguments of ``non_inferiority`` and raises as it does.
    """
    sides = [
        _one_sided_t_test(sign * estimate + _check_margin(margin), se, df, alpha)
        for sign in (1, -1)
    ]
    return _build_result(estimate, margin, alpha, sides, "equivalence (TOST)", _describe_cases(n))


def non_inferiority_from_replicates(
    estimate: float, replicates: Floats, *, margin: float, draws: Draws, alpha: float = 0.05
) -> MarginTest:
    """As ``non_inferiority``, for any metric, from paired resamples of groups.

    The end is the lower of the percentile and of estimate - quantile · se, both widened for few
    groups as ``inversion.small_sample_correction`` says, and p the larger of the two.

    Args:
        estimate: First minus second, of a metric that is better when high.
        replicates: Shape (B,), of the same difference.
        margin: Above 0.
        draws: What the replicates were drawn with.
        alpha: One-sided level.

    Raises:
        UndefinedMetric: If more than 5 % of the resamples are undefined, there is no spread, or
            no stratum holds two groups. Two equal models have no spread, and are equivalent.
        ValueError: If a number is not finite, the margin not above 0, alpha not a level, or the
            replicates are not those of the draws.
    """
    below = _one_sided_bootstrap_test(estimate, replicates, _check_margin(margin), draws, alpha)
    method = "non-inferiority, bootstrap of groups"
    return _build_result(estimate, margin, alpha, [below], method, _describe_draws(draws))


def equivalence_from_replicates(
    estimate: float, replicates: Floats, *, margin: float, draws: Draws, alpha: float = 0.05
) -> MarginTest:
    """As ``equivalence``, for any metric, from paired resamples of groups.

    Takes the arguments of ``non_inferiority_from_replicates`` and raises as it does.
    """
    sides = [
        _one_sided_bootstrap_test(
            sign * estimate, sign * replicates, _check_margin(margin), draws, alpha
        )
        for sign in (1, -1)
    ]
    method = "equivalence (TOST), bootstrap of groups"
    return _build_result(estimate, margin, alpha, sides, method, _describe_draws(draws))


def _build_result(
    estimate: float,
    margin: float,
    alpha: float,
    sides: Sequence[_OneSidedTest],
    method: str,
    units: _SampleInfo,
) -> MarginTest:
    if not np.isfinite(estimate):
        raise UndefinedMetric("there is no difference to judge")
    p_value = max(side.p_value for side in sides)
    # Quantiles interpolate and counts do not: near the margin the two may disagree.
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
        n=units.n,
        groups=units.groups,
        seed=units.seed,
        note=units.note,
    )


def _describe_cases(n: int) -> _SampleInfo:
    if n < 1:
        raise ValueError(f"{n} cases: a test needs at least 1")
    few = f"only {n} cases: a standard error of so few is itself uncertain"
    return _SampleInfo(n, n, None, few if n < FEW_GROUPS else "")


def _describe_draws(draws: Draws) -> _SampleInfo:
    notes = [few_groups_note(draws.groups), draws.note]
    return _SampleInfo(draws.n, draws.groups, draws.seed, "; ".join(note for note in notes if note))


def _check_margin(margin: float) -> float:
    if not 0 < margin < float("inf"):
        raise ValueError(f"the margin is {margin}, not above 0")
    return margin


def _one_sided_t_test(room: float, se: float, df: float | None, alpha: float) -> _OneSidedTest:
    """One side: the room to the margin, and how surely it is above 0."""
    check_share(alpha, "alpha")
    if not 0 < se < float("inf"):
        raise UndefinedMetric(f"no spread to judge by: a standard error of {se}")
    by = NO_CORRECTION if df is None else SmallSampleCorrection(1.0, df)
    return _OneSidedTest(room - by.critical_value(alpha) * se, by.tail_probability(-room / se))


def _one_sided_bootstrap_test(
    estimate: float, replicates: Floats, margin: float, draws: Draws, alpha: float
) -> _OneSidedTest:
    check_share(alpha, "alpha")
    if replicates.shape != (draws.resamples,):
        raise ValueError(f"replicates of shape {replicates.shape}, not ({draws.resamples},)")
    defined = np.isfinite(replicates)
    undefined = 1 - float(defined.mean())
    if not np.isfinite(estimate) or undefined > MAX_UNDEFINED_SHARE:
        raise UndefinedMetric(f"undefined here, or in {undefined:.1%} of the resamples")
    replicates = replicates[defined]
    if np.bincount(draws.stratum_of).max() < 2:
        raise UndefinedMetric("no stratum holds two groups")
    se = float(replicates.std(ddof=1))
    if se <= SPREAD_TOLERANCE and not estimate:
        return _OneSidedTest(margin, 1 / (replicates.size + 1))  # two equal models
    if se <= SPREAD_TOLERANCE:
        raise UndefinedMetric("no spread to judge by: all resamples are equal")
    by, room = small_sample_correction(draws), replicates + margin
    counted = (1 + int((room <= 0).sum())) / (room.size + 1)
    percentile = float(np.quantile(room, by.quantile_level(alpha)))
    return _OneSidedTest(
        min(percentile, estimate + margin - by.critical_value(alpha) * se),
        max(
            by.tail_probability(float(ndtri(min(counted, 1 - 1e-12)))),
            by.tail_probability(-(estimate + margin) / se),
        ),
    )
