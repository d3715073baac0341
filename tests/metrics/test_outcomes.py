import numpy as np
import pytest

from arogya_bench.metrics.outcomes import check_outcomes


def test_predicted_class_is_the_first_largest_probability():
    found = check_outcomes([0, 1], [[0.2, 0.4, 0.4], [0.1, 0.1, 0.8]])

    assert found.predicted.tolist() == [1, 2]


def test_names_of_classes_follow_the_columns():
    assert check_outcomes([0], [[0.2, 0.4, 0.4]]).classes == ("0", "1", "2")


def test_float32_rows_are_taken_as_they_are():
    probabilities = np.full((1, 3), 1 / 3, dtype=np.float32)

    found = check_outcomes([0], probabilities)

    assert found.renormalised == 0


def test_a_row_with_a_nan_or_of_zeros_is_no_answer():
    found = check_outcomes([0, 1, 1], [[np.nan, 1.0], [0.0, 0.0], [0.2, 0.8]])

    assert found.predicted.tolist() == [-1, -1, 1]
    assert found.unanswered == 2


def test_rows_that_do_not_sum_to_1_are_divided_and_counted():
    found = check_outcomes([0, 1, 1], [[3.0, 1.0], [0.49, 0.5], [0.2, 0.8]])

    assert found.probabilities[0].tolist() == [0.75, 0.25]
    assert (found.renormalised, found.implausible_sums) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (([0, 1], None, None), "neither probabilities nor predicted"),
        (([0], [[np.inf, 1.0]], None), "finite"),
        (([0], [[1.1, -0.1]], None), "not negative"),
        (([0], None, [-2]), "predicted reach from -2"),
        (([0], [[0.5, 0.5], [0.5, 0.5]], None), "shape"),
        (([0], [0.5], None), "shape"),
        (([0], [[1.0]], None), "shape"),
        (([2], [[0.5, 0.5]], None), "targets reach from 2 to 2, with 2 classes"),
        (([-1], [[0.5, 0.5]], None), "targets reach from -1"),
        (([0.5], [[0.5, 0.5]], None), "class indices"),
        (([[0]], [[0.5, 0.5]], None), "shape"),
        (([0, 1], None, [0]), "1 predicted classes for 2 targets"),
        (([0], [[0.5, 0.5]], [2]), "predicted reach from 2 to 2"),
    ],
)
def test_malformed_column_is_refused(arguments, problem):
    with pytest.raises(ValueError, match=problem):
        check_outcomes(*arguments)


def test_another_number_of_classes_than_columns_is_refused():
    with pytest.raises(ValueError, match="2 columns of probabilities for 3 classes"):
        check_outcomes([0], [[0.5, 0.5]], classes=["a", "b", "c"])
