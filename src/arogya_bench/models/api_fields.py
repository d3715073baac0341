"""Checks of the fields that the adapters of APIs share, called when an adapter is built."""

import math
from typing import Any

from arogya_bench.errors import ConfigError
from arogya_bench.models.api_address import check_base_url
from arogya_bench.models.field_checks import check_range

MAX_SHOTS = 100  # of each class; every request holds all of them
WHOLE_NUMBERS = (
    *("repeats", "max_output_tokens", "attempts"),
    *("requests_per_minute", "tokens_per_minute", "requests_per_day", "concurrency"),
)
SECONDS = ("timeout_s", "window_s", "batch_poll_s")


def check_request_fields(model: Any) -> None:
    """Check id, address and numbers of an ``ApiClassifier``; ConfigError for the first that cannot be used."""
    if not model.id.strip():
        raise ConfigError("id is empty.", fix="set model.id to the model, as its provider names it.")
    if model.base_url:
        check_base_url(model.base_url)
    for name in WHOLE_NUMBERS:
        _check_whole_number(name, getattr(model, name))
    for name in SECONDS:
        _check_seconds(name, getattr(model, name))
    check_range("image_quality", model.image_quality, 1, 100)
    check_range("shots", model.shots, 0, MAX_SHOTS)


def _check_whole_number(name: str, value: object) -> None:
    """None passes, since it stands for a default."""
    if value is not None and not (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        raise ConfigError(f"{name} is {value}.", fix=f"set model.{name} to a whole number above 0.")


def _check_seconds(name: str, value: float) -> None:
    if not (value > 0 and math.isfinite(value)):
        raise ConfigError(f"{name} is {value}.", fix=f"set model.{name} to a number of seconds above 0.")
