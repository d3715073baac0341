import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.thresholds import at_threshold, choose_threshold

POSITIVE = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
SCORES = [0.9, 0.8, 0.6, 0.2, 0.7, 0.5, 0.4, 0.3, 0.1, 0.1]


def tied(seed, n=60):
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.4
    positive[:2] = [True, False]
    return positive, rng.integers(0, 9, n) / 8


def best_by_looking(positive, scores, name, asked):
    """Every threshold in turn: (other rate, rate asked for, threshold), the highest of those."""
    reached = []
    for threshold in [*np.unique(scores), math.inf]:
        called = scores >= threshold
        rates = {"sensitivity": float(np.mean(called[positive])), "specificity": float(np.mean(~called[~positive]))}
        other = rates["sensitivity" if name == "specificity" else "specificity"]
        if rates[name] >= asked - 1e-12:
            reached.append((other, rates[name], threshold))
    return max(reached)


def test_threshold_for_a_specificity_by_hand():
    """From .6 on, one of six negatives is called and three of four positives."""
    locked = choose_threshold(POSITIVE, SCORES, specificity=5 / 6)

    assert (locked.threshold, locked.sensitivity, locked.specificity) == (0.6, 0.75, 5 / 6)
    assert (locked.target, locked.target_value, locked.positives, locked.negatives) == (
        "specificity", 5 / 6, 4, 6,
    )  # fmt: skip


def test_threshold_for_a_sensitivity_by_hand():
    locked = choose_threshold(POSITIVE, SCORES, sensitivity=0.75)

    assert (locked.threshold, locked.sensitivity, locked.specificity) == (0.6, 0.75, 5 / 6)


@pytest.mark.parametrize("asked", [0.05, 0.5, 0.9, 0.95, 1.0])
@pytest.mark.parametrize("name", ["sensitivity", "specificity"])
@pytest.mark.parametrize("seed", range(3))
def test_threshold_is_the_best_of_all_that_reach_the_target(seed, name, asked):
    positive, scores = tied(seed)

    locked = choose_threshold(positive, scores, **{name: asked})

    _, _, expected = best_by_looking(positive, scores, name, asked)
    assert locked.threshold == expected


@given(seed=st.integers(0, 1_000), asked=st.floats(0.01, 1.0))
def test_order_of_the_cases_does_not_move_the_threshold(seed, asked):
    positive, scores = tied(seed)
    order = np.random.default_rng(seed).permutation(positive.size)

    locked = choose_threshold(positive, scores, specificity=asked)

    assert choose_threshold(positive[order], scores[order], specificity=asked) == locked


def test_scores_that_are_all_equal_call_nothing_for_a_specificity():
    locked = choose_threshold([1, 0, 0], [0.5, 0.5, 0.5], specificity=0.9)

    assert (locked.threshold, locked.sensitivity, locked.specificity) == (math.inf, 0.0, 1.0)
    assert "nothing is called positive" in locked.note


def test_scores_that_are_all_equal_call_everything_for_a_sensitivity():
    locked = choose_threshold([1, 0, 0], [0.5, 0.5, 0.5], sensitivity=0.9)

    assert (locked.threshold, locked.sensitivity, locked.specificity) == (0.5, 1.0, 0.0)


def test_full_sensitivity_is_the_lowest_score_of_a_positive():
    assert choose_threshold(POSITIVE, SCORES, sensitivity=1.0).threshold == 0.2


def test_a_target_with_rounding_is_reached():
    """9 of 10 are enough for a target that is .9 but for its last digit."""
    positive, scores = [0] * 10 + [1], [*np.arange(10) / 10, 0.85]

    locked = choose_threshold(positive, scores, specificity=1.1 - 0.2)

    assert (locked.target_value > 0.9, locked.threshold, locked.specificity) == (True, 0.85, 0.9)


@pytest.mark.parametrize("positive", [[1, 1], [0, 0], []])
def test_one_class_alone_gives_no_threshold(positive):
    with pytest.raises(UndefinedMetric, match="positive and"):
        choose_threshold(positive, [0.5] * len(positive), specificity=0.9)


@pytest.mark.parametrize(
    "targets", [{}, {"specificity": 0.9, "sensitivity": 0.9}, {"specificity": 0.0},
                {"sensitivity": 1.1}, {"sensitivity": math.nan}],
)  # fmt: skip
def test_anything_but_one_target_is_refused(targets):
    with pytest.raises(ValueError, match=r"target|not above 0"):
        choose_threshold(POSITIVE, SCORES, **targets)


@pytest.mark.parametrize(
    ("positive", "scores", "match"),
    [([1, 0], [0.5], "shape"), ([1, 2], [0.5, 0.1], "0 or 1"), ([1, 0], [0.5, math.inf], "inf")],
)
def test_wrong_columns_are_refused(positive, scores, match):
    with pytest.raises(ValueError, match=match):
        choose_threshold(positive, scores, specificity=0.9)


