"""Addresses of services."""

import pytest

from arogya_bench.errors import ConfigError
from arogya_bench.models.api_address import check_base_url, completions_url, service_address

SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{SECRET}@host",
        f"https://{SECRET}@host/v1",
        f"https://user:12/{SECRET}@host",
        f"https://host/v1?key={SECRET}",
        f"https://host#{SECRET}",
        f"user:{SECRET}@host",
    ],
)
def test_an_address_with_a_secret_is_refused_without_a_word_of_it(url):
    with pytest.raises(ConfigError, match="logged with every run") as refused:
        check_base_url(url)

    assert SECRET not in f"{refused.value!r} {refused.value} {refused.value.fix}"


@pytest.mark.parametrize(
    "url",
    [
        *("", "nonsense", "127.0.0.1:8000", "http://", "http:///v1", "http://:80", "ftp://host", "file:///etc"),
        *("http://host:port", "http://host:99999", "http://host:0", "http://[::1", "http://a host", "http://host\\v1"),
    ],
)
def test_what_is_no_address_of_a_service_is_refused(url):
    with pytest.raises(ConfigError, match=r"needs http:// or https:// and a host"):
        check_base_url(url)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1/chat/completions"),
        ("http://[::1]:8000/v1/", "http://[::1]:8000/v1/chat/completions"),
        ("HTTPS://host/proxy/v1", "HTTPS://host/proxy/v1/chat/completions"),
        ("https://host/v1/chat/completions", "https://host/v1/chat/completions"),
        ("https://host/v1beta/openai/chat/completions", "https://host/v1beta/openai/chat/completions"),
    ],
)
def test_requests_go_where_the_address_means(url, asked):
    check_base_url(url)

    assert completions_url(service_address(url)) == asked
