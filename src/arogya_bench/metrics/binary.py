"""Metrics of the second of two classes, the positive one."""

import numpy as np

from arogya_bench.metrics import per_class
from arogya_bench.metrics.catalogue import metric
from arogya_bench.metrics.tally import SufficientStatistics
from arogya_bench.types import Floats

POSITIVE_CLASS = 1


@metric(best="high", low=0.0, high=1.0, averaged_over="positives", class_conditional=True)
def sensitivity(tally: SufficientStatistics) -> Floats:
    """Share of the positive cases that were called positive (recall)."""
    return per_class.recalls(tally)[..., POSITIVE_CLASS]


@metric(best="high", low=0.0, high=1.0, averaged_over="negatives", class_conditional=True)
def specificity(tally: SufficientStatistics) -> Floats:
    """Share of the negative cases that were called negative."""
    return per_class.specificities(tally)[..., POSITIVE_CLASS]


@metric(best="high", low=0.0, high=1.0)
def precision(tally: SufficientStatistics) -> Floats:
    """Share of the cases called positive that are (PPV at the prevalence of these cases)."""
    return per_class.precisions(tally)[..., POSITIVE_CLASS]


@metric(best="high", low=0.0, high=1.0, averaged_over="classes")
def f1(tally: SufficientStatistics) -> Floats:
    """Harmonic mean of precision and sensitivity of the positive class."""
    return per_class.f1s(tally)[..., POSITIVE_CLASS]


@metric(best="high", low=0.0, high=1.0, probabilistic=True, averaged_over="classes", class_conditional=True)
def auroc(tally: SufficientStatistics) -> Floats:
    """Chance that a positive case outranks a negative one; a tie counts half."""
    return np.asarray(tally.auroc[..., POSITIVE_CLASS])


@metric(best="high", low=0.0, high=1.0, probabilistic=True, averaged_over="classes")
def average_precision(tally: SufficientStatistics) -> Floats:
    """Area under the step curve of precision against recall of the positive class."""
    return np.asarray(tally.average_precision[..., POSITIVE_CLASS])
