import pytest

from arogya_bench.comparison.differences import count_numbers, is_equal, nested_differences, table_differences

ROWS = [
    {"dataset": "skin", "model": "cnn", "kind": "local", "value": 0.81},
    {"dataset": "skin", "model": "cnn", "kind": "API", "value": 0.79},
    {"dataset": "skin", "model": "prior", "kind": "local", "value": None},
]


def lines(printed, recomputed=ROWS, **options):
    return [each.line for each in table_differences("cost", printed, recomputed, **options)]


def changed(number, **values):
    return [{**row, **values} if place == number else row for place, row in enumerate(ROWS)]


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (0.1 + 0.2, 0.3, True),
        (0.3, 0.300001, False),
        (1, 1.0, True),
        (True, 1, False),
        (None, 0.0, False),
        ([1, "a"], [1, "a"], True),
        ([1, 2], [2, 1], False),
        ({"a": [1.0]}, {"a": [1.0 + 1e-13]}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ("0.30", "0.3", False),
    ],
)
def test_numbers_may_differ_by_rounding_and_nothing_else_may(one, other, equal):
    assert is_equal(one, other) == equal


def test_a_difference_names_what_tells_the_row_apart():
    assert lines(changed(1, value=0.97)) == ["cost, skin, cnn, API, value: printed 0.97, recomputed 0.79"]


def test_a_value_for_none_is_a_difference():
    assert lines(changed(2, value=0)) == ["cost, skin, prior, local, value: printed 0, recomputed null"]


def test_a_renamed_model_is_one_difference():
    assert lines(changed(2, model="best")) == ["cost, skin, best, local, model: printed best, recomputed prior"]


def test_rows_of_one_side_are_named():
    assert lines(ROWS[:2]) == ["cost, skin, prior, local: printed no such row, recomputed a row"]
    assert lines([*ROWS, ROWS[0]]) == ["cost, skin, cnn, local (2): printed a row, recomputed no such row"]


def test_columns_of_one_side_are_named():
    assert lines(changed(0, extra=1)) == ["cost, skin, cnn, local, extra: printed 1, recomputed (absent)"]
    assert lines(changed(0, extra=1), columns=["value"]) == []


def test_a_place_in_nested_values_is_named_by_its_path():
    one, other = {"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 3}]}

    (found,) = nested_differences("about", "", one, other)

    assert found.line == "about, a[1].b: printed 2, recomputed 3"


def test_long_values_are_shortened():
    (found,) = nested_differences("about", "", {"a": "x" * 500}, {"a": 1})

    assert len(found.printed) == 120


def test_truth_values_are_no_numbers():
    assert count_numbers({"a": [1, 2.5, True, None, "3"], "b": {"c": 0}}) == 3
