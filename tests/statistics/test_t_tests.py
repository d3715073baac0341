import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics import corrected_resampled_t, paired_t

columns = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=2, max_size=30).map(
    lambda rows: np.array(rows, dtype=float).T
)


def pair(seed, *, gain=0.0, n=40):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=n)
    return shared + rng.normal(size=n) + gain, shared + rng.normal(size=n)


def test_t_by_hand():
    """Differences 1, 2, 3: mean 2, standard deviation 1, t = 2 · √3."""
    found = paired_t([2, 4, 6], [1, 2, 3])

    assert found.estimate == 2.0
    assert found.t == pytest.approx(2 * np.sqrt(3))
    assert found.d_z == pytest.approx(2.0)
    assert found.df == 2


@pytest.mark.parametrize("seed", range(3))
def test_t_agrees_with_scipy(seed):
    x, y = pair(seed, gain=0.4)

    found = paired_t(x, y, confidence=0.9)

    expected = stats.ttest_rel(x, y)
    assert [found.t, found.p_value] == pytest.approx([expected.statistic, expected.pvalue])
    assert found.ci == pytest.approx(tuple(expected.confidence_interval(0.9)))


def test_identical_columns_do_not_differ():
    found = paired_t([1, 2, 3], [1, 2, 3])

    assert (found.estimate, found.t, found.p_value, found.d_z) == (0.0, 0.0, 1.0, None)
    assert found.ci == (None, None)
    assert "equal in every case" in found.note


def test_the_same_difference_in_every_case_leaves_no_spread_to_judge_by():
    found = paired_t([0.3, 0.2, 0.7], [0.2, 0.1, 0.6])

    assert found.estimate == pytest.approx(0.1)
    assert (found.t, found.p_value, found.d_z) == (None, None, None)
    assert "no spread" in found.note


def test_few_cases_are_told():
    assert "only 3 differences" in paired_t([1, 2, 4], [1, 1, 1]).note
    assert paired_t(*pair(0)).note == ""


@given(columns, st.randoms(use_true_random=False))
def test_order_of_cases_changes_nothing_and_swapping_turns_the_sign(table, random):
    x, y = table
    order = random.sample(range(x.size), x.size)

    found, shuffled, turned = paired_t(x, y), paired_t(x[order], y[order]), paired_t(y, x)

    assert shuffled.p_value == pytest.approx(found.p_value)
    assert turned.p_value == pytest.approx(found.p_value)
    assert turned.estimate == -found.estimate


@pytest.mark.parametrize(
    ("x", "y", "problem"),
    [([1, 2], [1, 2, 3], "shape"), ([1, np.nan], [1, 2], "finite"), ([[1, 2]], [[1, 2]], "shape")],
)
def test_malformed_columns_are_refused(x, y, problem):
    with pytest.raises(ValueError, match=problem):
        paired_t(x, y)


def test_a_single_case_has_no_spread():
    with pytest.raises(UndefinedMetric, match="at least 2"):
        paired_t([1], [2])


def test_corrected_t_by_hand():
    """Differences 1, 2, 3, ratio 1/2: t = 2 / √((1/3 + 1/2) · 1)."""
    found = corrected_resampled_t([1, 2, 3], test_train_ratio=0.5)

    assert found.mean == 2.0
    assert found.t == pytest.approx(2 / np.sqrt(5 / 6))
    assert found.p_value == pytest.approx(2 * stats.t.sf(found.t, 2))
    assert found.p_one_sided == pytest.approx(stats.t.sf(found.t, 2))
    assert found.t_uncorrected == pytest.approx(2 * np.sqrt(3))


def test_correction_is_wider_than_a_plain_t_over_splits():
    scores, others = pair(1, gain=0.5, n=10)

    corrected = corrected_resampled_t(scores - others, test_train_ratio=1 / 9)

    plain = paired_t(scores, others)
    assert corrected.low < plain.low < plain.high < corrected.high
    assert corrected.p_value > plain.p_value


def test_splits_without_any_difference_show_nothing():
    found = corrected_resampled_t([0, 0, 0], test_train_ratio=0.25)

    assert (found.t, found.p_value, found.p_one_sided) == (0.0, 1.0, 0.5)


def test_a_ratio_that_is_none_is_refused():
    with pytest.raises(ValueError, match="not above 0"):
        corrected_resampled_t([1, 2], test_train_ratio=0)
