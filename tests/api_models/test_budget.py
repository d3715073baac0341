import asyncio
import os
import random
import time
from decimal import Decimal

import pytest
from api_calls import (
    MOST_USD,
    SERVER,
    USAGE,
    USD,
    Client,
    answer,
    good,
    number_of,
    request_of,
    requests_of,
    sender_of,
    start_process,
    wait_for,
)

from arogya_bench.api_models.budget import ApiBudget, read_spending
from arogya_bench.api_models.calls import CallError, Status
from arogya_bench.api_models.ledger import CallLedger
from arogya_bench.api_models.ledger_file import to_units, to_usd
from arogya_bench.api_models.sender import NextAttempt
from arogya_bench.api_models.settlement import AttemptEnd, close_lost, settle
from arogya_bench.api_models.slots import Slot, Wait, take_slot
from arogya_bench.errors import BudgetExceeded, ConfigError
from arogya_bench.prices.tokens import TokenUsage


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "ledger.sqlite"


def spending_in(ledger, scope="scope"):
    with CallLedger(ledger).connect() as connection:
        return read_spending(connection, scope)


def take(connection, number, **named):
    attempt = NextAttempt(request=request_of(number), ended=0, doubled=False)
    return take_slot(connection, sender_of(**named), attempt, time.time)


def test_amounts_are_exact():
    assert to_usd(to_units(Decimal("0.1"))) == Decimal("0.1")
    assert to_units(Decimal("1e-13")) == 1  # never less than it was
    assert ApiBudget(scope="s", usd=0.1).units == 10**11


@pytest.mark.parametrize("usd", [-1.0, float("nan")])
def test_a_budget_is_no_negative_number(usd):
    with pytest.raises(ConfigError, match=r"budget\.usd"):
        ApiBudget(scope="s", usd=usd)


def test_the_most_that_a_request_can_cost_is_reserved_before_it_is_sent(ledger):
    seen = []
    client = Client(lambda request, n: seen.append(spending_in(ledger)) or good())

    answer(client, [request_of()], ledger, usd=1.0)

    assert seen[0].in_flight == to_units(MOST_USD)
    assert spending_in(ledger).in_flight == 0
    assert spending_in(ledger).spent == to_units(USD)


def test_a_request_that_could_pass_the_budget_is_not_sent(ledger):
    client = Client()

    with pytest.raises(BudgetExceeded, match=r"may cost 0.00136 USD[\s\S]*0.001 USD[\s\S]*budget.usd"):
        answer(client, requests_of(3), ledger, usd=0.001)

    assert client.sent == []


def test_what_was_answered_stays_and_a_larger_budget_resumes(ledger):
    first = Client()
    with pytest.raises(BudgetExceeded):
        answer(first, requests_of(9), ledger, usd=0.003, concurrency=1)
    second = Client()
    answer(second, requests_of(9), ledger, usd=1.0)

    assert first.numbers == [0, 1, 2]  # three at 0.00055, and the fourth could pass 0.003
    assert sorted(second.numbers) == list(range(3, 9))


def test_a_request_waits_while_others_may_turn_out_cheaper(ledger):
    client = Client(latency_s=0.05)

    answer(Client(), [request_of(9)], ledger)
    answer(client, requests_of(6), ledger, usd=0.00505, concurrency=6)

    assert client.most_in_flight == 3  # 0.00055 are spent, and 3 · 0.00136 fit besides
    assert len(client.sent) == 6  # 6 · 0.00055 were spent


def test_the_first_request_of_a_budget_is_answered_alone(ledger):
    """What a provider counts an image as is an estimate before."""
    client = Client(lambda request, n: seen.append(client.in_flight) or good(), latency_s=0.02)
    seen = []

    answer(client, requests_of(5), ledger, usd=1.0, concurrency=4)

    assert (seen[0], client.most_in_flight) == (1, 4)


def test_an_answer_that_costs_more_than_was_reserved_raises_the_reservations(ledger):
    usage = TokenUsage(input=12_000, output=400)
    client = Client(lambda request, n: good(usage=usage))

    with pytest.raises(BudgetExceeded):
        answer(client, requests_of(9), ledger, usd=0.02)

    cost = sender_of().usd(usage)  # 0.0046, and 0.00136 were expected at most
    assert to_usd(spending_in(ledger).spent) == 4 * cost
    assert len(client.sent) == 4


def test_sixty_four_in_flight_at_the_limit_never_pass_it(ledger):
    """The provider bills all that may have been billed: answers, errors and timeouts."""
    rng = random.Random(4)
    billed, most, budget = [], [0], 0.1

    async def behave(request):
        await asyncio.sleep(0.1 + rng.random() * 0.1)
        usage = TokenUsage(input=1200, output=rng.choice((50, 200, 400)))
        billed.append(sender_of().usd(usage))
        most[0] = max(most[0], sum(billed))
        return SERVER if rng.random() < 0.2 else good(usage=usage)

    client = Client(lambda request, n: behave(request))
    with pytest.raises(BudgetExceeded):
        answer(client, requests_of(400), ledger, usd=budget, concurrency=64)
    spending = spending_in(ledger)

    assert client.most_in_flight > 32
    assert Decimal(str(budget)) * Decimal("0.9") < to_usd(spending.spent + spending.possible) <= Decimal(str(budget))
    assert most[0] <= Decimal(str(budget))


