from itertools import combinations

import numpy as np
import pytest

from arogya_bench.statistics.letter_display import letter_display


def test_a_row_between_two_groups_has_both_letters():
    assert letter_display(["a", "b", "c"], [("a", "c")]) == {"a": "a", "b": "ab", "c": "b"}


def test_without_differences_all_share_a_letter_and_without_rows_there_is_none():
    assert letter_display(["a", "b"], []) == {"a": "a", "b": "a"}
    assert letter_display([], []) == {}


def test_rows_that_all_differ_share_nothing():
    assert letter_display(["x", "y", "z"], list(combinations("xyz", 2))) == {"x": "a", "y": "b", "z": "c"}


@pytest.mark.parametrize("seed", range(10))
def test_two_rows_share_a_letter_exactly_if_they_are_not_shown_to_differ(seed):
    rng = np.random.default_rng(seed)
    names = [f"m{i}" for i in range(9)]
    different = {pair for pair in combinations(names, 2) if rng.random() < 0.4}

    found = letter_display(names, different)

    for a, b in combinations(names, 2):
        assert bool(set(found[a]) & set(found[b])) == ((a, b) not in different)
