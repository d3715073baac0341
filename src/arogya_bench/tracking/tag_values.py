"""Values of tags that are too long for the store: texts are cut and marked, JSON stays JSON."""

import json
from collections.abc import Mapping
from typing import Any

from arogya_bench.runtime.redaction import redact, redact_config

CUT_MARK = " … (cut)"
MORE = "…"  # key of what a shortened mapping leaves out
SHORTEST_TEXT = 40  # characters that a cut text within JSON keeps, before whole entries are left out


def redact_value(value: str) -> str:
    """Mask the secrets in a value; JSON is still JSON afterwards."""
    masked = redact(value)
    if masked == value:
        return value
    content = _parse(value)
    return masked if content is None else _dump(_redact_content(content))


def shorten_value(value: str, limit: int) -> str:
    """Shorten a value to at most ``limit`` characters; of JSON the long texts, then whole entries at its end.

    What is left out is counted: a text ends with a mark, and a mapping or a list with the number of other entries.
    """
    if len(value) <= limit:
        return value
    content = _parse(value)
    if content is None:
        return value[: limit - len(CUT_MARK)] + CUT_MARK
    whole = _dump(content)  # shorter than with \u escapes
    return whole if len(whole) <= limit else _dump(_shorten_content(content, limit))


def _parse(value: str) -> Any:
    """The mapping or list that a value is in JSON; None for every other text."""
    if not value.startswith(("{", "[")):
        return None
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return None


def _dump(content: object) -> str:
    return json.dumps(content, ensure_ascii=False)


def _redact_content(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _redact_content(value) for key, value in redact_config(content).items()}
    if isinstance(content, list):
        return [_redact_content(value) for value in content]
    return redact(content) if isinstance(content, str) else content


def _shorten_content(content: Any, limit: int) -> Any:
    """The longest texts that fit, of equal largest length; if none do, as many entries of short texts as fit."""
    lengths = range(SHORTEST_TEXT, limit)
    fitting = _largest(lengths, lambda length: len(_dump(_cut_texts(content, length))) <= limit)
    if fitting is not None:
        return _cut_texts(content, fitting)
    short = _cut_texts(content, SHORTEST_TEXT)
    entries = _largest(range(len(short)), lambda count: len(_dump(_first_entries(short, count))) <= limit)
    return _first_entries(short, entries or 0)


def _largest(candidates: range, fits: Any) -> int | None:
    """The largest candidate that fits, where every smaller one does too; None if none does."""
    low, high = candidates.start - 1, candidates.stop - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low if low >= candidates.start else None


def _cut_texts(content: Any, length: int) -> Any:
    if isinstance(content, Mapping):
        return {key: _cut_texts(value, length) for key, value in content.items()}
    if isinstance(content, list):
        return [_cut_texts(value, length) for value in content]
    return content[:length] + CUT_MARK if isinstance(content, str) and len(content) > length else content


def _first_entries(content: Any, count: int) -> Any:
    more = f"{len(content) - count} more"
    if isinstance(content, list):
        return [*content[:count], f"{MORE} {more}"]
    return {**{key: content[key] for key in list(content)[:count]}, MORE: more}
