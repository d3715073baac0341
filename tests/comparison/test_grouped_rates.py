"""Shares and means with intervals over groups."""

import numpy as np
import pytest

from arogya_bench.comparison.grouped_rates import grouped_mean, grouped_share
from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics import wilson


def flags(*counts):
    """Cases of groups: for each (true, false) the flags, and the group of each."""
    values = [value for true, false in counts for value in [True] * true + [False] * false]
    groups = [group for group, (true, false) in enumerate(counts) for _ in range(true + false)]
    return np.array(values), np.array(groups)


@pytest.mark.parametrize(("successes", "total"), [(0, 20), (3, 20), (20, 20), (1, 200)])
def test_with_one_case_per_group_the_interval_is_wilsons(successes, total):
    found = grouped_share(*flags(*[(1, 0)] * successes, *[(0, 1)] * (total - successes)))

    assert found.estimate == successes / total
    assert found.ci == pytest.approx(wilson(successes, total).ci)


def test_equal_cases_of_a_group_count_once():
    """Ten images of each of 30 patients, all alike: the interval is that of about 30 cases, not of 300."""
    alike = grouped_share(*flags(*[(10, 0)] * 6, *[(0, 10)] * 24))

    low, high = wilson(6, 30).ci
    assert (alike.low, alike.high) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))
    assert (alike.n, alike.groups) == (300, 30)


def test_groups_that_share_the_rate_are_worth_no_more_than_their_cases():
    found = grouped_share(*flags(*[(1, 1)] * 20))

    assert found.ci == pytest.approx(wilson(20, 40).ci)


def test_a_share_of_zero_has_the_upper_end_of_as_many_cases_as_groups():
    found = grouped_share(*flags(*[(0, 4)] * 25))

    assert (found.low, found.high) == (0.0, pytest.approx(wilson(0, 25).high))


def test_one_group_has_a_share_and_few_groups_a_note():
    found = grouped_share(*flags((3, 1)))

    assert found.estimate == 0.75
    assert "only 1 groups" in found.note


def test_the_interval_of_a_share_covers_the_truth(fuzz_seed):
    """Patients differ in their rate, and the interval is over patients: 95 % of studies, and not 80 %."""
    rng = np.random.default_rng(fuzz_seed)
    covered = []
    for _ in range(300):
        rates = rng.beta(2, 8, size=60)
        values = rng.random((60, 4)) < rates[:, None]
        found = grouped_share(values.ravel(), np.repeat(np.arange(60), 4))
        covered.append(found.low <= 0.2 <= found.high)

    assert np.mean(covered) > 0.91


def test_a_mean_has_the_interval_of_its_groups_by_hand():
    """Groups of one case: the mean 2 with t(2) = 4.303 and the standard error 1 / √3."""
    found = grouped_mean(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 2]))

    assert found.estimate == 2
    margin = 4.3027 / np.sqrt(3)
    assert found.ci == pytest.approx((2 - margin, 2 + margin), rel=1e-4)


def test_a_mean_of_one_group_has_no_interval():
    assert grouped_mean(np.array([1.0, 2.0]), np.array([0, 0])).ci == (None, None)


@pytest.mark.parametrize("compute", [grouped_share, grouped_mean])
def test_no_cases_have_neither(compute):
    with pytest.raises(UndefinedMetric, match="no cases"):
        compute(np.empty(0), np.empty(0, dtype=np.int64))
