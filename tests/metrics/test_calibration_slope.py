import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.calibration import expected_calibration_error
from arogya_bench.metrics.calibration_slope import calibration_error_by_chance, calibration_line


def forecasts(seed, *, n=400, slope=1.0, intercept=0.0):
    """Outcomes whose logit is ``intercept + slope * logit(probability)``."""
    rng = np.random.default_rng(seed)
    probabilities = rng.beta(1, 2, n)
    return rng.random(n) < expit(intercept + slope * logit(probabilities)), probabilities


@pytest.mark.parametrize("seed", range(5))
def test_line_agrees_with_scikit_learn(seed):
    outcome, probabilities = forecasts(seed, slope=0.6, intercept=-0.4)

    found = calibration_line(outcome, probabilities)

    # Without a penalty; C=inf stands for none in every version.
    expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit(probabilities)[:, None], outcome)
    assert found.slope == pytest.approx(expected.coef_[0, 0], abs=1e-5)
    assert found.intercept == pytest.approx(expected.intercept_[0], abs=1e-5)


def test_a_calibrated_model_has_slope_1_and_intercept_0():
    found = calibration_line(*forecasts(0, n=200_000))

    assert (found.slope, found.intercept) == (pytest.approx(1, abs=0.02), pytest.approx(0, abs=0.02))


def test_probabilities_that_are_twice_too_extreme_have_slope_one_half():
    outcome, probabilities = forecasts(1, n=200_000)

    found = calibration_line(outcome, expit(2 * logit(probabilities)))

    assert found.slope == pytest.approx(0.5, abs=0.02)


def test_the_influence_of_a_case_is_what_leaving_it_out_changes():
    outcome, probabilities = forecasts(2, n=300)

    found = calibration_line(outcome, probabilities)

    for case in range(0, 300, 60):
        kept = np.arange(300) != case
        without = calibration_line(outcome[kept], probabilities[kept])
        assert found.influence[case, 1] == pytest.approx(found.slope - without.slope, abs=2e-3)


@pytest.mark.parametrize(
    ("outcome", "probabilities", "reason"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9], "separate"),
        ([1, 1, 0, 0], [0.1, 0.2, 0.2, 0.9], "separate"),
        ([0, 1, 0, 1], [0.3] * 4, "same probability"),
        ([1, 1, 1], [0.1, 0.5, 0.9], "0 negative"),
        ([0, 1, 1], [0.1, np.nan, 0.9], "1 of 3 cases"),
    ],
)
def test_an_undefined_line_has_a_reason(outcome, probabilities, reason):
    with pytest.raises(UndefinedMetric, match=reason):
        calibration_line(outcome, probabilities)


def test_exact_zeros_and_ones_are_clipped_and_counted():
    outcome, probabilities = forecasts(3)
    probabilities[:3] = [0.0, 1.0, 0.0]

    found = calibration_line(outcome, probabilities)

    assert found.clipped == 3
    assert np.isfinite([found.slope, found.intercept]).all()


def test_the_error_by_chance_is_that_of_a_calibrated_model():
    """About .066 for 200 cases with confidences from 1/2 to 1, spread over all of their bins."""
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 200)

    found = calibration_error_by_chance(confidence, rng=rng)

    reached = [expected_calibration_error(confidence, rng.random(200) < confidence) for _ in range(300)]
    assert found == pytest.approx(np.mean(reached), abs=0.003)
    assert calibration_error_by_chance(np.repeat(confidence, 100), rng=rng) < found / 5
