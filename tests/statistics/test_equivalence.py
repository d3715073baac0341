import numpy as np
import pytest
from scipy import stats

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics import (
    draws,
    equivalence,
    equivalence_from_replicates,
    non_inferiority,
    non_inferiority_from_replicates,
)


def resampled(seed, *, shift=0.0, n=60):
    """A mean difference of n cases and its resamples."""
    generator = np.random.default_rng(seed)
    d = generator.normal(loc=shift, size=n)
    plan = draws(n, rng=generator, resamples=999)
    weights = np.concatenate(list(plan.chunks()))
    return d, weights @ d / n, plan


def test_not_worse_by_hand():
    """-0.01 ± 1.645 · 0.02: the end is -0.0429, above a margin of 0.05 and not of 0.04."""
    shown = non_inferiority(-0.01, 0.02, margin=0.05, n=500)
    not_shown = non_inferiority(-0.01, 0.02, margin=0.04, n=500)

    assert shown.low == pytest.approx(-0.01 - 1.6448536 * 0.02)
    assert (shown.conclusion, not_shown.conclusion) == ("shown", "not shown")
    assert shown.p_value == pytest.approx(stats.norm.sf(2.0))
    assert shown.ci == (shown.low, None)


def test_equivalence_needs_both_sides():
    """The 90 % interval lies within the margins just when p is below .05."""
    near, far = (equivalence(each, 0.02, margin=0.05, n=500) for each in (0.01, 0.04))

    assert near.conclusion == "shown"
    assert near.ci == pytest.approx((0.01 - 0.0329, 0.01 + 0.0329), abs=1e-4)
    assert far.conclusion == "not shown"
    assert far.p_value == pytest.approx(stats.norm.sf(0.5))


def test_degrees_of_freedom_make_it_harder():
    few, many = (non_inferiority(0.0, 0.02, margin=0.05, n=9, df=df) for df in (8, None))

    assert few.low < many.low
    assert few.p_value == pytest.approx(stats.t.sf(2.5, 8))


def test_resamples_of_a_mean_nearly_give_the_t_test():
    d, values, plan = resampled(0, shift=0.1)

    found = non_inferiority_from_replicates(d.mean(), values, margin=0.2, draws=plan)

    expected = stats.ttest_1samp(d, -0.2, alternative="greater").pvalue
    assert found.p_value == pytest.approx(expected, rel=0.35, abs=2e-3)
    assert found.seed == plan.seed


@pytest.mark.parametrize("shift", [-0.4, 0.0, 0.4])
def test_a_conclusion_needs_both_ends_and_p(shift):
    for seed in range(40):
        d, values, plan = resampled(seed, shift=shift)
        for test in (non_inferiority_from_replicates, equivalence_from_replicates):
            found = test(d.mean(), values, margin=0.3, draws=plan)
            inside = found.low > -0.3 and (found.high is None or found.high < 0.3)
            both = inside and found.p_value < 0.05
            assert both == (found.conclusion == "shown")
            assert inside == (found.p_value < 0.05) or abs(found.p_value - 0.05) < 0.01


def test_at_the_margin_no_more_than_five_per_cent_are_shown():
    shown = 0
    for seed in range(600):
        d, values, plan = resampled(seed, shift=-0.3)
        found = non_inferiority_from_replicates(d.mean(), values, margin=0.3, draws=plan)
        shown += found.conclusion == "shown"

    assert 0.025 <= shown / 600 <= 0.07


def test_swapping_the_models_turns_equivalence_around():
    d, values, plan = resampled(3)

    found = equivalence_from_replicates(d.mean(), values, margin=0.5, draws=plan)
    turned = equivalence_from_replicates(-d.mean(), -values, margin=0.5, draws=plan)

    assert turned.p_value == found.p_value
    assert turned.ci == pytest.approx((-found.high, -found.low))


def test_what_has_no_spread_is_undefined():
    plan = draws(5, rng=np.random.default_rng(0), resamples=20)
    with pytest.raises(UndefinedMetric, match="no spread"):
        non_inferiority_from_replicates(0.1, np.full(20, 0.1), margin=0.1, draws=plan)
    with pytest.raises(UndefinedMetric, match="standard error is 0"):
        equivalence(0.0, 0.0, margin=0.1, n=5)
    with pytest.raises(UndefinedMetric, match="undefined for these cases"):
        equivalence_from_replicates(0.0, np.full(20, np.nan), margin=0.1, draws=plan)
    with pytest.raises(UndefinedMetric, match="undefined for these cases"):
        equivalence_from_replicates(np.nan, np.zeros(20), margin=0.1, draws=plan)
    with pytest.raises(UndefinedMetric, match="difference is undefined"):
        non_inferiority(np.nan, 0.1, margin=0.1, n=5)
    alone = draws(2, rng=np.random.default_rng(0), resamples=2, strata=[0, 1])
    with pytest.raises(UndefinedMetric, match="no stratum"):
        equivalence_from_replicates(0.0, np.array([0.0, 1.0]), margin=0.1, draws=alone)


def test_a_margin_that_is_none_is_refused():
    with pytest.raises(ValueError, match="not above 0"):
        non_inferiority(0.0, 0.1, margin=0.0, n=5)


def test_a_model_is_equivalent_to_itself():
    plan = draws(40, rng=np.random.default_rng(0), resamples=99)

    found = equivalence_from_replicates(0.0, np.zeros(99), margin=0.01, draws=plan)

    assert found.conclusion == "shown"
    assert found.ci == (0.0, 0.0)


def test_few_groups_are_told():
    d, values, plan = resampled(0, n=12)

    assert "only 12 groups" in equivalence_from_replicates(d.mean(), values, margin=1, draws=plan).note
    assert "only 5 cases" in non_inferiority(0.0, 0.1, margin=1, n=5).note


@pytest.mark.parametrize("changed", [{"margin": float("inf")}, {"alpha": 5}, {"n": 0}, {"margin": -1}])
def test_numbers_without_sense_are_refused(changed):
    with pytest.raises(ValueError, match=r"not|needs"):
        non_inferiority(0.0, 0.1, **({"margin": 0.1, "n": 50} | changed))
