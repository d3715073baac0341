"""What is left of a model's quality when images get worse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from arogya_bench.errors import UndefinedMetric

Errors: TypeAlias = Mapping[str, Sequence[float] | float]  # corruption: one error per severity

ROUNDING = 1e-12  # three times .1 is no rise above .3


@dataclass(frozen=True, kw_only=True)
class CorruptionErrorResult:
    """Errors under corruption as multiples of a baseline's; 1 is the baseline.

    Attributes:
        error: Mean over the corruptions, the headline; None if one of them has no multiple.
        relative: Mean multiple of the rise above clean images, over the corruptions in which the
            baseline's error rises; None if it rises in none, or clean errors are not known.
        per_corruption: None where the baseline makes no error.
        relative_per_corruption: None where the baseline's error does not rise; empty if clean
            errors are not known.
        excluded: Corruptions that ``relative`` leaves out.
        worst: The first corruption of the largest multiple; None if there is none.
        method: Which error it is.
        n: Number of errors that were averaged.
        groups: Number of corruptions.
        seed: None, nothing is drawn.
        note: What a reader should know; empty if nothing.
    """

    error: float | None
    relative: float | None
    per_corruption: Mapping[str, float | None]
    relative_per_corruption: Mapping[str, float | None]
    excluded: tuple[str, ...]
    worst: str | None
    method: str
    n: int
    groups: int
    seed: int | None = None
    note: str = ""


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


def balanced_corruption_error(
    errors: Errors, baseline_errors: Errors, *, clean: tuple[float, float] | None = None
) -> CorruptionErrorResult:
    """Balanced error BE and relative balanced error rBE of MedMNIST-C, against a baseline.

    The balanced error is 1 - balanced accuracy. Per corruption, BE is its mean over severities
    divided by that of the baseline; rBE is the mean rise above clean images divided by that of
    the baseline. The headline is the mean of BE over corruptions.

    Source: Di Salvo, Doerrich and Ledig 2024 (MedMNIST-C), as ratios.

    Args:
        errors: For each corruption its balanced errors per severity, 0 to 1, or their mean.
        baseline_errors: The same of the baseline; a published mean may stand for its severities.
        clean: Balanced error on clean images, of the model and of the baseline; None: no rBE.

    Raises:
        UndefinedMetric: If an error is missing.
        ValueError: If an error is not between 0 and 1, or corruptions or severities differ.
    """
    return _corruption_error(errors, baseline_errors, clean, "balanced error against a baseline")


def corruption_calibration_error(
    errors: Errors, baseline_errors: Errors, *, clean: tuple[float, float] | None = None
) -> CorruptionErrorResult:
    """Mean over corruptions of the ECE as a multiple of the baseline's ECE.

    Source: the corruption error of Hendrycks and Dietterich 2019, with the ECE for the error.

    Args:
        errors: For each corruption its ECEs per severity, 0 to 1, or their mean.
        baseline_errors: The same of the baseline; a published mean may stand for its severities.
        clean: ECE on clean images, of the model and of the baseline; None: no relative one.

    Raises:
        UndefinedMetric: If an error is missing.
        ValueError: If an error is not between 0 and 1, or corruptions or severities differ.
    """
    return _corruption_error(errors, baseline_errors, clean, "ECE against a baseline")


def _corruption_error(
    errors: Errors, baseline: Errors, clean: tuple[float, float] | None, method: str
) -> CorruptionErrorResult:
    for values in (*errors.values(), *baseline.values(), *(clean or ())):
        _check_errors(values)
    means = {name: float(np.mean(values)) for name, values in errors.items()}
    ratios = corruption_ratios(means, _mean_baseline_errors(errors, baseline))
    above = {}
    if clean is not None:
        above = corruption_ratios(
            means, _mean_baseline_errors(errors, baseline), clean=clean[0], baseline_clean=clean[1]
        )
    defined = {name: ratio for name, ratio in ratios.items() if ratio is not None}
    rises = [ratio for ratio in above.values() if ratio is not None]
    left_out = tuple(name for name, ratio in above.items() if ratio is None)
    return CorruptionErrorResult(
        error=float(np.mean(list(defined.values()))) if len(defined) == len(ratios) else None,
        relative=float(np.mean(rises)) if rises else None,
        per_corruption=ratios,
        relative_per_corruption=above,
        excluded=left_out,
        worst=max(defined, key=defined.__getitem__) if defined else None,
        method=method,
        n=sum(np.size(values) for values in errors.values()),
        groups=len(errors),
        note=_join_notes([name for name in ratios if name not in defined], left_out, clean is None),
    )


def _mean_baseline_errors(errors: Errors, baseline: Errors) -> dict[str, float]:
    """Mean errors of the baseline, over as many severities, or as published."""
    for name in set(errors) & set(baseline):
        if np.size(baseline[name]) not in (1, np.size(errors[name])):
            raise ValueError(
                f"{name} has {np.size(errors[name])} severities, in the baseline "
                f"{np.size(baseline[name])}"
            )
    return {name: float(np.mean(values)) for name, values in baseline.items()}


def _check_errors(values: Sequence[float] | float) -> None:
    given = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if not given.size or np.isnan(given).any():
        raise UndefinedMetric(f"an error is missing among {given.tolist()}")
    if ((given < 0) | (given > 1)).any():
        raise ValueError(f"errors must be between 0 and 1, not {given.tolist()}")


def _join_notes(perfect: Sequence[str], excluded: Sequence[str], no_clean: bool) -> str:
    notes = []
    if perfect:
        notes.append(f"the baseline makes no error in {', '.join(perfect)}")
    if excluded:
        notes.append(f"the baseline's error does not rise in {', '.join(excluded)}")
    if no_clean:
        notes.append("no relative error without clean ones")
    return "; ".join(notes)
