"""Intervals for all metrics of one evaluation: ours against the loop over scikit-learn.

The loop resamples 20 times and ours 10,000 times; a ratio of 500 would be no gain.
"""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from arogya_bench.metrics.replicates import replicates
from arogya_bench.statistics import draws

CASES, RESAMPLES, LOOPED = 624, 10_000, 20


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    targets = rng.integers(2, size=CASES)
    positive = np.clip(0.3 * targets + rng.uniform(0, 0.7, size=CASES), 0, 1)
    return targets, np.column_stack([1 - positive, positive])


def loop(targets, probabilities):
    rng = np.random.default_rng(1)
    predicted = (probabilities[:, 1] >= 0.5).astype(int)
    for _ in range(LOOPED):
        rows = rng.integers(CASES, size=CASES)
        f1_score(targets[rows], predicted[rows], average="macro")
        balanced_accuracy_score(targets[rows], predicted[rows])
        roc_auc_score(targets[rows], probabilities[rows, 1])


@pytest.mark.benchmark(group="resample, 624 cases")
def test_ours_16_metrics_10000_times(benchmark, case):
    drawn = draws(CASES, rng=np.random.default_rng(2), resamples=RESAMPLES, strata=case[0])
    benchmark.pedantic(replicates, case, {"draws": drawn}, rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="resample, 624 cases")
def test_scikit_learn_3_metrics_20_times(benchmark, case):
    benchmark.pedantic(loop, case, rounds=5, warmup_rounds=1)
