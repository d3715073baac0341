"""Calibration slope and intercept: a logistic regression of the outcome on the logit of the probability."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.binary_counts import check_columns
from arogya_bench.metrics.calibration import bin_indices
from arogya_bench.types import Floats, Labels

CLIP = 1e-6  # probabilities closer to 0 or 1 have this logit; rounding to float32 alone gives exact 0 and 1
MAX_STEPS = 100
STEP_TOLERANCE = 1e-10
MAX_SIMULATED_CASES = 2_000_000  # over all simulations of the calibration error by chance
SIMULATIONS = (20, 200)  # fewest and most


@dataclass(frozen=True, kw_only=True)
class CalibrationLine:
    """Outcome = expit(intercept + slope · logit(probability)); 0 and 1 for calibrated probabilities.

    A slope below 1 stands for probabilities that are too extreme, one above 1 for timid ones.

    Attributes:
        influence: Shape (n, 2), what each case adds to intercept and slope; cases of a group are added.
        clipped: Number of probabilities that were clipped.
    """

    intercept: float
    slope: float
    influence: Floats
    clipped: int


def calibration_line(outcome: ArrayLike, probabilities: ArrayLike) -> CalibrationLine:
    """Fit the logistic recalibration of probabilities by maximum likelihood (Newton's method).

    Source: Cox 1958; read as in Van Calster et al. 2016.

    Args:
        outcome: Shape (n,), whether what the probability speaks of is true.
        probabilities: Shape (n,), 0 to 1, clipped at 1e-6 from both ends.

    Raises:
        UndefinedMetric: If a probability is missing, there are no cases of one outcome, all probabilities are equal, or
            they separate the outcomes, so that the slope has no bound.
    """
    flags, values = check_columns(outcome, probabilities)
    if np.isnan(values).any():
        raise UndefinedMetric(f"{np.isnan(values).sum()} of {values.size} cases have no probabilities")
    if (values < 0).any() or (values > 1).any():
        raise ValueError(f"probabilities range from {values.min()} to {values.max()}")
    scores = logit(values.clip(CLIP, 1 - CLIP))
    _check_overlap(flags, scores)
    design = np.column_stack([np.ones(scores.size), scores])
    coefficients = _maximise_likelihood(design, flags.astype(np.float64))
    fitted = expit(design @ coefficients)
    inverse = np.linalg.inv((design * (fitted * (1 - fitted))[:, None]).T @ design)
    return CalibrationLine(
        intercept=float(coefficients[0]),
        slope=float(coefficients[1]),
        influence=(design * (flags - fitted)[:, None]) @ inverse,
        clipped=int(((values < CLIP) | (values > 1 - CLIP)).sum()),
    )


def calibration_error_by_chance(confidence: ArrayLike, *, rng: np.random.Generator, bins: int = 15) -> float:
    """Simulate the mean ``expected_calibration_error`` of a calibrated model with these confidences.

    It is above 0 since few cases per bin miss their probability by chance: .066 for 200 cases in 15 bins.

    Args:
        confidence: Shape (n,), 0 to 1.
        rng: Source of the simulated outcomes.
        bins: As in ``expected_calibration_error``.

    Raises:
        UndefinedMetric: If there are no cases, or a confidence is missing.
    """
    values = np.asarray(confidence, dtype=np.float64)
    if not values.size or np.isnan(values).any():
        raise UndefinedMetric("no cases" if not values.size else "some cases have no probabilities")
    fewest, most = SIMULATIONS
    simulations = min(most, max(fewest, MAX_SIMULATED_CASES // values.size))
    where = bin_indices(values, bins)
    gaps = [_simulated_gap(values, where, rng, bins) for _ in range(simulations)]
    return float(np.mean(gaps) / values.size)


def _simulated_gap(confidence: Floats, where: Labels, rng: np.random.Generator, bins: int) -> float:
    correct = rng.random(confidence.size) < confidence
    return float(np.abs(np.bincount(where, correct - confidence, minlength=bins)).sum())


def _check_overlap(flags: NDArray[np.bool_], scores: Floats) -> None:
    positives, negatives = scores[flags], scores[~flags]
    if not positives.size or not negatives.size:
        raise UndefinedMetric(f"{positives.size} positive and {negatives.size} negative cases")
    if np.ptp(scores) == 0:
        raise UndefinedMetric("all cases have the same probability")
    if positives.min() >= negatives.max() or negatives.min() >= positives.max():
        raise UndefinedMetric("the probabilities separate the outcomes, so that the slope has no bound")


def _maximise_likelihood(design: Floats, outcome: Floats) -> Floats:
    """Newton's method with halved steps where the likelihood falls."""
    coefficients = np.array([0.0, 1.0])
    value = _log_likelihood(design, outcome, coefficients)
    for _ in range(MAX_STEPS):
        fitted = expit(design @ coefficients)
        weights = np.maximum(fitted * (1 - fitted), np.finfo(np.float64).tiny)
        step = np.linalg.solve((design * weights[:, None]).T @ design, design.T @ (outcome - fitted))
        size = 1.0
        while (found := _log_likelihood(design, outcome, coefficients + size * step)) < value and size > STEP_TOLERANCE:
            size /= 2
        coefficients, value = coefficients + size * step, found
        if np.abs(size * step).max() < STEP_TOLERANCE:
            return coefficients
    raise UndefinedMetric(f"the logistic regression did not converge in {MAX_STEPS} steps")


def _log_likelihood(design: Floats, outcome: Floats, coefficients: Floats) -> float:
    linear = design @ coefficients
    return float(outcome @ linear - np.logaddexp(0, linear).sum())
