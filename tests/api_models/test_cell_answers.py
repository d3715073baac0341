"""Repeats of a case become one row."""

from decimal import Decimal

import numpy as np
import pytest

from arogya_bench.api_models.calls import Outcome, ReadAnswer, Status
from arogya_bench.api_models.cell_answers import (
    agreement,
    answer_columns,
    case_probabilities,
    case_status,
    case_texts,
    probability_table,
)
from arogya_bench.prices.tokens import TokenUsage
from arogya_bench.types import ANSWER_COLUMNS


def outcome(p=None, status=Status.BLOCKED, **fields):
    """An answer with the probability ``p`` of the second of two classes, or a failure."""
    if p is None:
        answer = ReadAnswer(status=status, problem="a test")
    else:
        answer = ReadAnswer(status=Status.OK, probabilities=(1 - p, p), probability_sum=1.1, texts={"findings": f"{p}"})
    usage = TokenUsage(input=100, output=10)
    given = {"attempts": 1, "usage": usage, "usd": Decimal("0.001"), "possible_usd": Decimal(0), "asked_at": 0.0}
    return Outcome(key="k", answer=answer, **{**given, **fields})


@pytest.mark.parametrize(
    ("repeats", "status"),
    [
        ([0.2], Status.OK),
        ([None], Status.BLOCKED),
        ([0.2, None], Status.BLOCKED),
        ([0.2, 0.4, None], Status.OK),
        ([0.2, None, None], Status.BLOCKED),
    ],
)
def test_a_case_is_answered_if_more_than_half_of_its_repeats_are(repeats, status):
    outcomes = [outcome(p) for p in repeats]

    assert case_status(outcomes) == status
    assert np.isnan(case_probabilities(outcomes, 2)).all() == (status != Status.OK)


def test_the_most_frequent_failure_names_the_case():
    statuses = (Status.REFUSED, Status.BLOCKED, Status.BLOCKED)

    assert case_status([outcome(status=status) for status in statuses]) == Status.BLOCKED
    assert case_status([outcome(status=status) for status in statuses[:2]]) == Status.REFUSED


def test_probabilities_are_the_mean_of_the_answered_repeats():
    cases = [[outcome(0.2), outcome(0.4), outcome(None)], [outcome(None)] * 3]

    table = probability_table(cases, 2)

    assert table[0] == pytest.approx([0.7, 0.3])
    assert np.isnan(table[1]).all()
    assert probability_table([], 3).shape == (0, 3)


def test_agreement_is_the_share_of_equal_pairs():
    assert agreement([outcome(0.2), outcome(0.4), outcome(0.9)]) == pytest.approx(1 / 3)
    assert agreement([outcome(0.2), outcome(0.4)]) == 1.0
    assert agreement([outcome(0.2), outcome(None)]) is None
    assert agreement([outcome(0.2)]) is None


def test_columns_sum_what_all_attempts_took():
    first = outcome(0.2, attempts=3, latency_ms=90.0, wait_ms=1.0, retry_ms=500.0, model_version="m-2")
    second = outcome(0.4, usage=TokenUsage(input=100, cached=40, thinking=7), reused=True, model_version="m-1")

    columns = answer_columns([[first, second]])

    assert tuple(columns) == ANSWER_COLUMNS
    row = {name.removeprefix("answer_"): column[0] for name, column in columns.items()}
    assert row == {
        "status": "ok",
        "attempts": 4,
        "input_tokens": 200,
        "cached_tokens": 40,
        "output_tokens": 10,
        "thinking_tokens": 7,
        "usd": 0.002,
        "latency_ms": 90.0,
        "wait_ms": 1.0,
        "retry_ms": 500.0,
        "reused": False,
        "model_version": "m-1, m-2",
        "probability_sum": pytest.approx(1.1),
        "agreement": 1.0,
    }


def test_a_reused_failure_has_no_times_and_an_unknown_price_no_cost():
    columns = answer_columns([[outcome(None, reused=True, usd=None)]])

    for name in ("usd", "latency_ms", "wait_ms", "retry_ms", "model_version", "probability_sum", "agreement"):
        assert columns[f"answer_{name}"] == (None,)
    assert columns["answer_reused"] == (True,)


def test_texts_are_those_of_the_first_answer():
    assert case_texts([outcome(None), outcome(0.4), outcome(0.2)]) == {"findings": "0.4"}
    assert case_texts([outcome(None)]) == {}
