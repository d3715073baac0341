"""Passwords and keys kept out of whatever is written or printed."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping

HIDDEN = "***"
SHORTEST = 6  # characters; masking shorter values would spoil ordinary words
# Words of a name, so that `tokenizer`, `max_new_tokens` and `pad_token` stay what they are.
NAMES = re.compile(
    r"(?:^|[._-])(?:password|passwd|passphrase|secret|token|credentials?|api_?key|"
    r"(?:access|secret|private|account)_?key)(?:$|[._-])",
    re.IGNORECASE,
)
INNOCENT = re.compile(r"(?:^|[._-])(?:pad|eos|bos|unk|sep|cls|mask|special)_token", re.IGNORECASE)
# A name and what stands behind it on its line: quoted, a list or mapping, or a word.
ASSIGNED = re.compile(
    r"([\w.+-]+)(['\"]?[ \t]*[=:][ \t]*)('[^']*'|\"[^\"]*\"|[\[{][^\]}\n]*[\]}]*|[^\s,\]}]+)"
)

_known: set[str] = set()  # of this process, beside its environment


def is_secret(name: str) -> bool:
    """Whether a key or a variable of this name holds a secret."""
    return bool(NAMES.search(name)) and not INNOCENT.search(name)


def protect(values: Iterable[str]) -> None:
    """Keep values out of every text of this process from now on."""
    _known.update(value for value in values if len(value) >= SHORTEST)


def secrets_of(config: Mapping[str, object]) -> Iterator[str]:
    """The values of a config whose keys say that they are secret."""
    for key, value in config.items():
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, Mapping):
                yield from secrets_of(each)
            elif is_secret(str(key)) and isinstance(each, str):
                yield each


def without_secrets(config: Mapping[str, object]) -> dict[str, object]:
    """A config with its secrets masked."""
    return {key: _masked(str(key), value) for key, value in config.items()}


def disguised(text: str) -> str:
    """A text without the secrets of this process: of its environment, and those protected.

    What stands behind a secret name, such as ``api_key=...``, is masked as well.
    """
    for value in sorted(_known | set(_of_environment()), key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return ASSIGNED.sub(_hidden_assignment, text)


def _of_environment() -> Iterator[str]:
    for name, value in os.environ.items():
        if len(value) >= SHORTEST and is_secret(name):
            yield value


def _masked(key: str, value: object) -> object:
    if isinstance(value, Mapping):
        return without_secrets(value)
    if isinstance(value, list | tuple):
        return [_masked(key, each) for each in value]
    if value is not None and is_secret(key):
        return HIDDEN
    return value


def _hidden_assignment(found: re.Match[str]) -> str:
    name, between, value = found.groups()
    if is_secret(name):
        return f"{name}{between}{HIDDEN}"
    if value[0] in "[{":  # what is inside has names of its own
        return f"{name}{between}{value[0]}{ASSIGNED.sub(_hidden_assignment, value[1:])}"
    return found[0]