def test_a_negative_without_an_answer_is_never_cleared():
    positive, scores = [1, *[0] * 10], [0.9, *np.arange(9) / 10, math.nan]

    locked = choose_threshold(positive, scores, specificity=0.9)

    assert (locked.specificity, locked.sensitivity) == (0.9, 1.0)
    assert "1 cases have no answer" in locked.note
    with pytest.raises(UndefinedMetric, match=r"specificity of 0.95.*no answer"):
        choose_threshold(positive, scores, specificity=0.95)


def test_few_positives_are_named():
    assert "4 positive, 6 negative" in choose_threshold(POSITIVE, SCORES, specificity=0.9).note


def test_groups_are_counted():
    groups = ["a", "a", "b", "b", "c", "c", "c", "c", "c", "d"]

    assert choose_threshold(POSITIVE, SCORES, specificity=0.9, groups=groups).groups == 4
    assert at_threshold(POSITIVE, SCORES, 0.5, groups=groups).groups == 4


def test_operating_point_by_hand():
    point = at_threshold(POSITIVE, SCORES, 0.5)

    assert (point.tp, point.fp, point.fn, point.tn) == (3, 2, 1, 4)
    assert (point.sensitivity, point.specificity) == (0.75, 4 / 6)
    assert (point.ppv, point.npv, point.prevalence) == (0.6, 0.8, 0.4)
    assert point.lr_positive == pytest.approx(0.75 / (1 - 4 / 6))
    assert point.lr_negative == pytest.approx(0.25 / (4 / 6))
    assert point.undefined == {}
    assert (point.ppv_at_prevalence, point.deployment_prevalence) == (None, None)


def test_predictive_values_at_a_stated_prevalence_by_hand():
    """90 % of 10 ill are 9 found; of 990 well, 5 % are 49.5 called."""
    positive, scores = [1] * 10 + [0] * 20, [1] * 9 + [0] + [1] + [0] * 19

    point = at_threshold(positive, scores, 0.5, prevalence=0.01)

    assert point.ppv_at_prevalence == pytest.approx(9 / (9 + 49.5))
    assert point.npv_at_prevalence == pytest.approx(940.5 / (940.5 + 1))


@given(seed=st.integers(0, 1_000))
def test_at_their_own_prevalence_predictive_values_are_those_of_the_cases(seed):
    positive, scores = tied(seed)

    point = at_threshold(positive, scores, 0.5, prevalence=float(positive.mean()))

    assert point.ppv_at_prevalence == pytest.approx(point.ppv)
    assert point.npv_at_prevalence == pytest.approx(point.npv)


def test_a_score_equal_to_the_threshold_is_positive():
    assert at_threshold([1], [0.5], 0.5).tp == 1


def test_without_negatives_half_of_the_numbers_do_not_exist():
    point = at_threshold([1, 1], [0.9, 0.1], 0.5, prevalence=0.1)

    assert (point.sensitivity, point.specificity, point.ppv) == (0.5, None, 1.0)
    assert point.undefined["specificity"] == "no negative cases"
    assert point.undefined["ppv_at_prevalence"] == "no negative cases"
    assert point.undefined["lr_positive"] == "no negative cases"


def test_an_infinite_threshold_calls_nothing():
    point = at_threshold(POSITIVE, SCORES, math.inf, prevalence=0.1)

    assert (point.sensitivity, point.specificity, point.ppv) == (0.0, 1.0, None)
    assert point.undefined["ppv"] == "no case is called positive"
    assert point.undefined["ppv_at_prevalence"] == "no case is called positive"
    assert point.npv_at_prevalence == pytest.approx(0.9)


def test_no_cases_leave_reasons():
    point = at_threshold([], [], 0.5)

    assert (point.n, point.sensitivity, point.prevalence) == (0, None, None)
    assert point.undefined["lr_negative"] == "no positive cases and no negative cases"


def test_a_case_without_an_answer_is_wrong_on_either_side():
    point = at_threshold([1, 0, 0], [math.nan, math.nan, 0.1], 0.5)

    assert (point.tp, point.fp, point.fn, point.tn, point.unanswered) == (0, 1, 1, 1, 2)
    assert "2 cases have no answer and count as wrong" in point.note


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, math.nan])
def test_a_prevalence_that_is_none_is_refused(prevalence):
    with pytest.raises(ValueError, match="prevalence"):
        at_threshold(POSITIVE, SCORES, 0.5, prevalence=prevalence)


def test_a_threshold_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        at_threshold(POSITIVE, SCORES, math.nan)


def test_one_class_against_the_rest_is_a_column():
    targets = np.array([0, 1, 2, 2])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2]])

    point = at_threshold(targets == 2, probabilities[:, 2], 0.5)

    assert (point.sensitivity, point.specificity) == (0.5, 1.0)
