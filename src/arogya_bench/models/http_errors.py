"""Errors of httpx2 as call errors: what may be tried again, and what may have been billed."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from arogya_bench.api_models.calls import CallError

MAX_DELAY_S = 7 * 24 * 3600.0  # a longer wait is a mistake of the service
OF_IMAGE = (400, 413, 415, 422)  # statuses that may be due to one image


def http_error(error: Exception) -> CallError | None:
    """The call error of a failed exchange; None for an exception that is none.

    Messages name the kind of the error alone: those of httpx2 may quote headers, and with them the key.
    """
    import httpx2

    name = type(error).__name__
    if isinstance(error, httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return CallError("timeout", f"no connection in time ({name})")
    if isinstance(error, httpx2.TimeoutException):
        return CallError("timeout", f"no answer in time ({name})", may_be_billed=True)
    if isinstance(error, httpx2.ConnectError | httpx2.ProxyError | httpx2.UnsupportedProtocol):
        return CallError("connection", f"no connection ({name})")
    if isinstance(error, httpx2.RequestError):
        return CallError("connection", f"the connection was lost ({name})", may_be_billed=True)
    if isinstance(error, ValueError | RecursionError):  # the body is no JSON, or not of the expected form
        return CallError("server", f"an answer that is not of the API ({name})", may_be_billed=True)
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the header Retry-After names, as a number or as a date; None without one."""
    text = headers.get("retry-after") or headers.get("Retry-After")
    if not text:
        return None
    if re.fullmatch(r"\s*-?\d+(?:\.\d*)?\s*", text):
        return possible_delay(float(text))
    try:
        return possible_delay((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def possible_delay(seconds: float) -> float:
    """A wait that a service asks for, from none to a week."""
    return min(max(0.0, seconds), MAX_DELAY_S)
