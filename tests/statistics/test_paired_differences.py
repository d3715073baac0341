from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr, stdtrit

from arogya_bench.statistics import (
    GroupStrata,
    SeedScores,
    all_paired_differences,
    mcnemar,
    paired_difference,
    paired_t,
)
from arogya_bench.statistics.paired_differences import _adjust
from arogya_bench.statistics.seed_variance import estimate_seed_variance


def scores(*seeds):
    """The accuracy of a row, from one column of right answers per seed."""
    table = np.array(seeds, dtype=np.float64)
    means = table.mean(axis=1)
    return SeedScores(estimates=means, changes=(table - means[:, None]) / (table.shape[1] - 1))


def cases(groups):
    return GroupStrata(stratum_of=np.zeros(groups, dtype=np.int64), class_mix_varies=True)


def compare(*rows):
    groups = rows[0].changes.shape[1]
    return all_paired_differences(rows, cases(groups), rng=np.random.default_rng(0)).by_pair


def drawn(rng, groups, *accuracies):
    return [scores(rng.random(groups) < accuracy) for accuracy in accuracies]


@given(seed=st.integers(0, 10_000), groups=st.integers(5, 120), rows=st.integers(2, 6))
def test_a_p_below_5_percent_and_an_interval_without_0_are_one(seed, groups, rows):
    rng = np.random.default_rng(seed)

    for pair in compare(*drawn(rng, groups, *rng.uniform(0.2, 1, size=rows))).values():
        assert (pair.p_value < 0.05) == pair.shown_alone == (not pair.low <= 0 <= pair.high)
        assert (pair.p_adjusted < 0.05) == pair.shown == (not pair.simultaneous_low <= 0 <= pair.simultaneous_high)
        assert pair.p_value <= pair.p_adjusted <= min(1, pair.p_value * len(list(combinations(range(rows), 2))))
        assert pair.simultaneous_low <= pair.low <= pair.estimate <= pair.high <= pair.simultaneous_high


def test_the_adjusted_p_value_and_the_simultaneous_interval_agree_at_the_boundary():
    """Statistics between neighbours of the 20,000 draws, around the 5 % largest."""
    largest = np.linspace(2.7, 0, 20_000)
    (pair,) = compare(*drawn(np.random.default_rng(12), 1000, 0.9, 0.85)).values()
    shown = []
    for place in range(995, 1005):
        score = (largest[place] + largest[place + 1]) / 2
        p_value = 2 * float(ndtr(-score))
        at = replace(pair, p_value=p_value, estimate=-pair.se * float(stdtrit(pair.df, p_value / 2)))
        adjusted = _adjust([at] * 10, largest)[0]
        assert (adjusted.p_adjusted < 0.05) == adjusted.shown
        shown.append(adjusted.shown)
    assert shown == sorted(shown, reverse=True)
    assert 0 < sum(shown) < len(shown)


def test_the_p_value_goes_on_below_the_resolution_of_resamples():
    a, b = drawn(np.random.default_rng(1), 400, 0.975, 0.5575)

    assert 0 < paired_difference(a, b, cases(400)).p_value < 1e-20


def test_with_many_groups_the_test_is_the_paired_t_test():
    rng = np.random.default_rng(2)
    right = rng.random((2, 2000)) < [[0.8], [0.78]]

    found = paired_difference(scores(right[0]), scores(right[1]), cases(2000))

    assert found.p_value == pytest.approx(paired_t(right[0], right[1]).p_value, rel=0.02)


@pytest.mark.parametrize(("b", "c"), [(5, 0), (6, 0), (9, 1), (12, 4), (20, 9)])
def test_few_discordant_groups_are_judged_about_as_by_mcnemar(b, c):
    """Between the mid-p test and the exact one, which is conservative."""
    a_right, b_right = np.ones(200), np.ones(200)
    b_right[:b], a_right[b : b + c] = 0, 0

    found = paired_difference(scores(a_right), scores(b_right), cases(200)).p_value

    exact = mcnemar(b, c)
    assert 0.7 * exact.p_value < found < 1.7 * exact.p_exact


def test_one_pair_needs_no_adjustment():
    (pair,) = compare(*drawn(np.random.default_rng(3), 100, 0.9, 0.8)).values()

    assert (pair.p_adjusted, pair.simultaneous_low) == (pair.p_value, pair.low)


def test_22_rows_at_400_patients_and_41_points_are_told_apart():
    rng = np.random.default_rng(4)
    rows = drawn(rng, 400, 0.96, *[0.55] * 21)

    pairs = compare(*rows)

    assert all(pairs[0, other].shown for other in range(1, 22))


def test_a_row_against_itself_is_no_difference():
    (row,) = drawn(np.random.default_rng(5), 50, 0.8)

    (pair,) = compare(row, row).values()

    assert (pair.estimate, pair.p_value, pair.low, pair.high) == (0, 1, 0, 0)


def test_the_detectable_lead_of_two_rows_is_that_of_textbooks():
    a, b = drawn(np.random.default_rng(6), 1000, 0.9, 0.85)

    found = all_paired_differences([a, b], cases(1000), rng=np.random.default_rng(0))

    assert found.detectable_lead(0, [1]) == pytest.approx(2.80 * found.by_pair[0, 1].se, rel=0.03)


def test_a_lead_over_several_rows_must_be_larger():
    rows = drawn(np.random.default_rng(7), 300, 0.85, 0.8, 0.8, 0.8)
    found = all_paired_differences(rows, cases(300), rng=np.random.default_rng(0))

    assert found.detectable_lead(0, [1, 2, 3]) > max(found.detectable_lead(0, [other]) for other in (1, 2, 3))


def test_the_spread_between_seeds_is_in_the_difference():
    """Seeds of .90 .80 .91 against .84 .86 .72 show no difference, however many patients there are."""
    rng = np.random.default_rng(8)
    accuracies = ((0.90, 0.80, 0.91), (0.84, 0.86, 0.72))
    a, b = (scores(*(rng.random(3000) < accuracy for accuracy in row)) for row in accuracies)

    pair = compare(a, b)[0, 1]

    assert pair.p_value > 0.2
    assert pair.seed_variance > 10 * pair.group_variance


def test_rows_may_have_different_numbers_of_seeds():
    rng = np.random.default_rng(9)
    a = scores(*(rng.random(300) < 0.9 for _ in range(5)))
    b = scores(*(rng.random(300) < 0.7 for _ in range(2)))
    (c,) = drawn(rng, 300, 0.5)

    pairs = compare(a, b, c)

    assert all(pair.shown for pair in pairs.values())
    assert all(pair.seed_variance is not None for pair in pairs.values())


def test_one_seed_each_has_no_variance_between_seeds():
    assert compare(*drawn(np.random.default_rng(10), 100, 0.9, 0.8))[0, 1].seed_variance is None


def test_a_pair_that_varies_more_than_the_others_uses_its_own_spread():
    rng = np.random.default_rng(11)
    steady = [scores(*(rng.random(2000) < 0.8 for _ in range(3))) for _ in range(3)]
    varying = [scores(*(rng.random(2000) < accuracy for accuracy in (0.7, 0.8, 0.9))) for _ in range(2)]

    seeds = estimate_seed_variance([*varying, *steady])

    assert seeds.of_mean(0, 1).variance > 0.8 * 2 * 0.1**2 / 3
    assert seeds.of_mean(0, 1).df <= 4
    assert seeds.of_mean(2, 3).variance < seeds.of_mean(0, 1).variance
