import asyncio
import time

import pytest
from api_calls import request_of, sender_of

from arogya_bench.api_models.ledger import CallLedger
from arogya_bench.api_models.ledger_session import open_session
from arogya_bench.api_models.sender import NextAttempt
from arogya_bench.api_models.slot_queue import QueueStopped, SlotQueue, StopSignal


def attempt_of(number):
    return NextAttempt(request=request_of(number), ended=0, doubled=False)


@pytest.fixture
def ledger(tmp_path):
    return CallLedger(tmp_path / "ledger.sqlite")


def sent_times(ledger):
    with ledger.connect() as connection:
        return [row["sent_at"] for row in connection.execute("SELECT sent_at FROM attempts")]


def test_a_turn_that_has_become_old_is_taken_anew(ledger):
    """As if the machine had been suspended between the slot and the request: the window has moved on."""
    times = iter([100.0, 170.0, 170.1, 170.2])

    async def main():
        async with open_session(ledger) as session:
            line = SlotQueue(session, sender_of(requests_per_minute=1), StopSignal(), lambda: next(times))
            return await line.take(attempt_of(0))

    assert asyncio.run(main()).sent_at == 170.1
    assert sent_times(ledger) == [170.1]


def test_requests_take_their_turns_in_the_order_in_which_they_ask(ledger):
    async def main():
        order = []
        async with open_session(ledger) as session:
            line = SlotQueue(session, sender_of(requests_per_minute=1, window_s=0.01), StopSignal())

            async def take(number):
                await line.take(attempt_of(number))
                order.append(number)
                with ledger.connect() as connection:  # as if it had arrived at once
                    connection.execute("UPDATE attempts SET arrived_by = sent_at")

            await asyncio.gather(*map(take, range(5)))
        return order

    assert asyncio.run(main()) == list(range(5))


def test_who_waits_for_a_turn_is_stopped_at_once(ledger):
    async def main():
        async with open_session(ledger) as session:
            stop = StopSignal()
            line = SlotQueue(session, sender_of(requests_per_minute=1), stop)
            await line.take(attempt_of(0))
            waiting = [asyncio.create_task(line.take(attempt_of(number))) for number in (1, 2)]
            await asyncio.sleep(0.05)
            stop.set()
            return await asyncio.gather(*waiting, return_exceptions=True)

    began = time.monotonic()

    assert [type(error) for error in asyncio.run(main())] == [QueueStopped, QueueStopped]
    assert time.monotonic() - began < 5
    assert len(sent_times(ledger)) == 1
