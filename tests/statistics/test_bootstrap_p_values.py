import numpy as np
import pytest
from scipy import stats

from arogya_bench.statistics import draws
from arogya_bench.statistics.bootstrap_p_values import (
    SmallSampleCorrection,
    percentile_p_value,
    small_sample_correction,
    small_sample_p_value,
)


def plan(groups, strata=None):
    return draws(groups, rng=np.random.default_rng(0), resamples=10, strata=strata)


def means(differences, resamples=4_000):
    rng = np.random.default_rng(1)
    rows = rng.integers(differences.size, size=(resamples, differences.size))
    return differences[rows].mean(axis=1)


def test_inverted_p_by_hand():
    """Of nine resamples two are at or below 0: 2 · (1 + 2) / 10."""
    assert percentile_p_value(np.array([-1.0, 0.0, 1, 2, 3, 4, 5, 6, 7])) == pytest.approx(0.6)


def test_resamples_that_are_all_zero_show_nothing():
    assert percentile_p_value(np.zeros(99)) == 1.0
    assert small_sample_p_value(1.0, 0.0, np.zeros(99), small_sample_correction(plan(10))) == 1.0


@pytest.mark.parametrize("groups", [10, 40, 200])
def test_of_a_mean_it_is_nearly_the_p_of_the_t_test(groups):
    differences = np.random.default_rng(groups).normal(loc=2 / np.sqrt(groups), size=groups)
    resampled = means(differences, 20_000)

    found = small_sample_p_value(
        percentile_p_value(resampled), differences.mean(), resampled, small_sample_correction(plan(groups))
    )

    expected = stats.ttest_1samp(differences, 0).pvalue
    assert found == pytest.approx(expected, rel=0.25)
    assert found >= percentile_p_value(resampled)


def test_the_smallest_class_decides_how_much_is_widened():
    resampled = means(np.random.default_rng(2).normal(loc=0.4, size=40))
    rare = np.arange(40) < 4

    even, uneven = (
        small_sample_p_value(0.01, 0.4, resampled, small_sample_correction(plan(40, strata)))
        for strata in (np.arange(40) < 20, rare)
    )

    assert uneven > even > 0.01


def test_sign_of_the_difference_does_not_matter():
    resampled = means(np.random.default_rng(3).normal(loc=0.4, size=40))

    found, turned = (
        small_sample_p_value(
            percentile_p_value(sign * resampled), sign * 0.4, sign * resampled, small_sample_correction(plan(40))
        )
        for sign in (1, -1)
    )

    assert turned == pytest.approx(found)


def test_level_and_reach_leave_what_was_asked_for_outside():
    by = small_sample_correction(plan(20))

    assert by == SmallSampleCorrection(np.sqrt(19 / 20), 19.0)
    assert by.tail_probability(-by.critical_value(0.05)) == pytest.approx(0.05)
    assert stats.norm.ppf(by.quantile_level(0.05)) == pytest.approx(-by.critical_value(0.05))
    assert by.quantile_level(0.05) < 0.05
