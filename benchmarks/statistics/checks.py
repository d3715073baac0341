"""The tests and intervals under study: each is asked whether it errs in one simulated study."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from arogya_bench.statistics.equivalence import MarginTest, equivalence_from_replicates, non_inferiority_from_replicates
from arogya_bench.statistics.intervals import BootstrapInterval
from benchmarks.statistics.methods import (
    Bounds,
    bootstrap_bounds,
    bootstrap_difference_bounds,
    bootstrap_p,
    clopper_pearson_bounds,
    cochran_q_p,
    delong_logit_bounds,
    delong_p,
    delong_wald_bounds,
    friedman_p,
    hodges_lehmann_bounds,
    mcnemar_asymptotic_p,
    mcnemar_exact_p,
    mcnemar_mid_p,
    paired_t_p,
    positive_predictive_value_bounds,
    resampled_t_p,
    smallest_nemenyi_p,
    t_bounds,
    tango_bounds,
    true_positive_predictive_value,
    wilcoxon_p,
    wilson_bounds,
)
from benchmarks.statistics.simulation import true_metrics
from benchmarks.statistics.trials import METRICS, SimulatedStudy

ALPHA = 0.05
PValue: TypeAlias = Callable[[SimulatedStudy], float | None]


@dataclass(frozen=True, kw_only=True)
class Check:
    """A test or an interval under study.

    Attributes:
        kind: ``size`` if an error is the rejection of a true hypothesis, ``coverage`` if it is an
            interval that misses the true value.
        is_wrong: Whether the method errs in a study; None if it gives no result.
        supports_clusters: Whether the method allows several cases per group.
        needs_resamples: Whether the method resamples, which takes most of the time.
        note: Shown in the table.
    """

    name: str
    kind: Literal["size", "coverage"]
    is_wrong: Callable[[SimulatedStudy], bool | None]
    supports_clusters: bool = True
    needs_resamples: bool = True
    note: str = ""


def rejects(p_value: PValue) -> Callable[[SimulatedStudy], bool | None]:
    """Turn the p-value of a true hypothesis into whether it is rejected at 5 %."""

    def is_wrong(study: SimulatedStudy) -> bool | None:
        p = p_value(study)
        return None if p is None else p < ALPHA

    return is_wrong


def misses(bounds: Callable[[SimulatedStudy], Bounds], true: float) -> Callable[[SimulatedStudy], bool | None]:
    """Turn the ends of an interval into whether the true value lies outside."""

    def is_wrong(study: SimulatedStudy) -> bool | None:
        return excludes(bounds(study), true)

    return is_wrong


def excludes(bounds: Bounds, true: float) -> bool | None:
    """Whether a value lies outside an interval; None if the interval does not exist."""
    low, high = bounds
    if low is None or high is None:
        return None
    return not low - 1e-12 <= true <= high + 1e-12


def claims_f1_difference(study: SimulatedStudy) -> bool | None:
    """A comparison claims a difference if the interval excludes 0 and the p-value is below 5 %."""
    difference: BootstrapInterval = study.difference_interval("f1_macro")
    return excludes(difference.ci, 0.0) and rejects(partial(bootstrap_p, metric="f1_macro"))(study)


def claims_at_margin(study: SimulatedStudy, *, test: Callable[..., MarginTest]) -> bool:
    estimate, values, resamples, margin = study.margin_inputs
    return test(estimate, values, margin=margin, draws=resamples).conclusion == "shown"


def _size(name: str, p_value: PValue, *, clusters: bool = True, resamples: bool = False, note: str = "") -> Check:
    return Check(
        name=name,
        kind="size",
        is_wrong=rejects(p_value),
        supports_clusters=clusters,
        needs_resamples=resamples,
        note=note,
    )


def _coverage(
    name: str,
    bounds: Callable[[SimulatedStudy], Bounds],
    true: float,
    *,
    clusters: bool = True,
    resamples: bool = False,
    note: str = "",
) -> Check:
    return Check(
        name=name,
        kind="coverage",
        is_wrong=misses(bounds, true),
        supports_clusters=clusters,
        needs_resamples=resamples,
        note=note,
    )


CHECKS = (
    _size("McNemar mid-p", mcnemar_mid_p, clusters=False, note="discrete"),
    _size("McNemar exact", mcnemar_exact_p, clusters=False, note="discrete"),
    _size("McNemar asymptotic", mcnemar_asymptotic_p, clusters=False, note="discrete"),
    _size("paired t, loss", paired_t_p),
    _size("Wilcoxon, loss", wilcoxon_p),
    _size("DeLong", delong_p, clusters=False),
    _size("Cochran's Q, 3 models", cochran_q_p, clusters=False, note="discrete"),
    _size("Friedman, 3 models, loss", friedman_p, note="rows are patients"),
    _size("Nemenyi, any of 3 pairs, loss", smallest_nemenyi_p, note="rows are patients"),
    _size("corrected resampled t, 10 splits", resampled_t_p, note="two learners, 80/20"),
    *(_size(f"paired bootstrap, {metric}", partial(bootstrap_p, metric=metric), resamples=True) for metric in METRICS),
    Check(name="claim (p and BCa interval), f1_macro", kind="size", is_wrong=claims_f1_difference),
    Check(
        name="non-inferiority at the margin, accuracy",
        kind="size",
        is_wrong=partial(claims_at_margin, test=non_inferiority_from_replicates),
        note="true difference = margin",
    ),
    Check(
        name="equivalence (TOST) at the margin, accuracy",
        kind="size",
        is_wrong=partial(claims_at_margin, test=equivalence_from_replicates),
        note="true difference = margin",
    ),
    _coverage("Wilson, accuracy", wilson_bounds, true_metrics()["accuracy"], clusters=False),
    _coverage("Clopper-Pearson, accuracy", clopper_pearson_bounds, true_metrics()["accuracy"], clusters=False),
    _coverage("DeLong, Wald", delong_wald_bounds, true_metrics()["auroc_macro_ovr"], clusters=False),
    _coverage("DeLong, logit", delong_logit_bounds, true_metrics()["auroc_macro_ovr"], clusters=False),
    _coverage("Tango, difference of accuracy", tango_bounds, 0.0, clusters=False),
    _coverage(
        "logit, PPV at 10 % prevalence",
        positive_predictive_value_bounds,
        true_positive_predictive_value(0.1),
        clusters=False,
    ),
    _coverage("t, difference of loss", t_bounds, 0.0),
    _coverage("Hodges-Lehmann, shift of loss", hodges_lehmann_bounds, 0.0),
    *(
        _coverage(
            f"bootstrap percentile, {metric}",
            partial(bootstrap_bounds, metric=metric, method="percentile"),
            true_metrics()[metric],
            resamples=True,
        )
        for metric in METRICS
    ),
    *(
        _coverage(
            f"bootstrap bca, {metric}",
            partial(bootstrap_bounds, metric=metric, method="bca"),
            true_metrics()[metric],
            resamples=True,
        )
        for metric in METRICS
    ),
    *(
        _coverage(
            f"bootstrap bca, difference of {metric}",
            partial(bootstrap_difference_bounds, metric=metric),
            0.0,
            resamples=True,
        )
        for metric in METRICS
    ),
)
