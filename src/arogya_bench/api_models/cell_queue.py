"""The requests of a cell, drawn ahead of time, answered at once and ended together."""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from arogya_bench.api_models.call_progress import CountCase
from arogya_bench.api_models.calls import ApiRequest, Outcome, Status
from arogya_bench.api_models.outcomes import in_order, spent_now
from arogya_bench.api_models.request_calls import CallContext, RequestCall
from arogya_bench.api_models.request_source import next_request
from arogya_bench.api_models.slot_queue import QueueStopped
from arogya_bench.errors import ApiError

# A service that answers none of so many requests in a row is down: its failures say nothing of the model.
FAILURES_IN_A_ROW = 10
# Requests in memory for each that may be in flight: while some are sent, others are drawn or written down.
REQUESTS_PER_SLOT = 2


class CellQueue:
    """Answers requests, each digest once, and keeps their order."""

    def __init__(self, context: CallContext, count_case: CountCase) -> None:
        self._context = context
        self._count_case = count_case
        self._room = asyncio.Semaphore(REQUESTS_PER_SLOT * context.sender.settings.limits.concurrency)
        self._keys: list[str] = []  # of all requests, in their order
        self._started: set[str] = set()
        self._outcomes: dict[str, Outcome] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []
        self._failures_in_a_row = 0

    async def answer(self, requests: Iterable[ApiRequest]) -> list[Outcome]:
        """Answer all requests, in their order.

        If one of them raises, those in flight are still answered and written down before the error goes on. A
        cancellation ends them too.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="arogya-requests") as thread:
            self._start(self._draw(iter(requests), thread))
            try:
                while self._tasks:
                    await asyncio.wait(self._tasks)
            finally:
                await self._cancel_rest()
        if self._errors:
            raise self._errors[0]
        return in_order(self._keys, self._outcomes)

    async def _draw(self, requests: Iterator[ApiRequest], thread: ThreadPoolExecutor) -> None:
        """Draw the requests in a thread, since their images are decoded then, and start on each."""
        loop = asyncio.get_running_loop()
        while True:
            await self._room.acquire()
            if self._errors:
                return
            request = await loop.run_in_executor(thread, next_request, requests)
            if request is None:
                return
            self._add(request)

    def _add(self, request: ApiRequest) -> None:
        self._keys.append(request.key)
        if request.key in self._started:
            self._count_case(Decimal(0))
            self._room.release()
            return
        self._started.add(request.key)
        self._start(self._answer_one(request))

    async def _answer_one(self, request: ApiRequest) -> None:
        try:
            outcome = await RequestCall(request, self._context).outcome()
        finally:
            self._room.release()
        self._outcomes[request.key] = outcome
        self._count_case(spent_now(outcome))
        failed = outcome.answer.status in (Status.FAILED, Status.TIMED_OUT)
        self._failures_in_a_row = self._failures_in_a_row + 1 if failed else 0
        if self._failures_in_a_row >= FAILURES_IN_A_ROW:
            raise ApiError(
                f"The API answered none of {FAILURES_IN_A_ROW} requests in a row; the last: {outcome.answer.problem}",
                fix="run the same command when the service is back: it resumes, and sends no answered request again.",
            )

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, QueueStopped):
            self._errors.append(error)
            self._context.stop.set()

    async def _cancel_rest(self) -> None:
        """End what is left when the queue was cancelled."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
