"""Queues of several processes that share one ledger, and processes that are killed."""

import collections
import time
from decimal import Decimal

import pytest
from api_calls import Client, answer, arrivals_in, finish, most_in_window, requests_of, start_process, wait_for

from arogya_bench.api_models.budget import read_spending
from arogya_bench.api_models.ledger import CallLedger
from arogya_bench.api_models.ledger_file import to_units

SHARED = "client = Client(latency_s={latency}, arrivals=Path('arrivals'))\n"


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "ledger.sqlite"


def numbers_in(folder):
    return collections.Counter(number for _, number in arrivals_in(folder / "arrivals"))


def test_two_processes_keep_one_limit(ledger, tmp_path):
    program = (
        SHARED.format(latency=0.02)
        + "first = int(sys.argv[2])\n"
        + "found = answer(client, [request_of(n) for n in range(first, first + 20)], sys.argv[1],"
        + " requests_per_minute=10, window_s=0.7, concurrency=8)\n"
        + "print(sum(outcome.answer.status == 'ok' for outcome in found))"
    )
    processes = [start_process(tmp_path, program, ledger, first) for first in (0, 100)]

    answered = [finish(process).strip() for process in processes]
    moments = [moment for moment, _ in arrivals_in(tmp_path / "arrivals")]

    assert answered == ["20", "20"]
    assert most_in_window(moments, 0.7) == 10  # never more, and no slot is lost
    assert 2.1 < max(moments) - min(moments) < 15.0


def test_two_processes_keep_one_budget(ledger, tmp_path):
    program = (
        SHARED.format(latency=0.02)
        + "first = int(sys.argv[2])\n"
        + "answer(client, [request_of(n) for n in range(first, first + 60)], sys.argv[1], usd=0.03, concurrency=16)"
    )
    processes = [start_process(tmp_path, program, ledger, first) for first in (0, 100)]
    errors = [process.communicate(timeout=60)[1] for process in processes]

    assert all("BudgetExceeded" in error for error in errors)
    with CallLedger(ledger).connect() as connection:
        spending = read_spending(connection, "scope")
    assert to_units(Decimal("0.028")) < spending.spent <= to_units(Decimal("0.03"))
    assert spending.in_flight == spending.possible == 0


def test_two_processes_with_the_same_requests_send_each_once(ledger, tmp_path):
    program = SHARED.format(latency=0.02) + "print(len(answer(client, requests_of(40), sys.argv[1])))"
    processes = [start_process(tmp_path, program, ledger) for _ in range(2)]

    assert [finish(process).strip() for process in processes] == ["40", "40"]
    assert set(numbers_in(tmp_path).values()) == {1}


def test_a_killed_process_sends_no_answered_request_again(ledger, tmp_path):
    program = SHARED.format(latency=0.03) + "answer(client, requests_of(60), sys.argv[1])"
    answered = set()
    for wanted in (10, 30):
        process = start_process(tmp_path, program, ledger)
        wait_for(lambda wanted=wanted: answers_in(ledger) >= wanted)
        process.kill()
        process.communicate()
        now = answered_keys(ledger)
        answered |= now
    before = len(arrivals_in(tmp_path / "arrivals"))
    client = Client()
    outcomes = answer(client, requests_of(60), ledger)

    again = {request.key for request in client.sent}
    assert len(outcomes) == 60
    assert all(outcome.answer.status == "ok" for outcome in outcomes)
    assert not again & answered
    assert before + len(client.sent) <= 60 + 2 * 4  # only what was in flight at the two kills is sent twice
    assert len(answered_keys(ledger)) == 60


def test_a_pause_that_one_process_is_told_holds_for_the_other(ledger, tmp_path):
    told = (
        SHARED.format(latency=0.0)
        + "client.behave = lambda request, n: CallError('rate', 'slow', retry_after_s=1.0) if n == 0 else good()\n"
        + "answer(client, [request_of(500)], sys.argv[1])"
    )
    other = SHARED.format(latency=0.02) + "answer(client, requests_of(120), sys.argv[1], concurrency=2)"
    processes = [start_process(tmp_path, other, ledger)]
    wait_for(lambda: len(arrivals_in(tmp_path / "arrivals")) > 5)
    processes.append(start_process(tmp_path, told, ledger))
    for process in processes:
        finish(process)

    arrivals = arrivals_in(tmp_path / "arrivals")
    told_at = next(moment for moment, number in arrivals if number == 500)
    paused = [moment for moment, number in arrivals if told_at + 0.4 < moment < told_at + 1.0]
    assert paused == []
    assert max(moment for moment, number in arrivals if number != 500) > told_at + 1.0


HANGING = "answer(Client(latency_s=60), requests_of(2), sys.argv[1], timeout_s=90)"


def test_a_process_that_sends_the_same_requests_may_die(ledger, tmp_path):
    hanging = start_process(tmp_path, HANGING, ledger)
    wait_for(lambda: ledger.exists() and in_flight(ledger) == 2)
    program = SHARED.format(latency=0.0) + "print('asks', flush=True); answer(client, requests_of(2), sys.argv[1])"
    waiting = start_process(tmp_path, program, ledger)
    waiting.stdout.readline()
    hanging.kill()
    hanging.communicate()
    finish(waiting)

    assert numbers_in(tmp_path) == {0: 1, 1: 1}
    assert in_flight(ledger) == 0


def test_a_process_that_has_reserved_the_rest_of_the_budget_may_die(ledger, tmp_path):
    """Its requests may have been billed, so that nothing is left."""
    answer(Client(), requests_of(1, prompt="before"), ledger)
    hanging = start_process(tmp_path, HANGING, ledger)
    wait_for(lambda: in_flight(ledger) == 2)
    program = "print('asks', flush=True); answer(Client(), [request_of(9)], sys.argv[1], usd=0.0035)"
    waiting = start_process(tmp_path, program, ledger)
    waiting.stdout.readline()
    time.sleep(0.3)
    waits = waiting.poll() is None
    hanging.kill()
    hanging.communicate()

    assert "BudgetExceeded" in waiting.communicate(timeout=30)[1]
    assert waits


def in_flight(ledger):
    with CallLedger(ledger).connect() as connection:
        return connection.execute("SELECT count(*) FROM attempts WHERE ended_at IS NULL").fetchone()[0]


def answers_in(ledger):
    return len(answered_keys(ledger)) if ledger.exists() else 0


def answered_keys(ledger):
    with CallLedger(ledger).connect() as connection:
        return {row["key"] for row in connection.execute("SELECT key FROM attempts WHERE status = 'ok'")}