@pytest.mark.parametrize(("billable", "possible"), [(True, MOST_USD), (False, Decimal(0))])
def test_failed_attempts_count_as_possibly_billed(billable, possible, ledger):
    client = Client(lambda request, n: CallError("server", "500", may_be_billed=billable) if n == 0 else good())

    outcome = answer(client, [request_of()], ledger, usd=1.0)[0]

    assert (outcome.answer.status, outcome.usd, outcome.possible_usd) == (Status.OK, USD, possible)
    assert spending_in(ledger).possible == to_units(possible)


def test_each_scope_has_a_budget_of_its_own(ledger):
    with CallLedger(ledger).connect() as connection:
        take(connection, 0, usd=0.002)

        assert isinstance(take(connection, 1, usd=0.002), Wait)
        assert isinstance(take(connection, 1, usd=0.002, scope="other"), Slot)


def test_alerts_come_once_each(ledger, capfd):
    answer(Client(), requests_of(20), ledger, usd=0.02, concurrency=1)
    half = capfd.readouterr().err
    with pytest.raises(BudgetExceeded):
        answer(Client(), requests_of(40), ledger, usd=0.02, concurrency=1)
    rest = capfd.readouterr().err
    with pytest.raises(BudgetExceeded):
        answer(Client(), requests_of(40), ledger, usd=0.02)

    assert half == "API budget: 50 % used (0.0104 USD of 0.02 USD).\n"
    assert [line[:18] for line in rest.splitlines()] == ["API budget: 80 % u", "API budget: used u"]
    assert capfd.readouterr().err == ""


def test_a_reservation_of_a_killed_process_becomes_possible_cost(ledger, tmp_path):
    answer(Client(), [request_of(99)], ledger)
    program = "answer(Client(latency_s=60), requests_of(2), sys.argv[1], usd=1.0, timeout_s=90)"
    process = start_process(tmp_path, program, ledger)
    wait_for(lambda: ledger.exists() and spending_in(ledger).in_flight == 2 * to_units(MOST_USD))
    process.kill()
    process.communicate()

    answer(Client(), requests_of(2), ledger, usd=1.0)
    spending = spending_in(ledger)

    assert spending.in_flight == 0
    assert spending.possible == 2 * to_units(MOST_USD)
    assert spending.spent == 3 * to_units(USD)


def test_a_process_that_runs_keeps_its_reservation(ledger):
    with CallLedger(ledger).connect() as connection:
        take(connection, 0)
        close_lost(connection)

    assert spending_in(ledger).in_flight == to_units(MOST_USD)


def test_an_attempt_that_was_taken_for_lost_may_still_be_answered(ledger):
    with CallLedger(ledger).connect() as connection:
        slot = take(connection, 0)
        connection.execute("UPDATE attempts SET expires_at = 0")  # as after a night with the lid closed
        close_lost(connection)
        lost = read_spending(connection, "scope")
        settle(connection, sender_of(), slot.attempt, AttemptEnd(status="ok", ended_at=time.time(), reply=good()))
        answered = read_spending(connection, "scope")

    assert (lost.spent, lost.possible) == (0, to_units(MOST_USD))
    assert (answered.spent, answered.possible) == (to_units(USD), 0)


def test_an_interrupt_leaves_neither_requests_nor_reservations(ledger, tmp_path):
    answer(Client(), [request_of(99)], ledger)
    program = "answer(Client(latency_s=60), requests_of(9), sys.argv[1], usd=1.0, timeout_s=90)"
    process = start_process(tmp_path, program, ledger)
    wait_for(lambda: ledger.exists() and spending_in(ledger).in_flight == 4 * to_units(MOST_USD))
    os.kill(process.pid, 2)
    error = process.communicate(timeout=30)[1]

    assert "KeyboardInterrupt" in error
    assert "never retrieved" not in error
    assert "Task was destroyed" not in error
    assert spending_in(ledger).in_flight == 0
    assert spending_in(ledger).possible == 4 * to_units(MOST_USD)


def test_an_interrupt_in_a_notebook_leaves_nothing_either(ledger, tmp_path):
    answer(Client(), [request_of(99)], ledger)
    program = (
        "async def cell(): answer(Client(latency_s=60), requests_of(9), sys.argv[1], usd=1.0, timeout_s=90)\n"
        "loop = asyncio.new_event_loop()\n"  # like a kernel, it leaves interrupts to the code that runs
        "loop.run_until_complete(cell())"
    )
    process = start_process(tmp_path, program, ledger)
    wait_for(lambda: ledger.exists() and spending_in(ledger).in_flight == 4 * to_units(MOST_USD))
    os.kill(process.pid, 2)
    error = process.communicate(timeout=30)[1]

    assert "KeyboardInterrupt" in error
    assert spending_in(ledger).in_flight == 0


def test_the_cost_of_all_attempts_is_that_of_their_tokens(ledger):
    client = Client(lambda request, n: good("malformed: a comma") if number_of(request) % 3 == n else good())

    outcomes = answer(client, requests_of(30), ledger)

    assert sum(outcome.usd for outcome in outcomes) == len(client.sent) * sender_of().usd(USAGE)
    assert to_usd(spending_in(ledger).spent) == len(client.sent) * USD
