"""Passwords and keys kept out of whatever is written or printed."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping

REDACTED = "***"
MIN_SECRET_LENGTH = 6  # characters; masking shorter values would spoil ordinary words
# Words of a name, so that `tokenizer`, `max_new_tokens` and `pad_token` stay what they are.
SECRET_NAME = re.compile(
    r"(?:^|[._-])(?:password|passwd|passphrase|secret|token|credentials?|api_?key|"
    r"(?:access|secret|private|account)_?key)(?:$|[._-])",
    re.IGNORECASE,
)
NOT_SECRET = re.compile(r"(?:^|[._-])(?:pad|eos|bos|unk|sep|cls|mask|special)_token", re.IGNORECASE)
# A name and what stands behind it on its line: quoted, a list or mapping, or a word.
ASSIGNMENT = re.compile(
    r"([\w.+-]+)(['\"]?[ \t]*[=:][ \t]*)('[^']*'|\"[^\"]*\"|[\[{][^\]}\n]*[\]}]*|[^\s,\]}]+)"
)

_registered_secrets: set[str] = set()  # of this process, beside its environment


def is_secret(name: str) -> bool:
    """Whether a key or a variable of this name holds a secret."""
    return bool(SECRET_NAME.search(name)) and not NOT_SECRET.search(name)


def register_secrets(values: Iterable[str]) -> None:
    """Keep values out of every text of this process from now on."""
    _registered_secrets.update(value for value in values if len(value) >= MIN_SECRET_LENGTH)


def find_secrets(config: Mapping[str, object]) -> Iterator[str]:
    """The values of a config whose keys say that they are secret."""
    for key, value in config.items():
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, Mapping):
                yield from find_secrets(each)
            elif is_secret(str(key)) and isinstance(each, str):
                yield each


def redact_config(config: Mapping[str, object]) -> dict[str, object]:
    """A config with its secrets masked."""
    return {key: _redact_value(str(key), value) for key, value in config.items()}


def redact(text: str) -> str:
    """A text without the secrets of this process: of its environment, and those protected.

    What stands behind a secret name, such as ``api_key=...``, is masked as well.
    """
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
        return [_redact_value(key, each) for each in value]
    if value is not None and is_secret(key):
        return REDACTED
    return value


def _redact_assignment(found: re.Match[str]) -> str:
    name, between, value = found.groups()
    if is_secret(name):
        return f"{name}{between}{REDACTED}"
    if value[0] in "[{":  # what is inside has names of its own
        return f"{name}{between}{value[0]}{ASSIGNMENT.sub(_redact_assignment, value[1:])}"
    return found[0]
