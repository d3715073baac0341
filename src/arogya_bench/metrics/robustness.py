"""Robustness score and mean corruption error."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from arogya_bench.errors import UndefinedMetric

Errors: TypeAlias = Mapping[str, Sequence[float] | float]  # corruption: one error per severity

ROUNDING = 1e-12  # larger than the rounding error of 3 * .1 - .3


def robustness_score(clean: float, augmented: float | Sequence[float]) -> float | None:
    """Compute the share of the clean score that is retained: 1 - (clean - augmented)/clean.

    Args:
        clean: Score on clean images, higher is better.
        augmented: Score on augmented images, or several scores, which are averaged.

    Returns:
        1 for no drop, not clipped above 1; None if ``clean`` is 0.

    Raises:
        UndefinedMetric: If there is no augmented score.
    """
    scores = np.atleast_1d(np.asarray(augmented, dtype=np.float64))
    if not scores.size or not np.isfinite([clean, *scores]).all():
        raise UndefinedMetric(f"a score is missing: {clean} on clean and {scores} on augmented images")
    if clean == 0:
        return None
    return float(np.mean(1 - (clean - scores) / clean))


def mean_corruption_error(errors: Errors, baseline_errors: Errors) -> float:
    """Compute the mean over corruptions of the error relative to the baseline's error.

    Source: Hendrycks and Dietterich 2019, as a ratio (1 for the baseline), not in per cent.

    Args:
        errors: For each corruption its errors per severity, or their mean.
        baseline_errors: Errors of the baseline, for the same corruptions and severities.

    Raises:
        UndefinedMetric: If the baseline makes no error in some corruption.
    """
    ratios = corruption_ratios(errors, baseline_errors)
    perfect = [name for name, ratio in ratios.items() if ratio is None]
    if perfect:
        raise UndefinedMetric(f"the baseline makes no error in {', '.join(perfect)}")
    return float(np.mean([ratio for ratio in ratios.values() if ratio is not None]))


def relative_mean_corruption_error(
    errors: Errors, baseline_errors: Errors, clean: float, baseline_clean: float
) -> float | None:
    """Compute the mean over corruptions of the rise in error relative to the baseline's rise.

    As ``mean_corruption_error``, with errors above those on clean images. Corruptions in which the
    baseline's error does not rise are left out; they are None in ``corruption_ratios``.

    Returns:
        None if the baseline's error does not rise in any corruption.
    """
    ratios = corruption_ratios(errors, baseline_errors, clean=clean, baseline_clean=baseline_clean)
    defined = [ratio for ratio in ratios.values() if ratio is not None]
    return float(np.mean(defined)) if defined else None


def corruption_ratios(
    errors: Errors, baseline_errors: Errors, *, clean: float = 0.0, baseline_clean: float = 0.0
) -> dict[str, float | None]:
    """Compute the rise in error above ``clean`` per corruption, relative to the baseline's.

    Returns:
        None for a corruption in which the baseline's error does not rise above its clean one.
    """
    if not errors or set(errors) != set(baseline_errors):
        raise ValueError(f"corruptions {sorted(errors)} against {sorted(baseline_errors)} of the baseline")
    ratios: dict[str, float | None] = {}
    for name, values in errors.items():
        model = np.atleast_1d(np.asarray(values, dtype=np.float64))
        baseline = np.atleast_1d(np.asarray(baseline_errors[name], dtype=np.float64))
        if model.shape != baseline.shape or not model.size:
            raise ValueError(f"{name} has {model.size} severities, the baseline has {baseline.size}")
        if not np.isfinite([*model, *baseline, clean, baseline_clean]).all():
            raise UndefinedMetric(f"an error is missing in {name}")
        rise = float((baseline - baseline_clean).sum())
        ratios[name] = float((model - clean).sum()) / rise if rise > ROUNDING else None
    return ratios
