import re

import pytest

from arogya_bench.api_models.accounts import account_of, read_api_key
from arogya_bench.errors import ConfigError, RequirementMissing
from arogya_bench.runtime.redaction import redact

NAMES = ("FIRST_KEY", "SECOND_KEY")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_the_first_key_that_is_set_is_taken(monkeypatch):
    monkeypatch.setenv("SECOND_KEY", "key-of-the-second")

    assert read_api_key(NAMES) == "key-of-the-second"


def test_equal_keys_are_one_key(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "key-of-both")

    assert read_api_key(NAMES) == "key-of-both"


def test_different_keys_are_refused_without_showing_them(monkeypatch):
    monkeypatch.setenv("FIRST_KEY", "key-of-the-first")
    monkeypatch.setenv("SECOND_KEY", "key-of-the-second")

    with pytest.raises(ConfigError, match="FIRST_KEY and SECOND_KEY") as refused:
        read_api_key(NAMES)

    assert "key-of" not in str(refused.value)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_key_names_the_variables(value, monkeypatch):
    if value is not None:
        monkeypatch.setenv("FIRST_KEY", value)

    with pytest.raises(RequirementMissing, match=r"neither FIRST_KEY nor SECOND_KEY[\s\S]*FIRST_KEY"):
        read_api_key(NAMES)


def test_keys_are_masked_from_then_on(monkeypatch):
    monkeypatch.setenv("FIRST_KEY", "plain-words-only")

    read_api_key(NAMES)
    monkeypatch.delenv("FIRST_KEY")

    assert redact("sent plain-words-only away") == "sent *** away"


def test_accounts_differ_and_do_not_show_the_key():
    account = account_of("secret-key")

    assert re.fullmatch("[0-9a-f]{16}", account)
    assert account == account_of("secret-key") != account_of("secret-kez")
