"""Scores become probabilities."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from arogya_bench.models.temperature import Calibration, apply_temperature, fit_calibration, fit_temperature


def overconfident(n, *, seed, classes=3):
    """Scores three times too large, for targets drawn from their own probabilities."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(0, 1.5, (n, classes))
    targets = np.array([rng.choice(classes, p=row) for row in softmax(honest, axis=1)])
    return 3 * honest, targets


def test_scale_of_overconfident_scores_is_found_again():
    scores, targets = overconfident(4000, seed=0)

    calibration = fit_calibration(scores, targets)

    assert calibration.scale == pytest.approx(1 / 3, rel=0.1)
    assert max(calibration.bias) - min(calibration.bias) < 0.2


def test_two_classes_give_the_sigmoid_of_logistic_regression():
    """Platt's method, but for a prior that 4,000 cases outweigh."""
    scores, targets = overconfident(4000, seed=1, classes=2)
    margin = scores[:, 1] - scores[:, 0]
    both = np.stack([-margin, margin], axis=1)

    ours = fit_calibration(both, targets).probabilities(both)[:, 1]

    platt = LogisticRegression(C=np.inf).fit(margin[:, None], targets)
    np.testing.assert_allclose(ours, platt.predict_proba(margin[:, None])[:, 1], atol=2e-3)


def test_mean_probability_equals_the_frequency_of_each_class():
    scores, targets = overconfident(2000, seed=2)
    shifted = scores + np.array([4.0, 0.0, -2.0])

    rows = fit_calibration(shifted, targets).probabilities(shifted)

    np.testing.assert_allclose(rows.mean(axis=0), np.bincount(targets) / 2000, atol=0.01)


def test_class_without_validation_cases_keeps_a_small_probability():
    scores, targets = overconfident(300, seed=3)
    seen = targets != 2

    rows = fit_calibration(scores[seen], targets[seen]).probabilities(scores)

    assert np.isfinite(rows).all()
    assert 0 < rows[:, 2].mean() < 0.1
    assert np.corrcoef(rows[:, 2], scores[:, 2])[0, 1] > 0


def test_perfectly_separated_scores_stay_finite():
    scores = np.repeat([[-1.0, 1.0], [1.0, -1.0]], 20, axis=0)

    rows = fit_calibration(scores, np.repeat([1, 0], 20)).probabilities(scores)

    assert np.isfinite(rows).all()
    assert 0.9 < rows[0, 1] < 1


def test_higher_score_never_means_a_lower_probability():
    """Even where the validation split says the opposite, the scale stays positive."""
    scores = np.stack([np.linspace(1, -1, 50), np.linspace(-1, 1, 50)], axis=1)

    rows = fit_calibration(scores, np.repeat([1, 0], 25)).probabilities(scores)

    assert (np.diff(rows[:, 1]) >= 0).all()


def test_probabilities_by_hand():
    rows = Calibration(scale=2.0, bias=(0.0, np.log(3.0))).probabilities(np.zeros((1, 2)))

    np.testing.assert_allclose(rows, [[0.25, 0.75]])


def sure(n, *, sharpness, seed=0):
    """Probabilities of a model whose logits are too large by a factor, and true labels."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, 3))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    targets = np.array([rng.choice(3, p=row) for row in honest])
    sharp = np.exp(sharpness * logits)
    return sharp / sharp.sum(axis=1, keepdims=True), targets


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_sharpened_the_logits(sharpness):
    probabilities, targets = sure(4000, sharpness=sharpness)

    assert fit_temperature(probabilities, targets) == pytest.approx(sharpness, rel=0.1)


def test_a_temperature_softens_without_changing_the_order():
    probabilities, _ = sure(50, sharpness=3.0)

    softer = apply_temperature(probabilities, 3.0)

    np.testing.assert_allclose(softer.sum(axis=1), 1)
    np.testing.assert_array_equal(softer.argsort(axis=1), probabilities.argsort(axis=1))
    assert softer.max() < probabilities.max()
    np.testing.assert_allclose(apply_temperature(probabilities, 1.0), probabilities)


def test_rows_that_are_certain_stay_rows():
    certain = np.eye(3)

    rows = apply_temperature(certain, fit_temperature(certain, np.array([0, 1, 0])))

    assert np.isfinite(rows).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1)
