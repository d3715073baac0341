"""What is left of a model's quality when images get worse."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from arogya_bench.errors import UndefinedMetric

Errors: TypeAlias = Mapping[str, Sequence[float] | float]  # corruption: one error per severity

ROUNDING = 1e-12  # three times .1 is no rise above .3


def robustness_score(clean: float, augmented: float | Sequence[float]) -> float | None:
    """Share of the clean score that is kept: 1 - (clean - augmented)/clean, not clipped.

    Args:
        clean: Score on clean images, higher is better.
        augmented: Score on augmented ones; the mean is taken over several.

    Returns:
        1 for no drop, above 1 where augmented images do better; None if ``clean`` is 0.

    Raises:
        UndefinedMetric: If there is no augmented score.
    """
    scores = np.atleast_1d(np.asarray(augmented, dtype=np.float64))
    if not scores.size or not np.isfinite([clean, *scores]).all():
        raise UndefinedMetric(f"no robustness from {clean} on clean and {scores} on augmented")
    if clean == 0:
        return None
    return float(np.mean(1 - (clean - scores) / clean))


def mean_corruption_error(errors: Errors, baseline_errors: Errors) -> float:
    """Mean over corruptions of the error as a multiple of the baseline's error.

    Source: Hendrycks and Dietterich 2019, as a ratio (1 is the baseline), not in per cent.

    Args:
        errors: For each corruption its errors per severity, or their mean.
        baseline_errors: The same corruptions and severities of the model to compare with.

    Raises:
        UndefinedMetric: If the baseline makes no error in some corruption.
        ValueError: If corruptions or severities differ.
    """
    ratios = corruption_ratios(errors, baseline_errors)
    perfect = [name for name, ratio in ratios.items() if ratio is None]
    if perfect:
        raise UndefinedMetric(f"the baseline makes no error in {', '.join(perfect)}")
    return float(np.mean([ratio for ratio in ratios.values() if ratio is not None]))


def relative_mean_corruption_error(
    errors: Errors, baseline_errors: Errors, clean: float, baseline_clean: float
) -> float | None:
    """Mean over corruptions of the rise in error as a multiple of the baseline's rise.

    Source: Hendrycks and Dietterich 2019, as a ratio. A corruption in which the baseline loses
    nothing is left out; ``corruption_ratios`` names it by None.

    Args:
        errors: For each corruption its errors per severity, or their mean.
        baseline_errors: The same corruptions and severities of the model to compare with.
        clean: Error on clean images.
        baseline_clean: Error of the baseline on clean images.

    Returns:
        None if the baseline loses nothing in any corruption.
    """
    ratios = corruption_ratios(errors, baseline_errors, clean=clean, baseline_clean=baseline_clean)
    defined = [ratio for ratio in ratios.values() if ratio is not None]
    return float(np.mean(defined)) if defined else None


def corruption_ratios(
    errors: Errors, baseline_errors: Errors, *, clean: float = 0.0, baseline_clean: float = 0.0
) -> dict[str, float | None]:
    """Error above ``clean`` per corruption, as a multiple of the baseline's.

    Returns:
        None for a corruption in which the baseline's error does not rise above its clean one.

    Raises:
        ValueError: If there are no corruptions, or corruptions or severities differ.
    """
    if not errors or set(errors) != set(baseline_errors):
        raise ValueError(
            f"corruptions {sorted(errors)} against {sorted(baseline_errors)} of the baseline"
        )
    ratios: dict[str, float | None] = {}
    for name, values in errors.items():
        own = np.atleast_1d(np.asarray(values, dtype=np.float64))
        other = np.atleast_1d(np.asarray(baseline_errors[name], dtype=np.float64))
        if own.shape != other.shape or not own.size:
            raise ValueError(f"{name} has {own.size} severities, in the baseline {other.size}")
        if not np.isfinite([*own, *other, clean, baseline_clean]).all():
            raise UndefinedMetric(f"an error is missing in {name}")
        rise = float((other - baseline_clean).sum())
        ratios[name] = float((own - clean).sum()) / rise if rise > ROUNDING else None
    return ratios
