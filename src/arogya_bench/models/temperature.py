"""Calibration: from classifier scores to probabilities, fitted on the validation split."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, softmax

from arogya_bench.types import Floats, Labels, Probabilities

PRIOR_VARIANCE = 9.0  # weak: a handful of validation cases outweighs it


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Bias-corrected temperature scaling: ``softmax(scale * scores + bias)``.

    For two classes this is Platt scaling. A single scale keeps the fit stable if the validation split holds few or no
    cases of a class.

    Attributes:
        scale: Above 0, so that a higher score never gives a lower probability.
        bias: One number per class.
    """

    scale: float
    bias: tuple[float, ...]

    def probabilities(self, scores: Floats) -> Probabilities:
        """Convert scores of shape (n, classes) to rows that sum to 1."""
        return np.asarray(softmax(self.scale * scores + np.array(self.bias), axis=1), np.float64)


def fit_calibration(scores: Floats, targets: Labels) -> Calibration:
    """Fit scale and biases by maximum likelihood to scores of shape (n, classes); higher means more likely.

    A weak normal prior on the logarithm of the scale and on the biases keeps them finite when the scores separate the
    classes perfectly or a class is absent.
    """
    truth = np.eye(scores.shape[1])[targets]

    def loss(parameters: Floats) -> tuple[float, Floats]:
        scale, bias = np.exp(parameters[0]), parameters[1:]
        log_probabilities = log_softmax(scale * scores + bias, axis=1)
        residual = np.exp(log_probabilities) - truth
        penalty = 0.5 * float(parameters @ parameters) / PRIOR_VARIANCE
        gradient = np.concatenate([[scale * np.sum(residual * scores)], residual.sum(axis=0)])
        return penalty - float(np.sum(truth * log_probabilities)), (gradient + parameters / PRIOR_VARIANCE)

    best = minimize(loss, np.zeros(1 + scores.shape[1]), jac=True, method="L-BFGS-B").x
    return Calibration(scale=float(np.exp(best[0])), bias=tuple(best[1:].tolist()))


def fit_temperature(probabilities: Probabilities, targets: Labels) -> float:
    """Fit a temperature from 0.01 to 100 by maximum likelihood (Guo et al., ICML 2017); above 1 if overconfident."""
    scores = _safe_log(probabilities)
    rows = np.arange(len(targets))

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(scores / np.exp(log_temperature), axis=1)[rows, targets].mean())

    best = minimize_scalar(loss, bounds=(np.log(0.01), np.log(100.0)), method="bounded")
    return float(np.exp(best.x))


def apply_temperature(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Divide the logits behind probabilities by a temperature; the ranking of classes is kept.

    The logarithm of a softmax differs from its logits by a constant per row, which the second softmax removes, so that
    only probabilities are needed.
    """
    return np.asarray(softmax(_safe_log(probabilities) / temperature, axis=1), np.float64)


def _safe_log(probabilities: Probabilities) -> Floats:
    """Logarithm with 0 replaced by the smallest positive number."""
    return np.asarray(np.log(np.maximum(probabilities, np.finfo(np.float64).tiny)), np.float64)
