import numpy as np
import pytest

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.calibration import bin_indices, expected_calibration_error, reliability_bins


def test_calibration_error_by_hand():
    """All four in the upper half: accuracy .75 at a mean confidence of .8."""
    found = expected_calibration_error([0.6, 0.7, 0.9, 1.0], [1, 0, 1, 1], bins=2)

    assert found == pytest.approx(abs(0.75 - 0.8))


def test_bins_are_weighted_by_their_cases():
    """Three cases that are .1 off and one that is .2 off."""
    found = expected_calibration_error([0.9, 0.9, 0.9, 0.2], [1, 1, 1, 0], bins=2)

    assert found == pytest.approx((3 * 0.1 + 0.2) / 4)


def test_a_bin_holds_its_upper_edge_and_the_first_one_zero():
    assert bin_indices(np.array([0.0, 0.25, 0.26, 1.0]), 4).tolist() == [0, 0, 1, 3]


def test_certain_and_right_is_calibrated():
    assert expected_calibration_error([1.0, 1.0], [1, 1]) == 0.0


def test_perfect_calibration_in_few_cases_has_an_error_by_chance():
    """Simulated in reference/statistics.md: about .066 with 200 cases and 15 bins."""
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, size=(300, 200))
    correct = rng.random((300, 200)) < confidence

    errors = [expected_calibration_error(*pair) for pair in zip(confidence, correct, strict=True)]

    assert np.mean(errors) == pytest.approx(0.066, abs=0.02)


def test_no_cases_have_no_calibration():
    with pytest.raises(UndefinedMetric, match="no cases"):
        expected_calibration_error([], [])


@pytest.mark.parametrize("confidence", [[np.nan], [1.2], [-0.1], [0.5, 0.5]])
def test_malformed_confidence_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence"):
        expected_calibration_error(confidence, [1])


def test_reliability_bins_hold_all_cases():
    rows = reliability_bins([0.1, 0.3, 0.35, 1.0], [0, 1, 0, 1], bins=4)

    assert [row.n for row in rows] == [1, 2, 0, 1]
    assert [row.correct for row in rows] == [0, 1, 0, 1]


def test_reliability_of_an_empty_bin_is_unknown():
    row = reliability_bins([0.1], [1], bins=2)[1]

    assert (row.low, row.high, row.confidence, row.accuracy) == (0.5, 1.0, None, None)


def test_reliability_adds_up_to_the_calibration_error():
    rng = np.random.default_rng(1)
    confidence, correct = rng.random(100), rng.integers(2, size=100)

    rows = [row for row in reliability_bins(confidence, correct) if row.n]

    total = sum(row.n * abs(row.accuracy - row.confidence) for row in rows) / 100
    assert total == pytest.approx(expected_calibration_error(confidence, correct))
