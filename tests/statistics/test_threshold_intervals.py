import numpy as np
import pytest
from scipy.special import expit, logit

from arogya_bench.metrics.thresholds import at_threshold
from arogya_bench.statistics import bootstrap, draws, wilson
from arogya_bench.statistics.threshold_intervals import operating_intervals, predictive_values

POSITIVE = np.array([1] * 20 + [0] * 60)
SCORES = np.r_[np.full(16, 0.9), np.full(4, 0.1), np.full(6, 0.8), np.full(54, 0.2)]


def plan(n, groups=None, resamples=400):
    return draws(n, rng=np.random.default_rng(0), resamples=resamples, groups=groups)


def test_independent_cases_have_the_interval_of_wilson():
    found = operating_intervals(POSITIVE, SCORES, 0.5, draws=plan(80), confidence=0.9)

    assert found == {
        "sensitivity": wilson(16, 20, confidence=0.9),
        "specificity": wilson(54, 60, confidence=0.9),
        "ppv": wilson(16, 22, confidence=0.9),
        "npv": wilson(54, 58, confidence=0.9),
    }


def test_predictive_values_at_a_prevalence_by_hand():
    found = operating_intervals(POSITIVE, SCORES, 0.5, draws=plan(80), prevalence=0.1)

    ppv, npv = found["ppv_at_prevalence"], found["npv_at_prevalence"]
    se_ppv = np.sqrt(0.2 / 0.8 / 20 + 0.9 / 0.1 / 60)
    se_npv = np.sqrt(0.8 / 0.2 / 20 + 0.1 / 0.9 / 60)
    z = 1.959963984540054
    assert ppv.estimate == pytest.approx(0.08 / (0.08 + 0.09))
    assert ppv.ci == pytest.approx(tuple(expit(logit(ppv.estimate) + np.array([-z, z]) * se_ppv)))
    assert npv.ci == pytest.approx(tuple(expit(logit(npv.estimate) + np.array([-z, z]) * se_npv)))
    assert (ppv.method, ppv.n, ppv.groups, ppv.seed) == ("logit", 80, 80, None)


def test_logit_interval_without_false_positives_holds_the_estimate():
    point = at_threshold([1, 1, 0, 0], [0.9, 0.1, 0.2, 0.3], 0.5, prevalence=0.1)

    ppv = predictive_values(point)["ppv_at_prevalence"]

    assert (ppv.estimate, ppv.high) == (1.0, 1.0)
    assert ppv.low < 0.5
    assert "adjusted" in ppv.note


def test_several_cases_per_group_are_drawn_by_group():
    groups = np.repeat(np.arange(20), 4)
    by_group = plan(80, groups)

    found = operating_intervals(POSITIVE, SCORES, 0.5, draws=by_group)["specificity"]

    expected = bootstrap(
        lambda positive, scores: at_threshold(positive, scores, 0.5).specificity,
        {"positive": POSITIVE, "scores": SCORES},
        draws=by_group,
    )
    assert found == expected
    assert (found.groups, found.seed) == (20, by_group.seed)


def test_groups_widen_the_interval_where_their_cases_agree():
    """Ten copies of each case are worth no more than one of them."""
    positive, scores = np.repeat(POSITIVE, 10), np.repeat(SCORES, 10)
    groups = np.repeat(np.arange(80), 10)

    alone = operating_intervals(positive, scores, 0.5, draws=plan(800))["specificity"]
    grouped = operating_intervals(positive, scores, 0.5, draws=plan(800, groups))["specificity"]

    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_what_is_undefined_has_no_interval():
    assert set(operating_intervals([1, 1], [0.1, 0.2], 0.5, draws=plan(2), prevalence=0.1)) == {
        "sensitivity", "npv",
    }  # fmt: skip


def test_a_rate_of_one_in_groups_is_refused_with_a_reason():
    groups = np.arange(8) // 2

    found = operating_intervals([1] * 4 + [0] * 4, [0.9] * 8, 0.5, draws=plan(8, groups))

    assert found["sensitivity"].ci == (None, None)
    assert "no interval" in found["sensitivity"].note


@pytest.mark.parametrize("confidence", [0.0, 1.0])
def test_a_confidence_outside_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence"):
        operating_intervals(POSITIVE, SCORES, 0.5, draws=plan(80), confidence=confidence)


def test_draws_of_other_cases_are_refused():
    with pytest.raises(ValueError, match="draws of 3 cases for 80"):
        operating_intervals(POSITIVE, SCORES, 0.5, draws=plan(3))


def test_logit_interval_covers_about_95_per_cent():
    rng = np.random.default_rng(5)
    sens, spec, prevalence = 0.85, 0.9, 0.1
    truth = sens * prevalence / (sens * prevalence + (1 - spec) * (1 - prevalence))
    covered = []
    for _ in range(1_000):
        called = np.r_[rng.random(80) < sens, rng.random(150) > spec].astype(float)
        point = at_threshold([1] * 80 + [0] * 150, called, 0.5, prevalence=prevalence)
        low, high = predictive_values(point)["ppv_at_prevalence"].ci
        covered.append(low <= truth <= high)

    assert 0.93 < np.mean(covered) < 0.97
