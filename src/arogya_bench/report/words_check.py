"""Check the words that a user gives: keys, and places to be filled in."""

import re
from collections.abc import Mapping
from typing import Any

from arogya_bench.errors import ConfigError, did_you_mean

FIX = "write it as the file of the German words is written; docs/report.md has a short example."
PLACE = re.compile(r"\{\w*\}")


def check_keys(given: Any, known: Any, name: str) -> None:
    """Refuse what is no group of keys, and a key that is not known."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"{name} is {given!r}, but must be a group of keys.", fix=FIX)
    unknown = [str(key) for key in given if str(key) not in known]
    if unknown:
        hint = did_you_mean(unknown[0], [str(key) for key in known])
        raise ConfigError(f"{name} has the unknown key {unknown[0]!r}.{hint}", fix=FIX)


def check_texts(given: Mapping[str, Any], name: str) -> None:
    """Refuse values that are no texts, and places that the English text does not have."""
    for key, text in given.items():
        if text is not None and not isinstance(text, str):
            raise ConfigError(f"{name}.{key} is {text!r}, but must be a text.", fix="put it in quotation marks.")
        known = re.findall(PLACE, str(key))
        strange = [place for place in re.findall(PLACE, text or "") if place not in known]
        if strange:
            there = ", ".join(known) or "none"
            raise ConfigError(
                f"{name}: the words for {key!r} have the place {strange[0]!r}.", fix=f"known here: {there}."
            )
