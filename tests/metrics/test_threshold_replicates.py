import numpy as np
import pytest

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.decision import net_benefit
from arogya_bench.metrics.threshold_replicates import operating_replicates
from arogya_bench.metrics.thresholds import at_threshold
from arogya_bench.statistics import draws

NAMES = (
    "sensitivity", "specificity", "ppv", "npv", "lr_positive", "lr_negative",
    "ppv_at_prevalence", "npv_at_prevalence",
)  # fmt: skip


def cohort(seed, n=40, patients=12):
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.3
    scores = np.where(rng.random(n) < 0.05, np.nan, rng.integers(0, 9, n) / 8)
    return positive, scores, rng.integers(patients, size=n)


def plain(positive, scores, rows):
    point = at_threshold(positive[rows], scores[rows], 0.5, prevalence=0.1)
    values = {name: getattr(point, name) for name in NAMES}
    try:
        benefit = net_benefit(positive[rows], scores[rows], threshold_probability=0.25, prevalence=0.1)
    except UndefinedMetric:
        return values | {"net_benefit": None}
    return values | {"net_benefit": benefit.model}


@pytest.mark.parametrize("grouped", [True, False])
def test_replicates_and_jackknife_are_the_numbers_of_the_drawn_rows(grouped):
    positive, scores, groups = cohort(0)
    plan = draws(40, rng=np.random.default_rng(1), resamples=60, groups=groups if grouped else None)

    found = operating_replicates(positive, scores, 0.5, draws=plan, prevalence=0.1, threshold_probability=0.25)

    weights = np.concatenate(list(plan.chunks()))
    drawn = [plain(positive, scores, plan.case_indices(row)) for row in weights]
    left = [plain(positive, scores, plan.group_of != group) for group in range(plan.groups)]
    assert found.digest == plan.digest
    for name in (*NAMES, "net_benefit"):
        for values, expected in ((found.values, drawn), (found.jackknife, left)):
            column = np.array([each[name] for each in expected], dtype=np.float64)
            np.testing.assert_allclose(values[name], column, rtol=0, atol=1e-12)


def test_estimates_are_those_of_the_operating_point():
    positive, scores, groups = cohort(2)
    plan = draws(40, rng=np.random.default_rng(1), resamples=5, groups=groups)

    found = operating_replicates(positive, scores, 0.5, draws=plan)

    point = at_threshold(positive, scores, 0.5)
    assert found.estimates == pytest.approx({name: getattr(point, name) for name in NAMES[:6]})


def test_draws_of_other_cases_are_refused():
    plan = draws(3, rng=np.random.default_rng(1), resamples=5)

    with pytest.raises(ValueError, match="draws of 3 cases for 2"):
        operating_replicates([1, 0], [0.1, 0.2], 0.5, draws=plan)


def test_a_threshold_probability_outside_is_refused():
    plan = draws(2, rng=np.random.default_rng(1), resamples=5)

    with pytest.raises(ValueError, match="threshold_probability"):
        operating_replicates([1, 0], [0.1, 0.2], 0.5, draws=plan, threshold_probability=1.0)
