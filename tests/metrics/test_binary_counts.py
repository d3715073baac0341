import math

import numpy as np
import pytest

from arogya_bench.metrics.binary_counts import (
    binary_rates,
    check_columns,
    confusion_masks,
    count_groups,
    explain_undefined,
    small_sample_note,
)


def test_every_case_is_in_one_cell():
    rng = np.random.default_rng(0)
    scores = np.where(rng.random(50) < 0.2, np.nan, rng.random(50))

    found = confusion_masks(rng.random(50) < 0.5, scores, 0.5)

    assert found.sum(axis=0).tolist() == [1] * 50


def test_rates_of_many_counts_are_those_of_each():
    counts = np.array([[3.0, 0.0], [2.0, 0.0], [1.0, 2.0], [4.0, 0.0]])

    found = binary_rates(counts, prevalence=0.1)

    for column in range(2):
        for name, value in binary_rates(counts[:, column], prevalence=0.1).items():
            np.testing.assert_equal(found[name][column], value)


@pytest.mark.parametrize("counts", [[0, 0, 2, 3], [2, 0, 0, 3], [0, 0, 0, 3], [1, 3, 0, 0], [0] * 4])
def test_whatever_is_undefined_has_a_reason(counts):
    table = np.array(counts, dtype=np.float64)

    undefined = {name for name, value in binary_rates(table, prevalence=0.1).items() if np.isnan(value)}

    assert set(explain_undefined(table, prevalence=0.1)) == undefined


def test_caution_names_the_rare_side_and_missing_answers():
    found = small_sample_note(np.array([True] + [False] * 10), np.array([math.nan] + [0.5] * 10))

    assert found == ("fewer than 10 cases: 1 positive; 1 cases have no answer and count as wrong")


def test_truth_may_be_numbers_or_truth_values():
    assert check_columns([1, 0], [0.5, 0.5])[0].tolist() == check_columns([True, False], [0, 0])[0].tolist()


def test_groups_of_another_length_are_refused():
    with pytest.raises(ValueError, match="groups"):
        count_groups(3, ["a"])
