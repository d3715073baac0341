"""Mask passwords and keys in everything that is logged or printed."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

REDACTED = "***"
MIN_SECRET_LENGTH = 6  # characters; masking shorter values would spoil ordinary words
# Words of a name, so that `tokenizer`, `max_new_tokens` and `pad_token` stay what they are.
SECRET_NAME = re.compile(
    r"(?:^|[._-])(?:password|passwd|passphrase|secret|token|credentials?|api_?key|"
    r"(?:access|secret|private|account)_?key)(?:$|[._-])",
    re.IGNORECASE,
)
NOT_SECRET = re.compile(r"(?:^|[._-])(?:pad|eos|bos|unk|sep|cls|mask|special)_token", re.IGNORECASE)
# A name and its value on the same line: quoted, a list or mapping, or a word.
ASSIGNMENT = re.compile(r"([\w.+-]+)(['\"]?[ \t]*[=:][ \t]*)('[^']*'|\"[^\"]*\"|[\[{][^\]}\n]*[\]}]*|[^\s,\]}]+)")

_registered_secrets: set[str] = set()  # in addition to those in the environment


@lru_cache(maxsize=10_000)  # all variables of the environment are asked about for every text
def is_secret(name: str) -> bool:
    """Whether a config key or environment variable of this name holds a secret."""
    return bool(SECRET_NAME.search(name)) and not NOT_SECRET.search(name)


def register_secrets(values: Iterable[str]) -> None:
    """Mask these values in every text that ``redact`` is given from now on."""
    _registered_secrets.update(value for value in values if len(value) >= MIN_SECRET_LENGTH)


def find_secrets(config: Mapping[str, object]) -> Iterator[str]:
    """Values of a config, at any depth, whose keys are names of secrets."""
    for key, value in config.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, Mapping):
                yield from find_secrets(item)
            elif is_secret(str(key)) and isinstance(item, str):
                yield item


def redact_config(config: Mapping[str, object]) -> dict[str, object]:
    """Copy a config with its secrets masked."""
    return {key: _redact_value(str(key), value) for key, value in config.items()}


def redact(text: str) -> str:
    """Mask secrets in a text: registered ones, those in the environment, and named ones.

    A named secret is a value behind a name such as ``api_key=``.
    """
    if not text:
        return text
    for value in sorted(_registered_secrets | set(_environment_secrets()), key=len, reverse=True):
        text = text.replace(value, REDACTED)
    return ASSIGNMENT.sub(_redact_assignment, text)


def _environment_secrets() -> Iterator[str]:
    for name, value in os.environ.items():
        if len(value) >= MIN_SECRET_LENGTH and is_secret(name):
            yield value


def _redact_value(key: str, value: object) -> object:
    if isinstance(value, Mapping):
        return redact_config(value)
    if isinstance(value, list | tuple):
        return [_redact_value(key, item) for item in value]
    if value is not None and is_secret(key):
        return REDACTED
    return value


def _redact_assignment(match: re.Match[str]) -> str:
    name, separator, value = match.groups()
    if is_secret(name):
        return f"{name}{separator}{REDACTED}"
    if value[0] in "[{":  # it contains names and values itself
        return f"{name}{separator}{value[0]}{ASSIGNMENT.sub(_redact_assignment, value[1:])}"
    return match[0]
