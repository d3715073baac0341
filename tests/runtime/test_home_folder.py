"""A leading ~ is the home folder, where it names one."""

from pathlib import Path

import pytest

from arogya_bench.runtime.home_folder import expand_home


@pytest.mark.parametrize(
    ("path", "expanded"),
    [("~/a", "/home/x/a"), ("~no_such_user/a", "~no_such_user/a"), ("~no such user", "~no such user"), ("a~", "a~")],
)
def test_a_name_of_no_user_stays_as_it_is(monkeypatch, path, expanded):
    monkeypatch.setenv("HOME", "/home/x")

    assert expand_home(path) == Path(expanded)
