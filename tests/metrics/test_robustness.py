import numpy as np
import pytest

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.robustness import (
    balanced_corruption_error,
    corruption_calibration_error,
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
    ("errors", "problem"),
    [({}, "corruptions"), ({"fog": 0.1}, "fog"), ({"blur": [0.1], "noise": 0.2}, "1 severities")],
)
def test_other_corruptions_than_the_baseline_are_refused(errors, problem):
    with pytest.raises(ValueError, match=problem):
        mean_corruption_error(errors, BASELINE)


def test_balanced_error_is_the_mean_of_ratios():
    found = balanced_corruption_error(ERRORS, BASELINE)

    assert found.error == pytest.approx(mean_corruption_error(ERRORS, BASELINE))
    assert found.per_corruption == pytest.approx({"blur": 0.5, "noise": 1.0})
    assert found.worst == "noise"
    assert (found.n, found.groups) == (4, 2)


def test_relative_balanced_error_by_hand():
    found = balanced_corruption_error(ERRORS, BASELINE, clean=(0.1, 0.2))

    assert found.relative == pytest.approx((0.4 / 0.8 + 0.4 / 0.2) / 2)
    assert found.excluded == ()
    assert found.note == ""


def test_relative_balanced_error_lists_where_the_baseline_does_not_rise():
    """As AlexNet on the contrast of PneumoniaMNIST, which does better there than on clean."""
    found = balanced_corruption_error(ERRORS, BASELINE, clean=(0.1, 0.35))

    assert found.relative == pytest.approx(0.4 / 0.5)
    assert found.excluded == ("noise",)
    assert "does not rise in noise" in found.note
    assert found.error == pytest.approx(0.75)


def test_relative_balanced_error_may_be_of_no_corruption():
    found = balanced_corruption_error(ERRORS, BASELINE, clean=(0.1, 0.9))

    assert found.relative is None
    assert found.excluded == ("blur", "noise")


def test_clean_errors_that_nobody_gave_are_named():
    found = balanced_corruption_error(ERRORS, BASELINE)

    assert found.relative is None
    assert "without clean" in found.note


def test_published_mean_of_a_baseline_stands_for_its_severities():
    means = {"blur": 0.6, "noise": 0.3}
    found, expected = (
        balanced_corruption_error(ERRORS, each, clean=(0.1, 0.2)) for each in (means, BASELINE)
    )

    assert found.error == pytest.approx(expected.error)
    assert found.relative == pytest.approx(expected.relative)


def test_model_is_a_balanced_error_of_one_against_itself():
    found = balanced_corruption_error(BASELINE, BASELINE, clean=(0.1, 0.1))

    assert (found.error, found.relative) == (1.0, 1.0)


def test_flawless_baseline_leaves_the_balanced_error_without_a_headline():
    found = balanced_corruption_error({"blur": 0.1, "fog": 0.2}, {"blur": 0.0, "fog": 0.1})

    assert found.error is None
    assert found.per_corruption == {"blur": None, "fog": 2.0}
    assert found.worst == "fog"
    assert "no error in blur" in found.note


def test_corruption_calibration_compares_calibration_errors():
    found = corruption_calibration_error({"blur": [0.1, 0.2]}, {"blur": [0.05, 0.05]})

    assert found.error == pytest.approx(3)
    assert found.method == "ECE against a baseline"


def test_order_of_corruptions_changes_nothing():
    turned = dict(reversed(ERRORS.items()))

    assert balanced_corruption_error(turned, BASELINE).error == pytest.approx(
        balanced_corruption_error(ERRORS, BASELINE).error
    )


@pytest.mark.parametrize("errors", [{"blur": [0.1, np.nan]}, {"blur": []}])
def test_missing_errors_have_no_multiple(errors):
    with pytest.raises(UndefinedMetric, match="missing"):
        balanced_corruption_error(errors, {"blur": 0.2})


@pytest.mark.parametrize(
    ("errors", "problem"),
    [
        ({}, "corruptions"),
        ({"fog": 0.1}, "fog"),
        ({"blur": 60}, "between 0 and 1"),
        ({"blur": [0.1, 0.2, 0.3]}, "3 severities"),
    ],
)
def test_errors_that_cannot_be_compared_are_refused(errors, problem):
    with pytest.raises(ValueError, match=problem):
        balanced_corruption_error(errors, {"blur": [0.1, 0.2]})
