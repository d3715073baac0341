import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics import draws, minimum_detectable_difference, replay
from arogya_bench.statistics.sample_size import (
    MIN_VERDICT_GROUPS,
    design_effect,
    effective_sample_size,
    false_claim_from_replicates,
    false_claim_probability,
    intraclass_correlation,
    sample_size,
    too_few_groups_reason,
)


def plan(n, resamples, **columns):
    return draws(n, rng=np.random.default_rng(0), resamples=resamples, **columns)


@pytest.mark.parametrize(("b", "c", "known"), [(30, 20, 0.080), (12, 8, 0.192), (60, 40, 0.023)])
def test_false_claim_probabilities_are_the_known_ones(b, c, known):
    assert false_claim_probability(b, c).probability == pytest.approx(known, abs=5e-4)


def test_false_claim_probability_agrees_with_integration_of_the_posterior():
    density = stats.beta(8, 4).pdf

    expected, _ = integrate.quad(density, 0, 0.5)

    assert false_claim_probability(7, 3).probability == pytest.approx(expected)


def test_false_claim_probability_agrees_with_a_posterior_of_all_four_cells():
    """The concordant cells cancel."""
    cells = np.random.default_rng(0).dirichlet([41, 13, 9, 31], size=200_000)

    expected = (cells[:, 2] >= cells[:, 1]).mean()

    assert false_claim_probability(12, 8).probability == pytest.approx(expected, abs=0.005)


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_two_claims_exclude_each_other(b, c):
    there, back = false_claim_probability(b, c), false_claim_probability(c, b)

    assert there.probability + back.probability == pytest.approx(1)


@pytest.mark.parametrize("equal", [0, 1, 25])
def test_equal_counts_leave_even_odds(equal):
    assert false_claim_probability(equal, equal).probability == 0.5


def test_no_discordant_case_is_noted():
    found = false_claim_probability(0, 0)

    assert "no discordant cases" in found.note
    assert (found.n, found.groups, found.seed) == (0, 0, None)


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match="-1"):
        false_claim_probability(-1, 3)


def test_ties_of_resamples_count_half():
    found = false_claim_from_replicates([0.1, 0.0, -0.1, 0.2], draws=plan(10, 4))

    assert found.probability == pytest.approx(0.375)
    assert (found.n, found.groups) == (10, 10)
    assert found.seed == plan(10, 4).seed


def test_a_model_against_itself_is_at_even_odds():
    assert false_claim_from_replicates(np.zeros(50), draws=plan(10, 50)).probability == 0.5


def test_resamples_agree_with_the_closed_form():
    gain = np.repeat([1.0, -1.0, 0.0], [30, 20, 150])
    resamples = plan(200, 10_000)
    replicates = np.concatenate([chunk @ gain for chunk in resamples.chunks()])

    found = false_claim_from_replicates(replicates, draws=resamples)

    closed = false_claim_probability(30, 20).probability
    assert found.probability == pytest.approx(closed, abs=0.02)


def test_a_share_of_none_is_not_sold_as_certainty():
    found = false_claim_from_replicates(np.ones(40), draws=plan(10, 40))

    assert found.probability == 0
    assert "below the resolution of 40 resamples" in found.note


def test_a_few_undefined_resamples_are_left_out_and_noted():
    replicates = np.where(np.arange(100) == 0, np.nan, np.where(np.arange(100) < 34, -1.0, 1.0))

    found = false_claim_from_replicates(replicates, draws=plan(10, 100))

    assert found.probability == pytest.approx(33 / 99)
    assert "1.00% of the resamples are undefined" in found.note


def test_many_undefined_resamples_leave_no_probability():
    with pytest.raises(UndefinedMetric, match=r"50\.0%"):
        false_claim_from_replicates([np.nan, 1.0], draws=plan(10, 2))


def test_a_single_group_leaves_no_probability():
    with pytest.raises(UndefinedMetric, match="no stratum holds two groups"):
        false_claim_from_replicates(np.ones(5), draws=plan(3, 5, groups=["a"] * 3))


def test_replicates_of_other_draws_are_refused():
    with pytest.raises(ValueError, match=r"\(3,\), not \(5,\)"):
        false_claim_from_replicates(np.ones(3), draws=plan(10, 5))


def test_replayed_draws_have_no_seed():
    replayed = replay(np.array([[0, 1], [1, 1]]))

    assert false_claim_from_replicates([1.0, -1.0], draws=replayed).seed is None


def test_sample_size_by_hand():
    """(1.95996 + .84162)² · .1 / .04² is 490.55."""
    assert sample_size(0.04, 0.1) == 491


@given(st.floats(0.02, 1), st.integers(20, 5_000), st.floats(0.5, 0.95))
def test_sample_size_is_the_inverse_of_the_difference_that_n_shows(share, n, power):
    difference = minimum_detectable_difference(share, n, power=power)
    if difference > share:
        return

    assert sample_size(difference, share, power=power) == n
    assert sample_size(-difference, share, power=power) == n


