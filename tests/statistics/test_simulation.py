import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, brier_score_loss, f1_score, roc_auc_score

from arogya_bench.metrics.calibration import expected_calibration_error
from arogya_bench.statistics.sample_size import intraclass_correlation
from benchmarks.statistics.simulation import SIGNAL, simulate_predictions, simulate_split_differences, true_metrics


@pytest.mark.parametrize("signal", [SIGNAL, 1.2])
def test_true_metrics_are_those_of_very_many_cases(signal):
    drawn = simulate_predictions(np.random.default_rng(0), 200_000, clustered=False, signals=[signal])
    probabilities, targets = drawn.probabilities[0], drawn.targets

    expected = true_metrics(signal)

    measured = {
        "sensitivity": (probabilities >= 0.5)[targets == 1].mean(),
        "specificity": (probabilities < 0.5)[targets == 0].mean(),
        "accuracy": accuracy_score(targets, probabilities >= 0.5),
        "balanced_accuracy": balanced_accuracy_score(targets, probabilities >= 0.5),
        "f1_macro": f1_score(targets, probabilities >= 0.5, average="macro"),
        "auroc_macro_ovr": roc_auc_score(targets, probabilities),
        "brier": brier_score_loss(targets, probabilities),
    }
    assert measured == pytest.approx(expected, abs=0.004)


def test_probabilities_are_calibrated():
    drawn = simulate_predictions(np.random.default_rng(1), 100_000, clustered=False)

    assert expected_calibration_error(drawn.probabilities[0], drawn.targets) < 0.01


def test_cases_of_a_group_are_alike_only_if_clustered():
    drawn = simulate_predictions(np.random.default_rng(2), 4_000, clustered=True)
    score = np.log(drawn.probabilities[0] / (1 - drawn.probabilities[0])) / SIGNAL

    alike = intraclass_correlation(score - drawn.targets * SIGNAL, drawn.groups)

    assert alike == pytest.approx(0.5, abs=0.05)
    assert np.unique(drawn.groups).size == 4_000
    assert simulate_predictions(np.random.default_rng(2), 50, clustered=False).targets.size == 50


def test_equally_good_learners_have_a_mean_difference_of_zero():
    rng = np.random.default_rng(3)

    found = [simulate_split_differences(rng, 60, clustered=False).mean() for _ in range(300)]

    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(300)
    assert np.std(found) > 0
