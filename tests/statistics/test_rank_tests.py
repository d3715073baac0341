import numpy as np
import pytest
from scipy import stats

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics import cochran_q, friedman, mcnemar, nemenyi
from arogya_bench.statistics.rank_tests import nemenyi_critical_value


def scores(seed, *, rows=12, models=4, gain=0.0):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(rows, models)) + rng.normal(size=(rows, 1))
    table[:, 0] += gain
    return table


def test_ranks_by_hand():
    """The first model is best twice; two tie for the second place once."""
    found = friedman([[0.9, 0.8, 0.7], [0.9, 0.5, 0.5]])

    assert found.mean_ranks.tolist() == [1.0, 2.25, 2.75]


@pytest.mark.parametrize("decimals", [6, 0])
def test_chi_squared_agrees_with_scipy_also_with_ties(decimals):
    table = np.round(scores(0), decimals)

    found = friedman(table)

    expected = stats.friedmanchisquare(*table.T)
    assert [found.chi2, found.p_value] == pytest.approx([expected.statistic, expected.pvalue])


def test_models_that_are_equal_everywhere_do_not_differ():
    found = friedman(np.ones((5, 3)))

    assert (found.chi2, found.p_value, found.p_F, found.kendall_w) == (0.0, 1.0, 1.0, 0.0)
    assert "equal in every row" in found.note


def test_rows_that_all_rank_alike_have_no_finite_f():
    found = friedman(np.tile([0.3, 0.2, 0.1], (5, 1)))

    assert found.iman_davenport_F is None
    assert found.p_F == pytest.approx((1 / 6) ** 4)
    assert found.kendall_w == pytest.approx(1.0)
    assert "rank the models in the same order" in found.note


def test_two_rows_that_agree_prove_little():
    found = friedman([[1, 2], [1, 2]])

    assert found.p_F == 0.5
    assert "only 2 rows" in found.note


def test_friedman_keeps_its_level_and_sees_an_effect():
    p_null = [friedman(scores(seed)).p_F for seed in range(400)]
    p_gain = [friedman(scores(seed, gain=1.5)).p_F for seed in range(50)]

    assert 0.025 <= np.mean(np.array(p_null) < 0.05) <= 0.075
    assert np.mean(np.array(p_gain) < 0.05) > 0.7


def test_order_of_rows_and_models_only_moves_the_results():
    table, order = scores(1, gain=1), [2, 0, 3, 1]

    found, moved = nemenyi(table), nemenyi(table[::-1][:, order])

    np.testing.assert_allclose(moved.p_values, found.p_values[np.ix_(order, order)])
    np.testing.assert_allclose(moved.mean_ranks, found.mean_ranks[order])


def test_nemenyi_is_refused_under_ten_rows():
    found = nemenyi(scores(0, rows=9))

    assert (found.p_values, found.critical_difference) == (None, None)
    assert "not computed: 9 rows" in found.note


def test_mean_ranks_a_critical_difference_apart_have_p_alpha():
    found = nemenyi(scores(0))
    spread = found.critical_difference / np.sqrt(4 * 5 / (6 * 12)) * np.sqrt(2)

    assert stats.studentized_range.sf(spread, 4, np.inf) == pytest.approx(0.05)
    assert np.diag(found.p_values) == pytest.approx(1.0)


def test_of_two_models_the_critical_value_is_that_of_the_normal():
    assert nemenyi_critical_value(2) == pytest.approx(1.959964, abs=1e-6)

    with pytest.raises(ValueError, match="at least 2"):
        nemenyi_critical_value(1)


def test_q_by_hand():
    """Three cases, columns 3, 2, 1, rows 3, 2, 1: Q = 2 (3 · 14 - 36) / (3 · 6 - 14) = 3."""
    found = cochran_q([[1, 1, 1], [1, 1, 0], [1, 0, 0]])

    assert found.q == pytest.approx(3.0)
    assert found.discordant == 2
    assert "only 2 discordant" in found.note


def test_q_of_two_models_is_mcnemar():
    table = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [20, 15, 6, 9], axis=0)

    found = cochran_q(table)

    expected = mcnemar(15, 6)
    assert [found.q, found.p_value] == pytest.approx([expected.chi2, expected.p_asymptotic])


def test_models_that_are_right_on_the_same_cases_do_not_differ():
    found = cochran_q([[1, 1, 1], [0, 0, 0]])

    assert (found.q, found.p_value) == (0.0, 1.0)
    assert "equal" in found.note


def test_q_keeps_its_level():
    rng = np.random.default_rng(0)
    easy = rng.random((400, 150, 1))
    p_values = [cochran_q(rng.random((150, 4)) < each).p_value for each in easy]

    assert 0.025 <= np.mean(np.array(p_values) < 0.05) <= 0.075


@pytest.mark.parametrize("test", [friedman, nemenyi, cochran_q])
@pytest.mark.parametrize("table", [[1, 0], [[1], [0]], [[np.nan, 1], [0, 1]]])
def test_what_is_no_table_is_refused(test, table):
    with pytest.raises(ValueError, match="a table of shape"):
        test(table)


@pytest.mark.parametrize(("test", "table"), [(friedman, [[1, 2]]), (cochran_q, np.ones((0, 2)))])
def test_too_few_rows_are_undefined(test, table):
    with pytest.raises(UndefinedMetric):
        test(table)