def test_a_sample_of_that_size_has_the_power():
    """A paired z test of 0/1 data with a tenth of the cases discordant."""
    n = sample_size(0.04, 0.1)
    rng = np.random.default_rng(0)
    counts = rng.multinomial(n, [0.07, 0.03, 0.9], size=20_000)

    z = (counts[:, 0] - counts[:, 1]) / np.sqrt(counts[:, 0] + counts[:, 1])

    assert (z > 1.96).mean() == pytest.approx(0.8, abs=0.03)


def test_no_difference_has_no_sample_size():
    with pytest.raises(UndefinedMetric, match="any number"):
        sample_size(0.0, 0.1)


@pytest.mark.parametrize(
    ("difference", "share", "options"), [(0.2, 0.1, {}), (np.nan, 0.1, {}), (0.1, 1.5, {}), (0.1, 0.2, {"power": 1.0})]
)
def test_impossible_plans_are_refused(difference, share, options):
    with pytest.raises(ValueError, match=r"exceeds|discordant_share is|power is"):
        sample_size(difference, share, **options)


def test_design_effect_by_hand():
    assert design_effect(5, 0.5) == 3
    assert effective_sample_size(300, 5, 0.5) == 100
    assert design_effect(1, 0.9) == 1


def test_a_negative_correlation_makes_no_case_worth_more():
    assert effective_sample_size(300, 5, -0.2) == 300


def test_design_effect_is_that_of_the_variance_of_a_mean():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4_000, 50, 1)) + rng.normal(size=(4_000, 50, 4))

    inflated = values.mean(axis=(1, 2)).var() / (values.var() / 200)

    assert inflated == pytest.approx(design_effect(4, 0.5), rel=0.08)


@pytest.mark.parametrize(("size", "icc"), [(0.5, 0.1), (5, 1.2), (5, np.nan), (np.nan, 0.1)])
def test_design_effects_out_of_range_are_refused(size, icc):
    with pytest.raises(ValueError, match=r"cases_per_group is|icc is"):
        design_effect(size, icc)


def test_no_cases_are_worth_nothing_that_exists():
    with pytest.raises(UndefinedMetric):
        effective_sample_size(0, 5, 0.5)
    with pytest.raises(ValueError, match="-3"):
        effective_sample_size(-3, 5, 0.5)


def test_intraclass_correlation_by_hand():
    """Groups (1, 2) and (3, 5): MSB 6.25, MSW 1.25, n0 2, so 5 / 7.5."""
    assert intraclass_correlation([1, 2, 3, 5], list("aabb")) == pytest.approx(2 / 3)


def test_intraclass_correlation_agrees_with_mean_squares_of_unequal_groups():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(12), rng.integers(1, 7, size=12))
    values = rng.normal(size=12)[groups] + rng.normal(size=groups.size)
    parts = [values[groups == group] for group in range(12)]
    f = stats.f_oneway(*parts).statistic
    sizes = np.array([part.size for part in parts])
    n0 = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / 11

    found = intraclass_correlation(values, groups)

    assert found == pytest.approx((f - 1) / (f + n0 - 1))


@pytest.mark.parametrize("true", [0.0, 0.5])
def test_intraclass_correlation_finds_the_one_that_was_put_in(true):
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(3_000), rng.integers(1, 5, size=3_000))
    shared, own = rng.normal(size=3_000)[groups], rng.normal(size=groups.size)

    found = intraclass_correlation(np.sqrt(true) * shared + np.sqrt(1 - true) * own, groups)

    assert found == pytest.approx(true, abs=0.04)


def test_order_of_cases_does_not_matter_for_the_correlation():
    rng = np.random.default_rng(2)
    values, groups = rng.normal(size=30), rng.integers(6, size=30)
    order = rng.permutation(30)

    found = intraclass_correlation(values[order], groups[order])

    assert found == pytest.approx(intraclass_correlation(values, groups))


def test_groups_of_equal_cases_correlate_fully():
    assert intraclass_correlation([0, 0, 1, 1], [1, 1, 2, 2]) == 1


@pytest.mark.parametrize(
    ("values", "groups", "reason"),
    [
        ([1, 2, 3], [1, 1, 1], "3 cases in 1 groups"),
        ([1, 2, 3], [1, 2, 3], "3 cases in 3 groups"),
        ([0.1] * 4, [1, 1, 2, 2], "same value"),
        ([], [], "0 cases"),
    ],
)
def test_correlations_that_do_not_exist_say_why(values, groups, reason):
    with pytest.raises(UndefinedMetric, match=reason):
        intraclass_correlation(values, groups)


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="groups"):
        intraclass_correlation([1, 2], [1, 1, 2])


@pytest.mark.parametrize(
    ("groups", "unit", "reason"),
    [
        (25, "patient", "The test split has 25 patients; a verdict needs at least 30."),
        (1, "case", "The test split has 1 case; a verdict needs at least 30."),
        (MIN_VERDICT_GROUPS - 1, "case", "The test split has 29 cases; a verdict needs at least 30."),
        (MIN_VERDICT_GROUPS, "patient", ""),
    ],
)
def test_a_test_split_below_30_groups_is_too_small_for_a_verdict(groups, unit, reason):
    assert too_few_groups_reason(groups, unit) == reason
