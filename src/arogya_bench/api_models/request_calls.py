"""One request over all its attempts: found in the ledger, or sent until there is an answer or no hope of one."""

import asyncio
import time
from dataclasses import dataclass, replace

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from arogya_bench.api_models.attempts import Attempt, FinalAnswer, final_answer, read_attempts, was_cut
from arogya_bench.api_models.calls import ApiClient, ApiRequest, CallError, Outcome, ReadAnswer, ReadReply, Reply
from arogya_bench.api_models.cell_version import CellVersion
from arogya_bench.api_models.ledger_session import LedgerSession
from arogya_bench.api_models.outcomes import CallTimes, outcome_of, with_times, without_answer
from arogya_bench.api_models.sender import NextAttempt, Sender
from arogya_bench.api_models.service_text import clean_text
from arogya_bench.api_models.settlement import AttemptEnd, settle
from arogya_bench.api_models.slot_queue import SlotQueue, StopSignal
from arogya_bench.api_models.slots import Slot
from arogya_bench.api_models.windows import LONGEST_PAUSE_S, close_day, pause, wait_until
from arogya_bench.errors import ApiError
from arogya_bench.prices.tokens import TokenUsage
from arogya_bench.runtime.console import echo
from arogya_bench.runtime.redaction import redact

TEMPORARY = ("timeout", "connection", "server", "rate")  # kinds of errors after which another attempt may succeed
LONGEST_BACKOFF_S = 60.0
SAME_REQUEST_SLEEP_S = 0.05  # while another process sends the request
NAMED_DELAYS = 20  # so often, a request may come too early for a server that says when to come again


@dataclass(frozen=True, kw_only=True)
class CallContext:
    """What all requests of a queue share while it runs.

    Attributes:
        in_flight: Of as many requests as may be sent at once; not held while answers are written down and looked up.
        answered: Set when the service has answered a request of this cell, now or in an earlier run.
    """

    client: ApiClient
    read: ReadReply
    ledger: LedgerSession
    in_flight: asyncio.Semaphore
    answered: asyncio.Event
    slot_queue: SlotQueue
    stop: StopSignal
    sender: Sender
    version: CellVersion


