"""Metrics that arogya-bench does not have."""

import numpy as np

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.catalogue import metric


@metric(best="high", low=-1.0, high=1.0)
def youden(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Sensitivity plus specificity minus 1, of the second of two classes."""
    if probabilities.shape[1] != 2:
        raise UndefinedMetric(f"{probabilities.shape[1]} classes, not two")
    positive, called = targets == 1, probabilities[:, 1] >= 0.5
    if positive.all() or not positive.any():
        raise UndefinedMetric("all cases are of one class")
    return float(called[positive].mean() - called[~positive].mean())
