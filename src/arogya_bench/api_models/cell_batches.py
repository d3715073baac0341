"""The requests of a cell, sent in batches until each has an outcome."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from arogya_bench.api_models.attempts import Attempt, final_answer, read_attempts, was_cut
from arogya_bench.api_models.batch_calls import BatchCalls
from arogya_bench.api_models.batch_rows import open_batches, reserve_batch
from arogya_bench.api_models.call_progress import CountCase
from arogya_bench.api_models.calls import ApiRequest, CallError, Outcome, ReadAnswer
from arogya_bench.api_models.cell_version import CellVersion
from arogya_bench.api_models.outcomes import in_order, outcome_of, spent_now, without_answer
from arogya_bench.api_models.request_source import next_request
from arogya_bench.api_models.sender import NextAttempt
from arogya_bench.api_models.settlement import close_lost
from arogya_bench.errors import BudgetExceeded

BATCH_BYTES = 18_000_000  # providers take 20 MB, and put more around each request than is counted here
FAILED_BATCHES = 2  # in which a request may fail before it has no answer, since each may take a day
ELSEWHERE_POLL_S = 0.5  # while another process sends the requests, or has reserved the rest of the budget


class CellBatches:
    """Answers requests in batches, each digest once, and keeps their order."""

    def __init__(self, calls: BatchCalls, version: CellVersion, count_case: CountCase) -> None:
        self._calls = calls
        self._version = version
        self._count_case = count_case
        self._keys: list[str] = []  # of all requests, in their order
        self._pending: dict[str, ApiRequest] = {}
        self._attempts: dict[str, tuple[Attempt, ...]] = {}  # of pending requests
        self._earlier: dict[str, tuple[Attempt, ...]] = {}  # attempts of earlier processes
        self._outcomes: dict[str, Outcome] = {}

    async def answer(self, requests: Iterable[ApiRequest]) -> list[Outcome]:
        """Answer all requests, in their order."""
        with ThreadPoolExecutor(1, thread_name_prefix="arogya-requests") as thread:
            await self._draw(iter(requests), thread)
        while self._pending:
            batches = self._calls.ledger.call(open_batches, tuple(self._pending))
            names = [*dict.fromkeys(batches.values())]
            names += await self._submit([key for key in self._pending if key not in batches], others=len(names))
            await self._collect(names)
            if not names:
                await asyncio.sleep(ELSEWHERE_POLL_S)
                self._calls.ledger.call(close_lost)
            for key in tuple(self._pending):
                self._conclude(key)
        return in_order(self._keys, self._outcomes)

    async def _draw(self, requests: Iterator[ApiRequest], thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while (request := await loop.run_in_executor(thread, next_request, requests)) is not None:
            key = request.key
            self._keys.append(key)
            if key in self._outcomes or key in self._pending:
                self._count_case(Decimal(0))
                continue
            self._pending[key] = request
            self._conclude(key, reused=True)
            self._earlier[key] = self._attempts.get(key, ())

    async def _submit(self, keys: Sequence[str], *, others: int) -> list[str]:
        """Submit as many of these requests as the budget allows now; return the names of their batches.

        Raises:
            BudgetExceeded: If it allows none, and no batch is left that may turn out cheaper than was reserved.
        """
        names: list[str] = []
        for attempts in _chunks([self._next_attempt(key) for key in keys]):
            try:
                reserved = self._calls.ledger.call(reserve_batch, self._calls.sender, attempts)
            except BudgetExceeded:
                if names or others:
                    break
                raise
            if reserved.attempts:
                names.append(await self._calls.submit(reserved))
        return names

    async def _collect(self, names: Sequence[str]) -> None:
        """Wait for batches."""
        left = list(names)
        while left:
            left = [name for name in left if not await self._calls.collect(name)]
            if left:
                await asyncio.sleep(self._calls.sender.settings.batch_poll_s)

    def _conclude(self, key: str, *, reused: bool = False) -> None:
        """Find the outcome of a request in the ledger, if it has one by now."""
        attempts = self._calls.ledger.call(read_attempts, key)
        self._attempts[key] = attempts
        final = final_answer(attempts, self._calls.read, self._version.accepts)
        if final is not None:
            if final.attempt.reply is not None:
                self._version.check(final.attempt.reply.model_version)
            self._finish(key, final.answer, reused=reused)
        elif not reused:
            self._conclude_attempts(key, attempts[len(self._earlier[key]) :])

    def _conclude_attempts(self, key: str, attempts: Sequence[Attempt]) -> None:
        """Give up on a request whose attempts of this process failed; raise ApiError if the wrong model answered."""
        for attempt in attempts:
            if attempt.reply is not None:
                self._version.check(attempt.reply.model_version)
        if _failures(attempts) >= FAILED_BATCHES:
            last = attempts[-1]
            self._finish(key, without_answer(CallError(last.status, last.error)), reused=False)

    def _finish(self, key: str, answer: ReadAnswer, *, reused: bool) -> None:
        outcome = outcome_of(self._attempts.pop(key), answer, sender=self._calls.sender, reused=reused)
        del self._pending[key]
        self._outcomes[key] = outcome
        self._count_case(spent_now(outcome))

    def _next_attempt(self, key: str) -> NextAttempt:
        attempts = self._attempts[key]
        return NextAttempt(request=self._pending[key], ended=len(attempts), doubled=was_cut(attempts))


def _failures(attempts: Sequence[Attempt]) -> int:
    return sum(attempt.reply is None for attempt in attempts)


def _chunks(attempts: Sequence[NextAttempt]) -> Iterator[list[NextAttempt]]:
    """Divide attempts into batches: below the limit of bytes, and with one limit of tokens each."""
    chunk: list[NextAttempt] = []
    size = 0
    for attempt in sorted(attempts, key=lambda attempt: attempt.doubled):
        size += _size(attempt)
        if chunk and (size > BATCH_BYTES or chunk[0].doubled != attempt.doubled):
            yield chunk
            chunk, size = [], _size(attempt)
        chunk.append(attempt)
    if chunk:
        yield chunk


def _size(attempt: NextAttempt) -> int:
    """Bytes that a request takes in a batch: images grow by a third when they become text."""
    request = attempt.request
    images = [request.image.content, *(example.image.content for example in request.examples)]
    answers = sum(len(example.answer) for example in request.examples)
    text = len(request.prompt) + answers + len(json.dumps(request.schema)) + len(json.dumps(dict(request.parameters)))
    return sum(map(len, images)) * 4 // 3 + 4 * text
