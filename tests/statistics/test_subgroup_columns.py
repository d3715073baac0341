import numpy as np
import pytest

from arogya_bench.statistics.subgroup_columns import build_subgroup_column


def members(found):
    return {name: list(np.flatnonzero(found.codes == k)) for k, name in enumerate(found.values)}


def test_strings_are_their_own_subgroups_in_order():
    found = build_subgroup_column({"sex": ["M", "F", "M"]}, 3)

    assert (found.name, members(found), found.note) == ("sex", {"F": [1], "M": [0, 2]}, "")


def test_what_is_missing_is_a_subgroup_of_its_own_and_the_last():
    found = build_subgroup_column(["b", None, "", " ", float("nan"), "a"], 6)

    assert members(found) == {"a": [5], "b": [0], "(missing)": [1, 2, 3, 4]}


def test_a_column_with_nothing_in_it_is_missing():
    assert members(build_subgroup_column([None, float("inf")], 2)) == {"(missing)": [0, 1]}


def test_many_numbers_are_cut_at_their_quartiles():
    found = build_subgroup_column({"age": [10.0, 20.0, 30.0, 40.0, 50.0, float("nan")]}, 6)

    assert members(found) == {
        "[10, 20]": [0, 1], "(20, 30]": [2], "(30, 40]": [3], "(40, 50]": [4], "(missing)": [5],
    }  # fmt: skip
    assert found.note == "age is cut at its quartiles"


def test_bands_hold_about_a_quarter_each():
    ages = np.random.default_rng(0).normal(60, 10, 401)

    sizes = np.bincount(build_subgroup_column(ages, 401).codes)

    assert sizes.tolist() == [101, 100, 100, 100]


def test_equal_quartiles_are_one():
    found = build_subgroup_column([0, 0, 0, 0, 0, 0, 1, 2, 3, 4], 10)

    assert members(found) == {"[0, 0]": list(range(6)), "(0, 1.75]": [6], "(1.75, 4]": [7, 8, 9]}


def test_few_numbers_are_names():
    assert build_subgroup_column([2, 1.5, 1234567.0, 1234568.0], 4).values == ("1.5", "2", "1234567", "1234568")


def test_truth_values_are_names():
    assert build_subgroup_column([True, False, None], 3).values == ("False", "True", "(missing)")


def test_two_columns_are_crossed_as_far_as_they_occur():
    found = build_subgroup_column({"sex": ["F", "F", "M", None], "age": ["60+", "<60", "60+", "<60"]}, 4)

    assert found.name == "sex \N{MULTIPLICATION SIGN} age"
    assert [name.replace("\N{MULTIPLICATION SIGN}", "x") for name in found.values] == [
        "F x 60+", "F x <60", "M x 60+", "(missing) x <60",
    ]  # fmt: skip
    assert found.codes.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("by", [{}, {"a": [1], "b": [1], "c": [1]}])
def test_other_than_one_or_two_columns_are_refused(by):
    with pytest.raises(ValueError, match="need one or two"):
        build_subgroup_column(by, 1)


def test_a_column_of_another_length_is_refused():
    with pytest.raises(ValueError, match="'sex' has 1 values for 2"):
        build_subgroup_column({"sex": ["F"]}, 2)
