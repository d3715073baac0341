"""Errors of HTTP in terms of calls."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest

from arogya_bench.models.http_errors import http_error, retry_after


@pytest.mark.parametrize(
    ("error", "kind", "billed"),
    [
        (httpx2.ConnectTimeout("x"), "timeout", False),
        (httpx2.PoolTimeout("x"), "timeout", False),
        (httpx2.ReadTimeout("x"), "timeout", True),
        (httpx2.WriteTimeout("x"), "timeout", True),
        (httpx2.ConnectError("x"), "connection", False),
        (httpx2.ReadError("x"), "connection", True),
        (httpx2.RemoteProtocolError("x"), "connection", True),
        (ValueError("x"), "server", True),
        (RecursionError("x"), "server", True),  # JSON of a thousand brackets
    ],
)
def test_every_error_has_a_kind(error, kind, billed):
    mapped = http_error(error)

    assert (mapped.kind, mapped.may_be_billed) == (kind, billed)


def test_messages_quote_nothing_since_headers_hold_the_key():
    assert "secret" not in str(http_error(httpx2.LocalProtocolError("Illegal header value b'secret'")))


def test_a_mistake_of_ours_is_no_error_of_the_service():
    assert http_error(TypeError("x")) is None


def test_retry_after_is_a_number_or_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)

    assert retry_after({"retry-after": "1.5"}) == 1.5
    assert 25 < retry_after({"retry-after": later}) <= 30
    assert retry_after({"retry-after": "-4"}) == 0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({"retry-after": "9" * 400}) == retry_after({"retry-after": "9999999"}) == 7 * 24 * 3600
    assert retry_after({"retry-after": "nan"}) is None
    assert retry_after({}) is None
