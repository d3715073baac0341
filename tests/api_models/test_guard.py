"""Nothing is sent without consent, key and service."""

import socket

import pytest

from arogya_bench.api_models.guard import check_consent, check_free_tier, check_key, check_service
from arogya_bench.errors import ConfigError, RequirementMissing


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("value", ["denied", "", "yes", "true", "Allowed"])
def test_only_the_word_allowed_is_consent(value):
    with pytest.raises(RequirementMissing) as caught:
        check_consent("ham10000", value)

    assert "ham10000" in caught.value.problem
    assert "dataset.external_api=allowed" in caught.value.fix


def test_consent_lets_pass():
    check_consent("synthetic", "allowed")


def test_the_free_tier_needs_a_consent_of_its_own():
    check_free_tier("the Gemini API", accepted=True)
    with pytest.raises(RequirementMissing, match="people may read") as caught:
        check_free_tier("the Gemini API", accepted=False)
    assert "model.accept_free_tier_terms=true" in caught.value.fix


def test_a_service_is_there_or_not():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        check_service(url, fix="start it.")
    with pytest.raises(RequirementMissing, match=r"No connection to 127\.0\.0\.1") as caught:
        check_service(url, fix="connect.")
    assert caught.value.fix == "start the server on this machine, or correct model.base_url."


def test_a_server_elsewhere_is_not_to_be_started_here(monkeypatch):
    def refuse(*_):
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(RequirementMissing) as caught:
        check_service("https://api.example.org", fix="connect.")
    assert caught.value.fix == "connect."


def test_behind_a_proxy_nothing_is_tried(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    check_service("http://127.0.0.1:9", fix="start it.")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(RequirementMissing):
        check_service("http://127.0.0.1:9", fix="start it.")


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel", ""])
def test_a_key_that_no_header_takes_is_refused_without_quoting_it(key):
    with pytest.raises(ConfigError) as caught:
        check_key(key, ("GEMINI_API_KEY",))

    assert not key or key not in str(caught.value)
    assert check_key("AIza-_09", ("GEMINI_API_KEY",)) == "AIza-_09"
