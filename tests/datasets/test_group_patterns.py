"""Patients are found in names, and long lists of names are counted."""

import pytest

from arogya_bench.datasets.group_patterns import extract_groups, shorten_list
from arogya_bench.errors import ConfigError


def test_many_names_are_counted():
    assert shorten_list(list("abc")) == "a, b, c"
    assert shorten_list(list("abcdefgh")) == "a, b, c, d, e and 3 more"


def test_without_an_expression_every_case_is_its_own():
    assert extract_groups(["p1-a", "p1-b"], None) == {"p1-a": "p1-a", "p1-b": "p1-b"}


def test_an_expression_finds_the_patient():
    assert extract_groups(["p1-a", "p22-b"], "^(p[0-9]+)-") == {"p1-a": "p1", "p22-b": "p22"}


@pytest.mark.parametrize(
    ("group", "problem"),
    [
        ("(p[0-9]+", "not a regular expression"),
        ("p[0-9]+", "has 0 groups"),
        ("(p)([0-9]+)", "has 2 groups"),
        ("^(q[0-9]+)", "does not match 2 names: p1-a, p1-b"),
        ("^(q*)", "does not match"),
    ],
)
def test_an_expression_that_does_not_fit_is_refused(group, problem):
    with pytest.raises(ConfigError, match=r"dataset\.group") as refusal:
        extract_groups(["p1-a", "p1-b"], group)

    assert problem in refusal.value.problem


def test_a_word_for_a_missing_patient_is_none():
    with pytest.raises(ConfigError, match="finds 'nan', a word for a missing patient, in 2 names: nan-b, nan-c"):
        extract_groups(["p1-a", "nan-b", "nan-c"], "^([a-z0-9]+)-")
