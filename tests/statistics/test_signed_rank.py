import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from arogya_bench.statistics import wilcoxon

differences = st.lists(st.integers(-5, 5), min_size=2, max_size=12)


def test_signed_ranks_by_hand():
    """The positive ranks sum to 6 of 10; 7 of the 16 signs give at least 6, so p is 14/16."""
    found = wilcoxon([1, 2, 3, -4])

    assert (found.V, found.W_min) == (6.0, 4.0)
    assert found.rank_biserial == pytest.approx(0.2)
    assert found.p_value == pytest.approx(14 / 16)


@pytest.mark.parametrize("n", [5, 12, 25])
def test_exact_p_agrees_with_scipy_without_ties(n):
    d = np.random.default_rng(n).normal(loc=0.4, size=n)

    found = wilcoxon(d)

    expected = stats.wilcoxon(d, method="exact")
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.W_min == expected.statistic


@given(differences)
def test_exact_p_counts_every_sign_also_with_ties_and_zeros(values):
    d = np.array(values, dtype=float)
    moved = d[d != 0]
    ranks = stats.rankdata(np.abs(moved))
    signs = (np.arange(2**moved.size)[:, None] >> np.arange(moved.size)) & 1
    sums, own = signs @ ranks, ranks[moved > 0].sum()

    found = wilcoxon(d)

    expected = 2 * min((sums <= own + 1e-9).mean(), (sums >= own - 1e-9).mean())
    assert found.p_value == pytest.approx(min(1.0, expected))
    assert found.zeros == (d == 0).sum()


def test_many_cases_take_the_normal_distribution_without_continuity():
    d = np.round(np.random.default_rng(1).normal(loc=0.2, size=80), 1)

    found = wilcoxon(d)

    expected = stats.wilcoxon(d, method="asymptotic", correction=False)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.p_asymptotic == found.p_value
    pratt = stats.wilcoxon(d, zero_method="pratt", method="asymptotic", correction=False)
    # Ours centres Pratt's ranks exactly as scipy does.
    assert found.p_pratt == pytest.approx(pratt.pvalue)
    assert found.method.endswith("normal")


def test_differences_that_tie_but_for_rounding_are_ties():
    noisy = wilcoxon([0.3, 0.2, 0.9, 0.4], [0.2, 0.1, 0.5, 0.1])

    assert noisy.p_value == wilcoxon([0.1, 0.1, 0.4, 0.3]).p_value
    near = wilcoxon([0.9001, 0.0001, 0.5, 0.7], [0.9, 0.0, 0.1, 0.9])
    assert near.p_value == wilcoxon([0.0001, 0.0001, 0.4, -0.2]).p_value


def test_shift_is_the_median_of_all_pairs_and_its_interval_is_exact():
    """The interval holds exactly the shifts that the test does not reject."""
    d = np.random.default_rng(2).normal(loc=0.5, size=15)

    found = wilcoxon(d)

    assert found.low < found.estimate < found.high
    assert wilcoxon(d - (found.low - 1e-6)).p_value < 0.05
    assert wilcoxon(d - (found.low + 1e-6)).p_value > 0.05
    assert wilcoxon(d - (found.high + 1e-6)).p_value < 0.05


def test_shift_of_many_cases_covers_the_truth():
    covered = 0
    for seed in range(200):
        found = wilcoxon(np.random.default_rng(seed).normal(loc=0.5, size=60))
        covered += found.low <= 0.5 <= found.high

    assert 180 <= covered <= 199


def test_identical_columns_do_not_differ():
    found = wilcoxon([1, 2, 3], [1, 2, 3])

    assert (found.p_value, found.p_pratt, found.estimate, found.zeros) == (1.0, 1.0, 0.0, 3)
    assert found.rank_biserial is None
    assert "equal in every case" in found.note


def test_swapping_turns_every_sign():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=20), rng.normal(size=20)

    found, turned = wilcoxon(x, y), wilcoxon(y, x)

    assert turned.p_value == found.p_value
    assert turned.rank_biserial == pytest.approx(-found.rank_biserial)
    assert turned.ci == pytest.approx((-found.high, -found.low))
    assert (turned.p_less, turned.p_greater) == pytest.approx((found.p_greater, found.p_less))


def test_too_few_cases_are_told():
    found = wilcoxon([1, 2, 3, 4])

    assert "cannot be below .05" in found.note
    assert "too few cases for an interval" in found.note


def test_shift_of_very_many_cases_is_found_without_making_all_pairs():
    d = np.random.default_rng(4).normal(loc=0.2, size=1_501)
    first, second = np.triu_indices(d.size)
    walsh = np.sort((d[first] + d[second]) / 2)

    found = wilcoxon(d)

    assert found.estimate == pytest.approx(np.median(walsh), abs=1e-9)
    assert (walsh < found.low - 1e-9).sum() == (walsh > found.high + 1e-9).sum()
    assert found.low < found.estimate < found.high


def test_a_constant_shift_has_no_effect_size():
    found = wilcoxon([0.3, 0.4, 0.5, 0.6], [0.2, 0.3, 0.4, 0.5])

    assert found.d_z is None
    assert "no spread" in found.note
