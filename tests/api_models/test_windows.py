"""Windows on a real ledger, with a clock of the test."""

import random
from types import SimpleNamespace

import pytest
from api_calls import good, most_in_window, request_of, sender_of

from arogya_bench.api_models import windows
from arogya_bench.api_models.ledger_file import open_database
from arogya_bench.api_models.sender import NextAttempt
from arogya_bench.api_models.settlement import AttemptEnd, settle
from arogya_bench.api_models.slots import Slot, Wait, release_slot, take_slot
from arogya_bench.errors import ApiError, UserError
from arogya_bench.prices.tokens import TokenUsage

START = 1_800_000_000.0


@pytest.fixture
def sender(tmp_path):
    """Takes and ends slots of new requests at times of a clock that starts at 0."""
    connection = open_database(tmp_path / "ledger.sqlite")
    numbers = iter(range(10_000))

    def take(at, **named):
        sender = named.pop("sender", None) or sender_of(**named)
        attempt = NextAttempt(request=request_of(next(numbers)), ended=0, doubled=False)
        answer = take_slot(connection, sender, attempt, lambda: START + at)
        return answer.until - START if isinstance(answer, Wait) else answer

    def end(slot, at, reply=None, error=None):
        reply = None if error else reply or good()
        ended = AttemptEnd(status=error or "ok", ended_at=START + at, reply=reply)
        settle(connection, sender_of(), slot.attempt, ended)

    yield SimpleNamespace(connection=connection, take=take, end=end)
    connection.close()


def test_a_slot_is_free_a_window_after_the_answer(sender):
    first = sender.take(0, requests_per_minute=1)
    sender.end(first, 0.5)

    assert sender.take(1, requests_per_minute=1) == pytest.approx(60.5)
    assert sender.take(60.4, requests_per_minute=1) == pytest.approx(60.5)
    assert isinstance(sender.take(60.6, requests_per_minute=1), Slot)


def test_a_slow_answer_holds_its_slot_from_two_seconds_after_sending(sender):
    first = sender.take(0, requests_per_minute=1)

    assert sender.take(61, requests_per_minute=1) == pytest.approx(62)

    sender.end(first, 61.5)

    assert sender.take(61.6, requests_per_minute=1) == pytest.approx(62)
    assert isinstance(sender.take(62.1, requests_per_minute=1), Slot)


@pytest.mark.parametrize(("error", "free_at"), [("server", 60.5), ("rate", 60.5), ("timeout", 62), ("connection", 62)])
def test_an_attempt_that_the_server_did_not_answer_may_arrive_after_its_end(error, free_at, sender):
    sender.end(sender.take(0, requests_per_minute=1), 0.5, error=error)

    assert sender.take(1, requests_per_minute=1) == pytest.approx(free_at)


def test_slots_are_given_until_the_limit_and_not_beyond(sender):
    slots = [sender.take(at, requests_per_minute=3) for at in (0, 1, 2)]

    assert all(isinstance(slot, Slot) for slot in slots)
    assert sender.take(3, requests_per_minute=3) == pytest.approx(62)


def test_a_turn_that_is_given_back_leaves_its_slot(sender):
    release_slot(sender.connection, sender.take(0, requests_per_minute=1))

    assert isinstance(sender.take(0.1, requests_per_minute=1), Slot)


def test_accounts_have_windows_of_their_own(sender):
    sender.take(0, requests_per_minute=1)

    assert isinstance(sender.take(0, requests_per_minute=1, account="other"), Slot)


def test_windows_have_the_length_that_is_set(sender):
    first = sender.take(0, requests_per_minute=1, window_s=2.0)
    sender.end(first, 0.1)

    assert sender.take(1, requests_per_minute=1, window_s=2.0) == pytest.approx(2.1)


def test_tokens_count_as_expected_and_then_as_reported(sender):
    first = sender.take(0, tokens_per_minute=2_500)  # 1,100 expected
    second = sender.take(1, tokens_per_minute=2_500)

    assert sender.take(2, tokens_per_minute=2_500) == pytest.approx(62)

    sender.end(first, 2.5, good(usage=TokenUsage(input=100, output=50, thinking=50)))

    assert isinstance(second, Slot)
    assert isinstance(sender.take(3, tokens_per_minute=2_500), Slot)


def test_tokens_wait_until_enough_of_them_left_the_window(sender):
    for at in (0, 10, 20):
        sender.end(sender.take(at, tokens_per_minute=3_500), at + 1)

    assert sender.take(30, tokens_per_minute=3_500) == pytest.approx(61)


def test_a_request_above_the_limit_of_tokens_is_refused(sender):
    with pytest.raises(UserError, match="1,100 tokens, and the limit is 1,000"):
        sender.take(0, tokens_per_minute=1_000)


def test_the_requests_of_a_day_end_the_work_and_say_when_it_resumes(sender):
    for at in (0, 3600):
        sender.end(sender.take(at, requests_per_day=2), at + 1)

    with pytest.raises(ApiError, match=r"2 requests were sent [\s\S]*same command after 2027"):
        sender.take(7200, requests_per_day=2)

    assert isinstance(sender.take(24 * 3600 + 2, requests_per_day=2), Slot)


def test_a_pause_holds_for_all_and_the_longest_one_counts(sender):
    windows.pause(sender.connection, "account", START + 30)
    windows.pause(sender.connection, "account", START + 10)

    assert sender.take(1) == pytest.approx(30)
    assert isinstance(sender.take(1, account="other"), Slot)
    assert isinstance(sender.take(30.1), Slot)


@pytest.mark.parametrize("limits", [{"requests_per_minute": 1}, {"tokens_per_minute": 1_200}, {"requests_per_day": 1}])
def test_a_clock_that_was_set_back_does_not_make_waits_endless(limits, sender):
    sender.take(3600, **limits)

    assert isinstance(sender.take(0, **limits), Slot)


def test_a_clock_that_was_set_back_does_not_make_pauses_endless(sender):
    windows.pause(sender.connection, "account", START + 24 * 3600)

    assert isinstance(sender.take(0), Slot)


@pytest.mark.fuzz
@pytest.mark.parametrize("limit", [1, 3, 8])
def test_no_window_of_the_server_holds_more_than_the_limit(limit, sender, fuzz_seed):
    """Requests arrive at any time between sending and answer, at most two seconds after sending."""
    rng = random.Random(fuzz_seed)
    arrivals, ends, now = [], [], 0.0
    limited = sender_of(requests_per_minute=limit, window_s=5.0)

    while len(arrivals) < 60:
        answer = sender.take(now, sender=limited)
        if isinstance(answer, Slot):
            latency = rng.choice((0.05, 0.5, 4.0)) * rng.random()
            arrivals.append(now + rng.random() * min(latency, windows.ARRIVAL_S))
            ends.append((now + latency, answer))
            now += rng.random() * 0.2
        else:
            assert answer > now - 1e-6
            now = min(answer + 1e-6, now + 0.3)
        for end, slot in [pair for pair in ends if pair[0] <= now]:
            sender.end(slot, end)
            ends.remove((end, slot))

    assert most_in_window(arrivals, 5.0) <= limit
