"""Answers are read strictly."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arogya_bench.api_models.answers import read_reply
from arogya_bench.api_models.calls import Reply, Status
from arogya_bench.prices.tokens import TokenUsage

CLASSES = ("a", "b")


def read(text, finish="stop", detail=""):
    return read_reply(Reply(text=text, finish=finish, usage=TokenUsage(), detail=detail), CLASSES, ("findings",))


def answer(*pairs, **texts):
    return json.dumps({**texts, "probabilities": [{"label": label, "p": p} for label, p in pairs]})


def test_probabilities_are_in_the_order_of_the_classes_and_sum_to_1():
    read_answer = read(answer(("b", 0.9), ("a", 0.3), findings="spots", other="dropped"))

    assert read_answer.status == Status.OK
    assert read_answer.probabilities == pytest.approx((0.25, 0.75))
    assert read_answer.probability_sum == pytest.approx(1.2)
    assert read_answer.texts == {"findings": "spots"}


@pytest.mark.parametrize(
    "fence", ["```json\n{}\n```", "```\n{}\n```", "```JSON\n{}```", "Here it is:\n```json\n{}\n```"]
)
def test_one_fence_is_taken_off(fence):
    assert read(fence.replace("{}", answer(("a", 0.5), ("b", 0.5)))).status == Status.OK


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (answer(("a", 0.5), ("b", 0.5))[:-1], "no valid JSON"),
        ('{"findings": "a dark', "no valid JSON"),
        (answer(("a", 0.5)), "no probability of b"),
        (answer(("a", 0.5), ("a", 0.5)), "appears twice"),
        (answer(("a", 0.5), ("b", 0.5), ("c", 0.0)), "'c' is not a class"),
        (answer(("a", 1.0), ("b", 0.7)), "sum to 1.7"),
        (answer(("a", 0.2), ("b", 0.2)), "sum to 0.4"),
        (answer(("a", -0.1), ("b", 1.0)), "the probability of 'a' is '-0.1'"),
        (answer(("a", float("nan")), ("b", 1.0)), "the number NaN"),
        (answer(("a", float("inf")), ("b", 1.0)), "the number Infinity"),
        (answer(("a", "0.5"), ("b", 0.5)), "the probability of 'a'"),
        (answer(("a", True), ("b", 0.0)), "the probability of 'a'"),
        (answer(("a", None), ("b", 1.0)), "the probability of 'a'"),
        (answer((["a"], 1.0), ("b", 0.0)), "is not a class"),
        ('{"probabilities": {"a": 0.5, "b": 0.5}}', "no probability of a, b"),
        ('{"probabilities": [0.5, 0.5]}', "None is not a class"),
        ("[1, 2]", "a JSON list instead of an object"),
        ("{}", "no probability of a, b"),
        ("[" * 100_000 + "1", "no valid JSON"),
        ("```json\n{}\n```\n```json\n{}\n```", "no valid JSON"),
        ("", "the answer is empty"),
        (None, "the answer is empty"),
    ],
)
def test_what_is_no_probability_for_each_class_is_malformed(text, problem):
    read_answer = read(text)

    assert read_answer.status == Status.MALFORMED
    assert problem in read_answer.problem
    assert len(read_answer.problem) < 300
    assert read_answer.probabilities is None


@pytest.mark.parametrize("text", ["I cannot help with medical images.", "No {sorry} [see our terms].", "0.5"])
def test_prose_is_a_refusal(text):
    assert read(text).status == Status.REFUSED


def test_what_the_service_says_of_the_end_counts_first():
    good = answer(("a", 0.5), ("b", 0.5))

    assert read(good, "length").status == Status.TRUNCATED
    assert read(good, "blocked", "SAFETY") == read(None, "blocked", "SAFETY")
    assert read(None, "blocked", "SAFETY").problem == "SAFETY"


def test_half_a_surrogate_pair_in_a_text_is_no_text_for_files():
    text = answer(("a", 0.5), ("b", 0.5), findings="a spot \ud83d here")

    assert r"\ud83d" in text  # as a model writes it: the text of the answer itself is clean
    assert read(text).texts == {"findings": "a spot ? here"}


@pytest.mark.parametrize("finish", ["stop", "blocked", "rejected"])
def test_the_words_of_a_service_can_be_written(finish):
    assert read(None, finish, "odd \udc00").problem == "odd ?"


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_any_text_has_a_status(text):
    read_answer = read(text)

    assert (read_answer.status == Status.OK) == (read_answer.probabilities is not None)
    assert read_answer.problem.encode() or not read_answer.problem
