"""Requests of a whole cell, sent at once within the limits and the budget, each answered exactly once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from arogya_bench.api_models.budget import alert_refused
from arogya_bench.api_models.call_progress import call_progress
from arogya_bench.api_models.calls import ApiClient, ApiRequest, ModelConnection, Outcome
from arogya_bench.api_models.cell_queue import CellQueue
from arogya_bench.api_models.cell_version import CellVersion
from arogya_bench.api_models.event_loop import run_in_loop
from arogya_bench.api_models.ledger import CallLedger
from arogya_bench.api_models.ledger_session import LedgerSession, open_session
from arogya_bench.api_models.request_calls import CallContext
from arogya_bench.api_models.sender import Sender
from arogya_bench.api_models.settlement import close_lost, close_run
from arogya_bench.api_models.slot_queue import SlotQueue, StopSignal
from arogya_bench.errors import BudgetExceeded
from arogya_bench.runtime.console import echo


def answer_all(
    requests: Iterable[ApiRequest],
    connection: ModelConnection[ApiClient],
    sender: Sender,
    *,
    count: int,
    ledger: CallLedger,
    description: str,
) -> list[Outcome]:
    """Answer requests, from the ledger where it has their answers, and return the outcomes in their order.

    Args:
        requests: Read one by one when they are sent; at most twice as many as are sent at once are in memory.
        connection: How the model is reached.
        sender: On whose account, within which limits and budget, and at what price.
        count: Number of the requests.
        ledger: Where every request and every answer is written.
        description: For the progress bar.

    Raises:
        ApiError: If the API cannot be used any further. What was answered stays in the ledger, so that the same
            command resumes.
        BudgetExceeded: If the next request could pass the budget.
    """

    async def answer() -> list[Outcome]:
        async with ledger_for(ledger, sender) as session, opened(connection.open_client) as client:
            stop = StopSignal()
            context = CallContext(
                client=client,
                read=connection.read,
                ledger=session,
                in_flight=asyncio.Semaphore(sender.settings.limits.concurrency),
                answered=asyncio.Event(),
                slot_queue=SlotQueue(session, sender, stop),
                stop=stop,
                sender=sender,
                version=CellVersion(connection),
            )
            with call_progress(description, count) as count_case:
                return await CellQueue(context, count_case).answer(requests)

    return run_in_loop(answer)


@asynccontextmanager
async def ledger_for(ledger: CallLedger, sender: Sender) -> AsyncIterator[LedgerSession]:
    """Open the ledger for a run, and leave nothing of it in flight, however it ends."""
    async with open_session(ledger) as session:
        session.call(close_lost)
        try:
            yield session
        except BudgetExceeded:
            alert = session.call(alert_refused, sender.budget)
            if alert is not None:
                echo(alert)
            raise
        finally:
            session.call(close_run, sender.run)


class Closable(Protocol):
    """A client with connections."""

    async def close(self) -> None:
        """Close them."""


Client = TypeVar("Client", bound=Closable)


@asynccontextmanager
async def opened(open_client: Callable[[], Client]) -> AsyncIterator[Client]:
    """Open a client, and close it however the block ends."""
    client = open_client()
    try:
        yield client
    finally:
        await client.close()
