"""Errors of the Gemini API as call errors: what may be tried again, when, and what the user can do."""

import re
from collections.abc import Mapping
from typing import Any

from arogya_bench.api_models.calls import CallError
from arogya_bench.models.api_replies import service_message
from arogya_bench.models.http_errors import OF_IMAGE, possible_delay, retry_after

DURATION = re.compile(r"(\d+(?:\.\d*)?)s")  # as RetryInfo writes it
BAD_KEY = "API key not valid"  # which the service calls an invalid argument, like an image
REJECTIONS = {
    400: "check GEMINI_API_KEY, and that the model takes the options that are set (model.thinking_level, ...).",
    403: "check that the project of GEMINI_API_KEY may use the Gemini API and this model.",
    404: "the model does not exist, was retired, or is closed to new accounts: set model.id to one that "
    "https://ai.google.dev/gemini-api/docs/models lists, or model.api_version=v1beta for an alias.",
}
FREE_TIER_FIX = "enable billing for the project of the key, or set model.tier=free with its consent."


def api_error(error: Any, *, tier: str) -> CallError:
    """An answer with another status than 200, as a call error."""
    message = service_message(f"{error.code} {error.status or ''}: {error.message or ''}")
    delay = _retry_delay(error)
    if error.code == 429:
        quotas = _quota_ids(error.details)
        if tier == "paid" and any("FreeTier" in quota for quota in quotas):
            return CallError("rejected", f"{message} (the quota of the free tier)", fix=FREE_TIER_FIX)
        kind = "day" if any("PerDay" in quota for quota in quotas) else "rate"
        return CallError(kind, message, retry_after_s=delay)
    if error.code in (408, 504):
        return CallError("timeout", message, retry_after_s=delay, may_be_billed=True)
    if 400 <= error.code < 500:
        of_image = error.code in OF_IMAGE and BAD_KEY not in message
        return CallError("rejected", message, fix=REJECTIONS.get(error.code, REJECTIONS[400]), of_image=of_image)
    return CallError("server", message, retry_after_s=delay, may_be_billed=True)


def _error_details(body: Any) -> list[Mapping[str, Any]]:
    error = body.get("error") if isinstance(body, dict) else None
    return _objects(error.get("details")) if isinstance(error, dict) else []


def _objects(listed: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def _quota_ids(body: Any) -> list[str]:
    violations = [violation for detail in _error_details(body) for violation in _objects(detail.get("violations"))]
    return [str(violation.get("quotaId", "")) for violation in violations]


def _retry_delay(error: Any) -> float | None:
    """Seconds that the service asks to wait: RetryInfo, else the header Retry-After."""
    named = (str(detail.get("retryDelay", "")) for detail in _error_details(error.details))
    delay = next((match for text in named if (match := DURATION.fullmatch(text))), None)
    if delay is not None:
        return possible_delay(float(delay[1]))
    return retry_after(getattr(error.response, "headers", {}))
