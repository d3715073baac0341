import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arogya_bench.statistics.limit_tests import judge_limit


@pytest.mark.parametrize(
    ("low", "high", "best", "verdict"),
    [
        (0.95, 0.99, "high", "eligible"),
        (0.90, 0.94, "high", "excluded"),
        (0.93, 0.98, "high", "undecided"),
        (0.90, 0.95, "low", "eligible"),
        (0.96, 0.99, "low", "excluded"),
        (0.93, 0.98, "low", "undecided"),
    ],
)
def test_a_limit_is_judged_on_the_interval(low, high, best, verdict):
    found = judge_limit((low + high) / 2, low, high, 100, limit=0.95, best=best)

    assert found.verdict == verdict
    assert (found.further_groups == 0) == (verdict != "undecided")
    assert found.ci == (low, high)


def test_further_groups_by_hand():
    """The lower end is .04 away and may be .02: four times the groups."""
    found = judge_limit(0.97, 0.93, 0.99, 100, limit=0.95)

    assert found.further_groups == 300
    assert "eligible with 300 further groups" in found.note


def test_further_groups_to_be_excluded_go_beyond_the_limit():
    found = judge_limit(0.5, 0.375, 0.75, 100, limit=0.625)

    assert found.further_groups == 301
    assert "excluded" in found.note


def test_further_groups_do_not_reduce_the_spread_between_seeds():
    """Of a half width of .04, which may be .02, a fifth of the variance stays: .8/(1/4 - .2) = 16 times."""
    found = judge_limit(0.97, 0.93, 0.99, 100, limit=0.95, fixed_share=0.2)
    never = judge_limit(0.97, 0.93, 0.99, 100, limit=0.95, fixed_share=0.25)

    assert found.further_groups == 1500
    assert (never.verdict, never.further_groups) == ("undecided", None)
    assert "more training seeds" in never.note


@given(st.floats(0.01, 0.99), st.floats(0.001, 0.5), st.floats(0.001, 0.5), st.integers(1, 10_000))
def test_that_many_further_groups_decide(estimate, below, above, groups):
    limit = 0.5
    found = judge_limit(estimate, estimate - below, estimate + above, groups, limit=limit)
    if not found.further_groups:
        return

    shrunk = np.sqrt(groups / (groups + found.further_groups + 1))
    later = judge_limit(estimate, estimate - shrunk * below, estimate + shrunk * above, groups, limit=limit)

    assert later.verdict == ("eligible" if estimate > limit else "excluded")


def test_low_and_high_scores_mirror_each_other():
    up = judge_limit(0.97, 0.93, 0.99, 100, limit=0.95)
    down = judge_limit(-0.97, -0.99, -0.93, 100, limit=-0.95, best="low")

    assert (up.verdict, up.further_groups) == (down.verdict, down.further_groups)


def test_an_estimate_on_the_limit_is_decided_by_no_number_of_groups():
    found = judge_limit(0.95, 0.9, 0.98, 100, limit=0.95)

    assert (found.verdict, found.further_groups) == ("undecided", None)
    assert "no number of groups would be enough" in found.note


def test_without_an_interval_nothing_is_decided():
    found = judge_limit(0.99, None, None, 1, limit=0.95)

    assert (found.verdict, found.further_groups) == ("undecided", None)
    assert "without an interval" in found.note


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"low": 0.99, "high": 0.9}, "low is 0.99"),
        ({"estimate": np.nan}, "finite"),
        ({"groups": 0}, "0 groups"),
        ({"best": "up"}, "'up'"),
    ],
)
def test_limits_without_sense_are_refused(changed, reason):
    asked = {"estimate": 0.95, "low": 0.9, "high": 0.98, "groups": 10, "limit": 0.9} | changed

    with pytest.raises(ValueError, match=reason):
        judge_limit(**asked)
