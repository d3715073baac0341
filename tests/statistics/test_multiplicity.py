import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from arogya_bench.statistics import adjust, family

METHODS = ["bonferroni", "holm", "hochberg", "bh", "by"]


def test_holm_by_hand():
    assert adjust([0.04, 0.01, 0.03], method="holm") == pytest.approx([0.06, 0.03, 0.06])


@pytest.mark.parametrize("method", ["bh", "by"])
def test_false_discovery_rate_agrees_with_scipy(method):
    p_values = np.random.default_rng(0).random(30).round(2)

    found = adjust(p_values, method=method)

    assert found == pytest.approx(false_discovery_control(p_values, method=method))


@pytest.mark.parametrize("method", METHODS)
def test_a_test_that_could_not_be_made_does_not_count(method):
    found = adjust([0.01, np.nan, 0.04], method=method)

    assert np.isnan(found[1])
    assert found[[0, 2]] == pytest.approx(adjust([0.01, 0.04], method=method))


@pytest.mark.parametrize("method", METHODS)
def test_one_test_needs_no_adjustment(method):
    assert adjust([0.03], method=method) == pytest.approx([0.03])


@pytest.mark.parametrize("p_values", [[], [np.nan]])
def test_an_empty_family_stays_empty(p_values):
    np.testing.assert_array_equal(adjust(p_values, method="holm"), p_values)


@given(st.lists(st.floats(0, 1), max_size=20), st.sampled_from(METHODS))
def test_adjusted_values_are_larger_probabilities_in_the_same_order(p_values, method):
    found = adjust(p_values, method=method)

    assert ((found >= np.array(p_values) - 1e-15) & (found <= 1)).all()
    assert (np.diff(found[np.argsort(p_values, kind="stable")]) >= 0).all()


def test_holm_keeps_the_level_of_the_family():
    rng = np.random.default_rng(1)
    families = rng.random((2_000, 8))

    rejected = [(adjust(family, method="holm") < 0.05).any() for family in families]

    assert np.mean(rejected) == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize("p_values", [[1.2], [-0.1], [[0.1]]])
def test_what_is_no_probability_is_refused(p_values):
    with pytest.raises(ValueError, match="p-values"):
        adjust(p_values, method="holm")


def test_unknown_method_is_refused():
    with pytest.raises(ValueError, match="use one of bonferroni"):
        adjust([0.1], method="sidak")


def test_a_family_says_how_many_tests_it_counts():
    found = family([0.01, np.nan, 0.04], method="bonferroni")

    assert found.size == 2
    assert found.rejected.tolist() == [True, False, False]
    assert found.adjusted[[0, 2]] == pytest.approx([0.02, 0.08])
    assert "1 tests without a result" in found.note
    assert family([0.01]).note == ""
