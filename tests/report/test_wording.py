import math

import numpy as np
import pytest

from arogya_bench.report.wording import (
    MINUS,
    UNDEFINED,
    format_number,
    format_p_value,
    format_percent,
    format_with_interval,
)


def row(value, low=None, high=None):
    return {"f1": value, "f1.ci_low": low, "f1.ci_high": high}


@pytest.mark.parametrize("absent", [None, math.nan, np.float64("nan")])
def test_undefined_numbers_are_dashes(absent):
    assert format_number(absent) == format_percent(absent) == format_p_value(absent) == UNDEFINED
    assert format_with_interval(row(absent), "f1") == UNDEFINED


def test_a_number_has_fixed_digits():
    assert format_number(0.81649) == "0.816"
    assert format_number(12.345, digits=1) == "12.3"


def test_strings_are_unchanged():
    assert format_number("not measured") == "not measured"


def test_zero_is_a_number():
    assert (format_number(0), format_percent(0.0), format_p_value(0.0)) == ("0.000", "0 %", "< 0.001")


def test_a_share_reads_as_a_percentage():
    assert format_percent(0.946) == "95 %"


def test_a_value_reads_with_its_interval():
    assert format_with_interval(row(0.8164, 0.7831, 0.8459), "f1") == "0.816 [0.783, 0.846]"


def test_a_difference_has_its_sign():
    assert format_with_interval(row(0.1, -0.02, 0.2), "f1", signed=True) == "+0.100 [-0.020, 0.200]"


def test_a_value_without_an_interval_is_marked():
    assert format_with_interval(row(0.5), "f1") == "0.500 [no interval]"


@pytest.mark.parametrize(("p", "text"), [(0.0009, "< 0.001"), (0.001, "0.001"), (1, "1.000")])
def test_a_p_value_has_three_digits(p, text):
    assert format_p_value(p) == text


def test_the_sign_of_subtraction_is_no_hyphen():
    assert MINUS == "\N{MINUS SIGN}"