class RequestCall:
    """One request until its outcome."""

    def __init__(self, request: ApiRequest, context: CallContext) -> None:
        self._request = request
        self._context = context
        self._attempts: tuple[Attempt, ...] = ()
        self._began = time.perf_counter()
        self._sent: list[float] = []  # when each attempt was sent
        self._ended = 0.0
        self._failures = 0
        self._delays = 0

    async def outcome(self) -> Outcome:
        """Answer the request.

        Raises:
            ApiError: If no request can be answered any more.
            BudgetExceeded: If the next attempt could pass the budget.
        """
        try:
            final: FinalAnswer | None = None
            while final is None:
                final = await self._retrying()(self._attempt)
        except CallError as error:
            self._recall()
            return self._outcome(without_answer(error))
        self._context.answered.set()
        if not self._sent and final.attempt.reply is not None:
            self._context.version.check(final.attempt.reply.model_version)
        return self._outcome(final.answer)

    def _retrying(self) -> AsyncRetrying:
        backoff = wait_random_exponential(multiplier=self._context.sender.settings.backoff_s, max=LONGEST_BACKOFF_S)

        def pause_s(state: RetryCallState) -> float:
            # All requests wait for the end of a pause before they take a slot; this one too.
            error = None if state.outcome is None else state.outcome.exception()
            return 0.0 if _pauses_all(error) else backoff(state)

        return AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, CallError)),
            wait=pause_s,
            stop=lambda _: self._failures >= self._context.sender.settings.attempts or self._delays >= NAMED_DELAYS,
            sleep=self._context.stop.sleep,
            reraise=True,
        )

    async def _attempt(self) -> FinalAnswer | None:
        """Send the request once, unless the ledger has its answer; None if it is to be sent (again)."""
        final = self._recall()
        if final is not None:
            return final
        attempt = NextAttempt(request=self._request, ended=len(self._attempts), doubled=was_cut(self._attempts))
        async with self._context.in_flight:
            slot = await self._context.slot_queue.take(attempt)
            reply = None if slot is None else await self._send(attempt)
        if slot is None or reply is None:
            await self._context.stop.sleep(SAME_REQUEST_SLEEP_S)
            return None
        self._end(slot, reply)
        return self._recall()

    def _recall(self) -> FinalAnswer | None:
        self._attempts = self._context.ledger.call(read_attempts, self._request.key)
        return final_answer(self._attempts, self._context.read, self._context.version.accepts)

    async def _send(self, attempt: NextAttempt) -> Reply | CallError:
        settings = self._context.sender.settings
        limit = settings.max_output_tokens * (2 if attempt.doubled else 1)
        self._sent.append(time.perf_counter())
        try:
            async with asyncio.timeout(settings.timeout_s):
                return sanitise_reply(
                    await self._context.client.send(
                        self._request, max_output_tokens=limit, timeout_s=settings.timeout_s
                    )
                )
        except TimeoutError:
            return CallError("timeout", f"No answer within {settings.timeout_s:g} s.", may_be_billed=True)
        except CallError as error:
            return error
        finally:
            self._ended = time.perf_counter()

    def _end(self, slot: Slot, reply: Reply | CallError) -> None:
        """Write down how an attempt ended; raise its error, if it has one."""
        now = time.time()
        if isinstance(reply, CallError) and reply.of_image and self._context.answered.is_set():
            reply = Reply(text=None, finish="rejected", usage=TokenUsage(), detail=redact(str(reply)))
        if isinstance(reply, CallError):
            self._fail(slot, reply, now)
            raise reply
        answer = self._context.read(reply)
        self._failures = 0
        self._context.answered.set()
        self._settle(slot, AttemptEnd(status=answer.status, ended_at=now, reply=reply, error=answer.problem))
        self._context.version.check(reply.model_version)

    def _fail(self, slot: Slot, error: CallError, now: float) -> None:
        end = AttemptEnd(status=error.kind, ended_at=now, may_be_billed=error.may_be_billed, error=str(error))
        self._settle(slot, end)
        if error.kind == "day":
            self._context.ledger.call(close_day, self._context.sender.account, now, error.retry_after_s)
        _raise_permanent(error, now)
        if error.kind == "rate" and error.retry_after_s is not None:
            self._delays += 1
        else:
            self._failures += 1
        if _pauses_all(error):
            backoff_s = min(self._context.sender.settings.backoff_s * 2**self._failures, LONGEST_BACKOFF_S)
            # A server may refuse a request and say to come again at once.
            shortest_s = self._context.sender.settings.backoff_s / 2
            delay_s = backoff_s if error.retry_after_s is None else max(error.retry_after_s, shortest_s)
            self._context.ledger.call(pause, self._context.sender.account, now + delay_s)
            self._context.slot_queue.announce_pause(delay_s)

    def _settle(self, slot: Slot, end: AttemptEnd) -> None:
        alert = self._context.ledger.call(settle, self._context.sender, slot.attempt, end)
        if alert is not None:
            echo(alert)

    def _outcome(self, answer: ReadAnswer) -> Outcome:
        outcome = outcome_of(self._attempts, answer, sender=self._context.sender, reused=not self._sent)
        if not self._sent:
            return outcome
        times = CallTimes(began=self._began, first_sent=self._sent[0], last_sent=self._sent[-1], last_ended=self._ended)
        return with_times(outcome, times)


def _pauses_all(error: BaseException | None) -> bool:
    """Whether the server asks for a pause of all requests, with or without a time."""
    return isinstance(error, CallError) and (error.retry_after_s is not None or error.kind == "rate")


def _raise_permanent(error: CallError, now: float) -> None:
    """Raise ApiError if no further attempt of any request can succeed now."""
    delay_s = error.retry_after_s
    problem = redact(str(error))
    if error.kind == "day" or (delay_s is not None and delay_s > LONGEST_PAUSE_S):
        raise wait_until(None if delay_s is None else now + delay_s, problem)
    if error.kind not in TEMPORARY:
        raise ApiError(problem, fix=redact(error.fix) or "change what the service rejects; the same command resumes.")


def sanitise_reply(reply: Reply) -> Reply:
    """The reply without keys that a service may quote, and without what is no text that a database takes."""
    version = None if reply.model_version is None else redact(clean_text(reply.model_version))
    text = None if reply.text is None else redact(clean_text(reply.text))
    return replace(reply, text=text, detail=redact(clean_text(reply.detail)), model_version=version)
