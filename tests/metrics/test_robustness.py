import numpy as np
import pytest

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.robustness import (
    corruption_ratios,
    mean_corruption_error,
    relative_mean_corruption_error,
    robustness_score,
)

ERRORS = {"blur": [0.2, 0.4], "noise": [0.3, 0.3]}
BASELINE = {"blur": [0.4, 0.8], "noise": [0.2, 0.4]}


def test_score_is_the_share_that_is_kept():
    assert robustness_score(0.8, 0.6) == pytest.approx(0.75)


def test_score_over_several_is_their_mean():
    assert robustness_score(0.8, [0.6, 0.4]) == pytest.approx(0.625)


def test_score_of_an_improvement_is_not_clipped():
    assert robustness_score(0.8, 0.84) == pytest.approx(1.05)


def test_nothing_can_be_kept_of_nothing():
    assert robustness_score(0.0, 0.3) is None


@pytest.mark.parametrize("augmented", [[], [0.5, np.nan]])
def test_missing_augmented_score_has_no_robustness(augmented):
    with pytest.raises(UndefinedMetric):
        robustness_score(0.8, augmented)


def test_corruption_error_is_the_mean_of_ratios_not_the_ratio_of_means():
    assert mean_corruption_error(ERRORS, BASELINE) == pytest.approx((0.5 + 1.0) / 2)


def test_relative_corruption_error_by_hand():
    """Rises of .1 and .3 against .5 in blur, .2 + .2 against .2 in noise."""
    found = relative_mean_corruption_error(ERRORS, BASELINE, 0.1, 0.2)

    assert found == pytest.approx((0.4 / 0.8 + 0.4 / 0.2) / 2)


def test_relative_error_leaves_out_what_costs_the_baseline_nothing():
    found = relative_mean_corruption_error(ERRORS, BASELINE, 0.1, 0.3)

    assert found == pytest.approx(0.4 / 0.6)


def test_relative_error_is_unknown_if_nothing_costs_the_baseline_anything():
    assert relative_mean_corruption_error(ERRORS, BASELINE, 0.1, 0.9) is None


def test_ratios_name_what_was_left_out():
    assert corruption_ratios(ERRORS, BASELINE, clean=0.1, baseline_clean=0.3)["noise"] is None


def test_flawless_baseline_has_no_corruption_error():
    with pytest.raises(UndefinedMetric, match="no error in blur"):
        mean_corruption_error({"blur": 0.1}, {"blur": 0.0})


@pytest.mark.parametrize(
    ("errors", "problem"), [({}, "corruptions"), ({"fog": 0.1}, "fog"), ({"blur": [0.1], "noise": 0.2}, "1 severities")]
)
def test_other_corruptions_than_the_baseline_are_refused(errors, problem):
    with pytest.raises(ValueError, match=problem):
        mean_corruption_error(errors, BASELINE)
