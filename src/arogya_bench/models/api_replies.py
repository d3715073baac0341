"""Numbers and words of a service, read strictly: what is odd counts as not reported, and does not end a cell."""

from arogya_bench.api_models.service_text import clean_text
from arogya_bench.prices.tokens import TokenUsage
from arogya_bench.runtime.redaction import redact

MAX_TOKENS = 100_000_000  # of one answer; no model takes as many
MAX_MESSAGE = 300  # characters of what a service says
MAX_VERSION = 200  # characters of the name of a model


def read_usage(*, input: object, cached: object, output: object, thinking: object) -> TokenUsage:  # noqa: A002
    """The tokens that an answer reports, named as in ``TokenUsage``.

    One number that cannot be right makes all of them unknown, and so does a missing input: a cost by the others alone
    would be too low, while an answer without tokens counts with what was reserved for it.
    """
    counts = {"input": input, "cached": cached, "output": output, "thinking": thinking}
    known = {name: value for name, value in counts.items() if isinstance(value, int) and _is_possible(value)}
    if any(value is not None and name not in known for name, value in counts.items()):
        return TokenUsage()
    if "input" not in known or known.get("cached", 0) > known["input"]:
        return TokenUsage()
    return TokenUsage(**known)


def read_version(version: object) -> str | None:
    """The model that an answer names; None if it names none."""
    if not isinstance(version, str) or not version.strip():
        return None
    return clean_text(redact(version.strip()))[:MAX_VERSION]


def service_message(text: object) -> str:
    """What a service says, without keys, and short enough for a message."""
    return clean_text(redact(str(text)))[:MAX_MESSAGE]


def _is_possible(count: int) -> bool:
    return not isinstance(count, bool) and 0 <= count <= MAX_TOKENS
