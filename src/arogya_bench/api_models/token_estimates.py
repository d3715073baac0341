"""How many tokens a request takes: what is likely, and a bound that reservations can rely on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arogya_bench.errors import ConfigError
from arogya_bench.prices.tokens import TokenUsage

LETTERS_PER_TOKEN = 4  # of English prose
ENVELOPE_TOKENS = 100  # that a provider may add around the parts of a request
ANSWER_TOKENS = 60  # of the texts and the braces of an answer
LABEL_TOKENS = 15  # of the entry of one class whose name is short
SHORT_NAME = 12  # letters
LIMIT_STEP = 256  # of the limits that are advised


@dataclass(frozen=True, kw_only=True)
class TokenRange:
    """A number of tokens that is known roughly.

    Attributes:
        expected: What is likely.
        most: An upper bound.
    """

    expected: int
    most: int


def request_tokens(
    texts: Sequence[str], images: int, image: TokenRange, answer: TokenRange
) -> tuple[TokenUsage, TokenUsage]:
    """The tokens of one request, expected and at most.

    Args:
        texts: Everything that is sent as text; the schema is part of it, as providers count it.
        images: Number of images, with those of examples.
        image: Tokens of one image.
        answer: Tokens of the answer.
    """
    letters = sum(map(len, texts))
    content = sum(len(text.encode()) for text in texts)  # no token is shorter than a byte
    expected = letters // LETTERS_PER_TOKEN + images * image.expected
    most = content + images * image.most + ENVELOPE_TOKENS
    return TokenUsage(input=expected, output=answer.expected), TokenUsage(input=most, output=answer.most)


def answer_tokens(classes: Sequence[str], texts: int, max_output_tokens: int) -> TokenRange:
    """The tokens of an answer without thinking; thinking counts towards ``max_output_tokens``.

    Raises:
        ConfigError: If answers are likely to be longer: each would be cut, paid twice, and counted as wrong.
    """
    longer = sum(max(0, len(name) - SHORT_NAME) for name in classes)  # letters beyond those of short names
    likely = ANSWER_TOKENS * (texts + 1) + LABEL_TOKENS * len(classes) + -(-longer // LETTERS_PER_TOKEN)
    if likely > max_output_tokens:
        advised = -(-likely * 5 // 4 // LIMIT_STEP) * LIMIT_STEP  # a quarter more, rounded up
        raise ConfigError(
            f"An answer on {len(classes)} classes takes about {likely} tokens; model.max_output_tokens is "
            f"{max_output_tokens}.",
            fix=f"set model.max_output_tokens={advised}, or more for a model that thinks.",
        )
    return TokenRange(expected=likely, most=max_output_tokens)


def schema_text(schema: Mapping[str, object]) -> str:
    """A schema as providers count it."""
    return json.dumps(schema)


def repeated(usage: TokenUsage, times: int) -> TokenUsage:
    """The tokens of equal requests."""
    return TokenUsage(input=(usage.input or 0) * times, output=(usage.output or 0) * times)
