"""Tokens of requests before they are sent."""

import re

import pytest

from arogya_bench.api_models.token_estimates import TokenRange, answer_tokens, repeated, request_tokens
from arogya_bench.errors import ConfigError
from arogya_bench.prices.tokens import TokenUsage

IMAGE = TokenRange(expected=1000, most=2000)


def test_a_bound_holds_for_any_tokenizer():
    """A tokenizer makes at most one token of each byte."""
    text = "größer\n" * 100
    expected, most = request_tokens([text], 2, IMAGE, TokenRange(expected=50, most=500))

    assert most.input >= 4000 + len(text.encode())
    assert 2000 < expected.input < most.input
    assert (expected.output, most.output) == (50, 500)


def named(count, letters=6):
    return [f"{i:0{letters}}" for i in range(count)]


def test_an_answer_grows_with_classes_names_and_texts():
    few = answer_tokens(named(3), 2, 1024)

    assert few.most == 1024
    assert few.expected < answer_tokens(named(7), 2, 1024).expected
    assert few.expected < answer_tokens(named(3), 3, 1024).expected
    assert few.expected < answer_tokens(named(3, letters=40), 2, 1024).expected


@pytest.mark.parametrize("classes", [named(100), named(40, letters=80)], ids=["many", "long names"])
def test_answers_that_would_be_cut_are_refused_with_a_limit_that_suffices(classes):
    with pytest.raises(ConfigError, match=f"An answer on {len(classes)} classes takes about") as refused:
        answer_tokens(classes, 3, 1024)

    limit = int(re.search(r"model\.max_output_tokens=(\d+)", refused.value.fix)[1])
    assert answer_tokens(classes, 3, limit).expected < limit


def test_repeats_multiply():
    assert repeated(TokenUsage(input=10, output=2), 3) == TokenUsage(input=30, output=6)
