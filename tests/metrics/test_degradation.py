import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.degradation import critical_severity, degradation_area, score_drop, worst_condition
from arogya_bench.metrics.robustness import robustness_score

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def test_drop_is_absolute_and_relative():
    found = score_drop(0.8, 0.6)

    assert found.absolute == pytest.approx(0.2)
    assert found.relative == pytest.approx(0.25)
    assert found.note == ""


@given(st.floats(0.01, 1), SCORES)
def test_what_is_kept_is_the_robustness_score(clean, changed):
    assert score_drop(clean, changed).robustness == pytest.approx(robustness_score(clean, changed))


def test_robustness_above_one_is_flagged_and_not_clipped():
    found = score_drop(0.8, 0.84)

    assert found.robustness == pytest.approx(1.05)
    assert "not clipped" in found.note


def test_calibration_drop_is_the_rise_of_the_error():
    found = score_drop(0.02, [0.05, 0.07], best="low")

    assert found.absolute == pytest.approx(0.04)
    assert found.relative == pytest.approx(2)
    assert found.robustness is None


def test_nothing_can_be_lost_of_nothing():
    found = score_drop(0.0, 0.3, best="low")

    assert (found.absolute, found.relative) == (pytest.approx(0.3), None)
    assert "not above 0" in found.note


def test_share_of_a_score_worse_than_chance_is_not_given():
    """As kappa or MCC can be: from -.1 to -.2 nobody keeps 200 %."""
    assert score_drop(-0.1, -0.2).robustness is None
    assert degradation_area([1], [-0.2], clean=-0.1).share is None


@pytest.mark.parametrize("changed", [[], [0.5, np.nan]])
def test_missing_scores_have_no_drop(changed):
    with pytest.raises(UndefinedMetric, match="missing"):
        score_drop(0.8, changed)


def test_area_by_hand():
    """From .8 over .6 half way to .4: mean .6, three quarters of .8."""
    found = degradation_area([5, 10], [0.6, 0.4], clean=0.8)

    assert found.area == pytest.approx(0.6)
    assert found.share == pytest.approx(0.75)


def test_area_weighs_uneven_steps():
    found = degradation_area([1, 4], [0.5, 0.5], clean=1.0)

    assert found.area == pytest.approx(trapezoid([1.0, 0.5, 0.5], [0, 0.25, 1]))


@given(st.floats(0.01, 1), st.integers(1, 5))
def test_model_that_loses_nothing_keeps_the_whole_area(clean, levels):
    found = degradation_area(range(1, levels + 1), [clean] * levels, clean=clean)

    assert found.share == pytest.approx(1)
    assert found.area == pytest.approx(clean)


def test_unit_of_the_severities_changes_nothing():
    plain, thousandth = (degradation_area(levels, [0.7, 0.2], clean=0.9) for levels in ([1, 3], [0.001, 0.003]))

    assert plain.area == pytest.approx(thousandth.area)


def test_area_above_that_of_clean_images_is_flagged():
    found = degradation_area([1, 2], [0.04, 0.08], clean=0.02)

    assert found.share == pytest.approx(2.25)
    assert "not clipped" in found.note


def test_area_of_a_clean_score_of_zero_has_no_share():
    found = degradation_area([1], [0.5], clean=0.0)

    assert (found.area, found.share) == (0.25, None)
    assert "not above 0" in found.note


def test_severities_out_of_order_are_refused_as_the_black_corners_of_medmnist_c():
    with pytest.raises(ValueError, match=r"ascending, not \[1.1, 1.05, 1.0, 0.9, 0.95\]"):
        degradation_area([1.1, 1.05, 1.0, 0.9, 0.95], [0.5] * 5, clean=0.6)


@pytest.mark.parametrize("severities", [[0, 1], [-1, 1], [1, 1], [1, np.inf], [1], []])
def test_severities_that_cannot_be_are_refused(severities):
    with pytest.raises(ValueError, match="severities"):
        critical_severity(severities, [0.5, 0.4], floor=0.45, clean=0.9)


def test_no_severities_have_no_area():
    with pytest.raises(ValueError, match="0 scores for 0 severities"):
        degradation_area([], [], clean=0.9)


def test_missing_level_has_no_area():
    with pytest.raises(UndefinedMetric, match="missing"):
        degradation_area([1, 2], [0.5, np.nan], clean=0.9)


def test_floor_is_crossed_between_two_levels():
    """From .8 at 2 to .6 at 4, .75 is a quarter of the way."""
    found = critical_severity([2, 4], [0.8, 0.6], floor=0.75, clean=0.9)

    assert found.severity == pytest.approx(2.5)
    assert found.floor == 0.75
    assert found.note == ""


def test_floor_can_be_crossed_before_the_first_level():
    assert critical_severity([2], [0.5], floor=0.7, clean=0.9).severity == pytest.approx(1)


def test_score_on_the_floor_is_acceptable():
    found = critical_severity([1, 2], [0.7, 0.7], floor=0.7, clean=0.9)

    assert found.severity is None
    assert found.note == "not crossed up to severity 2"


def test_crossing_starts_where_the_score_leaves_the_floor():
    assert critical_severity([1, 2, 3], [0.7, 0.7, 0.5], floor=0.7, clean=0.9).severity == 2


def test_clean_score_below_the_floor_is_critical_at_once():
    found = critical_severity([1, 2], [0.5, 0.4], floor=0.7, clean=0.6)

    assert found.severity == 0
    assert found.note == "below the floor on clean images already"


def test_first_crossing_counts_and_a_recovery_is_named():
    found = critical_severity([1, 2, 3], [0.6, 0.8, 0.9], floor=0.7, clean=0.8)

    assert found.severity == pytest.approx(0.5)
    assert "above the floor again at a higher severity" in found.note


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(0, 1))
def test_ceiling_of_an_error_is_the_floor_of_what_is_right(errors, ceiling):
    levels = range(1, len(errors) + 1)
    by_error = critical_severity(levels, errors, floor=ceiling, clean=0.1, best="low")
    turned = critical_severity(levels, [-e for e in errors], floor=-ceiling, clean=-0.1)

    assert by_error.severity == turned.severity


@given(SCORES, st.floats(0.05, 0.95))
def test_interpolated_score_at_the_crossing_is_the_floor(scores, floor):
    found = critical_severity(range(1, len(scores) + 1), scores, floor=floor, clean=1.0)

    if found.severity is None:
        assert min(scores) >= floor
    else:
        there = np.interp(found.severity, range(len(scores) + 1), [1.0, *scores])
        assert there == pytest.approx(floor)


def test_worst_condition_is_one_that_the_mean_hides():
    found = worst_condition({"noise": [0.8, 0.7], "blur": [0.95, 0.3], "jpeg": 0.6}, clean=0.9)

    assert (found.name, found.level, found.score) == ("blur", 2, 0.3)
    assert found.drop == pytest.approx(0.6)
    assert (found.n, found.groups) == (5, 3)


def test_worst_calibration_is_the_highest_error():
    found = worst_condition({"noise": [0.1], "blur": [0.2, 0.15]}, clean=0.05, best="low")

    assert (found.name, found.level, found.score) == ("blur", 1, 0.2)


def test_equally_bad_conditions_are_named():
    found = worst_condition({"noise": 0.5, "blur": 0.5}, clean=0.9)

    assert found.name == "noise"
    assert found.note == "equally bad: blur"


def test_without_corruptions_none_is_the_worst():
    with pytest.raises(UndefinedMetric, match="no corruption"):
        worst_condition({}, clean=0.9)
