import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.decision import decision_curve, net_benefit

POSITIVE = [1, 1, 0, 0, 0]
PROBABILITIES = [0.9, 0.2, 0.6, 0.1, 0.3]


def test_net_benefit_by_hand():
    """At .2: two found, two too many, each worth a quarter."""
    found = net_benefit(POSITIVE, PROBABILITIES, threshold_probability=0.2)

    assert found.model == pytest.approx(2 / 5 - 2 / 5 * 0.25)
    assert found.treat_all == pytest.approx(2 / 5 - 3 / 5 * 0.25)
    assert found.treat_none == 0.0
    assert found.advantage == pytest.approx(0.05)


def test_net_benefit_of_a_perfect_model_is_the_prevalence():
    found = net_benefit([1, 0, 0, 0], [1.0, 0.0, 0.0, 0.0], threshold_probability=0.3)

    assert found.model == 0.25


def test_calling_everything_is_treating_all():
    found = net_benefit(POSITIVE, [0.9] * 5, threshold_probability=0.4)

    assert found.model == pytest.approx(found.treat_all)


@given(pt=st.floats(0.01, 0.99))
def test_at_its_own_prevalence_nothing_changes(pt):
    plain = net_benefit(POSITIVE, PROBABILITIES, threshold_probability=pt)

    stated = net_benefit(POSITIVE, PROBABILITIES, threshold_probability=pt, prevalence=0.4)

    assert (stated.model, stated.treat_all) == pytest.approx((plain.model, plain.treat_all))


def test_net_benefit_at_another_prevalence_by_hand():
    found = net_benefit(POSITIVE, PROBABILITIES, threshold_probability=0.5, prevalence=0.1)

    assert found.model == pytest.approx(0.5 * 0.1 - (1 / 3) * 0.9)


def test_net_benefit_of_one_class_exists_but_not_at_another_prevalence():
    assert net_benefit([0, 0], [0.9, 0.1], threshold_probability=0.5).model == -0.5
    with pytest.raises(UndefinedMetric, match="no positive"):
        net_benefit([0, 0], [0.9, 0.1], threshold_probability=0.5, prevalence=0.1)


def test_no_cases_have_no_net_benefit():
    with pytest.raises(UndefinedMetric, match="no cases"):
        net_benefit([], [], threshold_probability=0.5)


@pytest.mark.parametrize("pt", [0.0, 1.0, -1.0, float("nan")])
def test_a_threshold_probability_outside_is_refused(pt):
    with pytest.raises(ValueError, match="threshold_probability"):
        net_benefit(POSITIVE, PROBABILITIES, threshold_probability=pt)


def test_scores_that_are_no_probabilities_are_refused():
    with pytest.raises(ValueError, match=r"range from 0.5 to 1.5"):
        net_benefit([1, 0], [1.5, 0.5], threshold_probability=0.5)


def test_decision_curve_is_the_net_benefit_at_each_threshold():
    curve = decision_curve(POSITIVE, PROBABILITIES, threshold_probabilities=[0.5, 0.1])

    expected = [net_benefit(POSITIVE, PROBABILITIES, threshold_probability=pt) for pt in (0.5, 0.1)]
    assert list(curve) == expected


ERRORS = 1 - np.eye(2)
