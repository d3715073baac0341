"""Requests of a whole cell in the batch mode of a provider: cheaper, and answered within hours."""

from collections.abc import Iterable

from arogya_bench.api_models.batch_calls import BatchCalls
from arogya_bench.api_models.call_progress import call_progress
from arogya_bench.api_models.calls import ApiRequest, BatchClient, ModelConnection, Outcome
from arogya_bench.api_models.cell_batches import CellBatches
from arogya_bench.api_models.cell_version import CellVersion
from arogya_bench.api_models.event_loop import run_in_loop
from arogya_bench.api_models.ledger import CallLedger
from arogya_bench.api_models.queue import ledger_for, opened
from arogya_bench.api_models.sender import Sender


def answer_batch(
    requests: Iterable[ApiRequest],
    connection: ModelConnection[BatchClient],
    sender: Sender,
    *,
    count: int,
    ledger: CallLedger,
    description: str,
) -> list[Outcome]:
    """Answer requests as ``answer_all`` does, in batches; the arguments are the same, with the prices of batches.

    A batch that an earlier process submitted is waited for and not sent again. The windows of single requests do not
    count batches, for which providers have limits of their own; the budget does. All requests that are not answered
    are in memory until their batch is finished.
    """

    async def answer() -> list[Outcome]:
        async with ledger_for(ledger, sender) as session, opened(connection.open_client) as client:
            calls = BatchCalls(client=client, read=connection.read, ledger=session, sender=sender)
            with call_progress(description, count) as count_case:
                return await CellBatches(calls, CellVersion(connection), count_case).answer(requests)

    return run_in_loop(answer)
