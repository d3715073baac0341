"""Rates at a locked threshold on resamples, from counts per group."""

import numpy as np
from numpy.typing import ArrayLike

from arogya_bench.metrics.binary_counts import binary_rates, check_columns, check_share, confusion_masks
from arogya_bench.metrics.decision import net_benefit_from_counts
from arogya_bench.metrics.replicates import Replicates, Resamples
from arogya_bench.types import Floats


def operating_replicates(
    positive: ArrayLike,
    scores: ArrayLike,
    threshold: float,
    *,
    draws: Resamples,
    prevalence: float | None = None,
    threshold_probability: float | None = None,
) -> Replicates:
    """Resample the rates at a locked threshold, as ``at_threshold`` computes them.

    Args:
        positive: Shape (n,), whether a case belongs to the positive class.
        scores: Shape (n,), higher for positives; NaN for a case without an answer.
        threshold: Scores at or above it are called positive; it is the same in all resamples.
        draws: Which groups enter each resample.
        prevalence: Prevalence in the deployment, between 0 and 1.
        threshold_probability: Adds ``net_benefit`` at this threshold, between 0 and 1, of scores
            that are probabilities.

    Returns:
        The rates of ``binary_rates``, and ``net_benefit`` with a ``threshold_probability``.
    """
    flags, values = check_columns(positive, scores)
    if draws.group_of.shape != flags.shape:
        raise ValueError(f"draws of {draws.group_of.size} cases for {flags.size}")
    masks = [confusion_masks(flags, values, threshold)]
    pt = threshold_probability
    if pt is not None:
        masks.append(confusion_masks(flags, values, check_share(pt, "threshold_probability")))
    by_group = np.array([np.bincount(draws.group_of, mask) for mask in np.concatenate(masks)])
    total = by_group.sum(axis=1, keepdims=True)
    drawn = np.concatenate([by_group @ counts.T for counts in draws.chunks()], axis=1)
    return Replicates(
        estimates={name: float(rates[0]) for name, rates in _rates_by_name(total, prevalence, pt).items()},
        values=_rates_by_name(drawn, prevalence, pt),
        jackknife=_rates_by_name(total - by_group, prevalence, pt),
        digest=draws.digest,
    )


def _rates_by_name(counts: Floats, prevalence: float | None, pt: float | None) -> dict[str, Floats]:
    rates = binary_rates(counts[:4], prevalence=prevalence)
    if pt is not None:
        rates["net_benefit"] = net_benefit_from_counts(counts[4:], pt, prevalence=prevalence)
    return rates
