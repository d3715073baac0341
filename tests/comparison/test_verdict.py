"""A model is ahead only if the adjusted p-value and the interval agree."""

import pytest

from arogya_bench.comparison.tables import NO_DIFFERENCE, pairwise_conclusion


def pair(*, p_holm, low, high):
    return {"a": "x", "b": "y", "p_holm": p_holm, "note": ""} | {"difference.ci_low": low, "difference.ci_high": high}


def test_small_p_and_interval_above_zero_make_a_claim():
    assert pairwise_conclusion(pair(p_holm=0.01, low=0.02, high=0.2)) == "x is ahead"


@pytest.mark.parametrize(
    "row",
    [
        pair(p_holm=0.05, low=0.001, high=0.2),
        pair(p_holm=0.029, low=-0.022, high=0.178),
        pair(p_holm=0.01, low=None, high=None),
        pair(p_holm=None, low=0.1, high=0.2),
    ],
    ids=["p too large", "interval over zero", "no interval", "no p"],
)
def test_one_of_the_two_alone_makes_no_claim(row):
    assert pairwise_conclusion(row) == NO_DIFFERENCE
