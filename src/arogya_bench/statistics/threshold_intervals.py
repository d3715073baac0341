"""Intervals of every rate at a locked threshold."""

from math import log, sqrt

from numpy.typing import ArrayLike
from scipy.special import expit, logit

from arogya_bench.metrics.binary_counts import check_share
from arogya_bench.metrics.threshold_replicates import operating_replicates
from arogya_bench.metrics.thresholds import ClassifierOperatingPoint, at_threshold
from arogya_bench.statistics.arguments import quantile
from arogya_bench.statistics.intervals import Interval, interval
from arogya_bench.statistics.proportions import wilson
from arogya_bench.statistics.resampling import Draws

RATES = ("sensitivity", "specificity", "ppv", "npv", "ppv_at_prevalence", "npv_at_prevalence")
ADJUSTED_NOTE = "adjusted for a rate of 0 or 1, and widened to contain the estimate"


def operating_intervals(
    positive: ArrayLike,
    scores: ArrayLike,
    threshold: float,
    *,
    draws: Draws,
    prevalence: float | None = None,
    confidence: float = 0.95,
) -> dict[str, Interval]:
    """Compute the interval of each rate at a locked threshold.

    With one case per group: Wilson's interval for proportions, and the logit interval (Mercaldo,
    Lau and Zhou 2007) for predictive values at a stated prevalence. Otherwise a bootstrap of groups.

    Args:
        positive: Shape (n,), whether a case belongs to the positive class.
        scores: Shape (n,), higher for positives; NaN for a case without an answer.
        threshold: Scores at or above it are called positive; its choice adds no uncertainty.
        draws: Resamples of groups; they also say which cases are independent.
        prevalence: Of the deployment, between 0 and 1.
        confidence: Nominal level, between 0 and 1.

    Returns:
        ``sensitivity``, ``specificity``, ``ppv``, ``npv``, and with a prevalence
        ``ppv_at_prevalence`` and ``npv_at_prevalence``, as far as they are defined.
    """
    check_share(confidence, "confidence")
    point = at_threshold(positive, scores, threshold, prevalence=prevalence)
    if draws.n != point.n:
        raise ValueError(f"draws of {draws.n} cases for {point.n}")
    if draws.groups == draws.n:
        rates = _rate_intervals(point, confidence)
        return rates | predictive_values(point, confidence=confidence)
    drawn = operating_replicates(positive, scores, threshold, draws=draws, prevalence=prevalence)
    return {
        name: interval(
            drawn.estimates[name], drawn.values[name], drawn.jackknife[name], draws=draws, confidence=confidence
        )
        for name in RATES
        if getattr(point, name) is not None
    }


def predictive_values(point: ClassifierOperatingPoint, *, confidence: float = 0.95) -> dict[str, Interval]:
    """Compute intervals of PPV and NPV at a stated prevalence, for one case per group.

    On the logit scale, with the variances (1 - sens)/sens/n₁ + spec/(1 - spec)/n₀ of logit(PPV)
    and sens/(1 - sens)/n₁ + (1 - spec)/spec/n₀ of logit(NPV); where a rate is 0 or 1, both rates
    are taken as (x + z²/2)/(n + z²). Source: Mercaldo, Lau and Zhou 2007.

    Args:
        point: Operating point with a stated prevalence.
        confidence: Nominal level, between 0 and 1.

    Returns:
        ``ppv_at_prevalence`` and ``npv_at_prevalence``, as far as they are defined.
    """
    if point.groups < point.n:
        raise ValueError(f"{point.n} cases of {point.groups} groups are not independent: use operating_intervals")
    n1, n0 = point.tp + point.fn, point.tn + point.fp
    if point.deployment_prevalence is None or not n1 or not n0:
        return {}
    z = quantile(confidence)
    extreme = min(point.tp, point.fn, point.tn, point.fp) == 0
    added = z**2 if extreme else 0.0
    sens, spec = (point.tp + added / 2) / (n1 + added), (point.tn + added / 2) / (n0 + added)
    odds_sens, odds_spec = sens / (1 - sens), spec / (1 - spec)
    m1, m0 = n1 + added, n0 + added
    prior = float(logit(point.deployment_prevalence))
    scales = {
        "ppv_at_prevalence": (log(sens / (1 - spec)) + prior, 1 / odds_sens / m1 + odds_spec / m0),
        "npv_at_prevalence": (log(spec / (1 - sens)) - prior, odds_sens / m1 + 1 / odds_spec / m0),
    }
    intervals = {}
    for name, (centre, variance) in scales.items():
        estimate = getattr(point, name)
        if estimate is not None:
            low, high = (float(expit(centre + sign * z * sqrt(variance))) for sign in (-1, 1))
            intervals[name] = Interval(
                estimate=estimate,
                low=min(low, estimate),
                high=max(high, estimate),
                method="logit",
                confidence=confidence,
                n=point.n,
                groups=point.n,
                note=ADJUSTED_NOTE if extreme else "",
            )
    return intervals


def _rate_intervals(point: ClassifierOperatingPoint, confidence: float) -> dict[str, Interval]:
    counts = {
        "sensitivity": (point.tp, point.tp + point.fn),
        "specificity": (point.tn, point.tn + point.fp),
        "ppv": (point.tp, point.tp + point.fp),
        "npv": (point.tn, point.tn + point.fn),
    }
    return {name: wilson(part, whole, confidence=confidence) for name, (part, whole) in counts.items() if whole}
