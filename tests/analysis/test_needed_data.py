import re

import numpy as np
import pytest

from arogya_bench.analysis.needed_data import describe_needed_data
from arogya_bench.statistics import PairedDifference


def difference(estimate, *, groups, seeds=None, df=1e6):
    """A difference with the given parts of its variance."""
    return PairedDifference(
        estimate=estimate,
        low=-1.0,
        high=1.0,
        p_value=0.5,
        p_adjusted=0.5,
        simultaneous_low=-1.0,
        simultaneous_high=1.0,
        se=float(np.sqrt(groups + (seeds or 0.0))),
        df=df,
        group_variance=groups,
        seed_variance=seeds,
    )


def describe(result, *, groups=100, seeds=1):
    return describe_needed_data(result, names="a and b", groups=groups, unit="patient", seeds=seeds)


def number_in(sentence):
    return int(re.search(r"about (\d+) ", sentence)[1])


def test_four_times_the_patients_halve_the_standard_error():
    """A difference of 1.40 standard errors needs 2.80 of them."""
    sentence = describe(difference(1.401, groups=1.0))

    assert sentence.startswith("Most of the uncertainty comes from the patients; about ")
    assert number_in(sentence) == 400


@pytest.mark.parametrize(
    "result",
    [difference(0.01, groups=1.0), difference(0.5, groups=0.6, seeds=0.4), difference(0.01, groups=0.2, seeds=0.8)],
    ids=["too small", "hidden by seeds", "hidden by patients and seeds"],
)
def test_no_number_is_given_where_none_would_do(result):
    sentence = describe(result, seeds=3)

    assert "even 100 times as many would not show" in sentence


def test_seeds_are_counted_with_their_degrees_of_freedom():
    """Where seeds dominate, more of them lower the variance and the critical value."""
    sentence = describe(difference(2.5, groups=0.1, seeds=0.9, df=4.9), seeds=3)

    assert "from the training seeds (90 %); about " in sentence
    assert 4 <= number_in(sentence) <= 6


def test_the_advice_is_always_more_than_the_study_has():
    assert number_in(describe(difference(3.0, groups=0.01, seeds=0.99, df=1.02), seeds=2)) > 2


def test_equal_rows_need_nothing():
    assert describe(difference(0.0, groups=1.0)) == ""
