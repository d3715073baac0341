"""A batch as it is submitted and collected, with every step in the ledger."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from arogya_bench.api_models.batch_rows import BatchRow, ReservedBatch, batch_rows, name_batch
from arogya_bench.api_models.calls import BatchClient, CallError, ReadReply, Reply
from arogya_bench.api_models.ledger_session import LedgerSession
from arogya_bench.api_models.request_calls import LONGEST_BACKOFF_S, TEMPORARY, sanitise_reply
from arogya_bench.api_models.sender import Sender
from arogya_bench.api_models.settlement import AttemptEnd, settle
from arogya_bench.api_models.windows import LONGEST_PAUSE_S
from arogya_bench.errors import ApiError
from arogya_bench.runtime.console import echo
from arogya_bench.runtime.redaction import redact

MISSING = CallError("server", "The batch has no answer to the request.")


@dataclass(frozen=True, kw_only=True)
class BatchCalls:
    """The calls of the batch mode."""

    client: BatchClient
    read: ReadReply
    ledger: LedgerSession
    sender: Sender

    async def submit(self, reserved: ReservedBatch) -> str:
        """Submit a batch, write down its name at once, and return it.

        A process that is killed between the two leaves a batch that nobody finds: what was reserved for it then counts
        as possibly billed.

        Raises:
            ApiError: If the batch was not accepted.
        """
        requests = [attempt.request for attempt in reserved.attempts]
        limit = self.sender.settings.max_output_tokens * (2 if reserved.attempts[0].doubled else 1)
        # A batch that may have arrived is not sent again.
        retrying = self._retrying(lambda error: not error.may_be_billed)
        try:
            name: str = await retrying(self.client.submit, requests, max_output_tokens=limit)
        except CallError as error:
            self._fail(self.ledger.call(batch_rows, batch=reserved.batch), error)
            raise _batch_error(error, "was not accepted") from error
        self.ledger.call(name_batch, reserved.batch, name)
        return name

    async def collect(self, name: str) -> bool:
        """Write down the answers of a batch; False if it is not finished.

        Raises:
            ApiError: If the provider does not say how the batch goes.
        """
        retrying = self._retrying(lambda _: True)
        try:
            replies: Mapping[str, Reply | CallError] | None = await retrying(self.client.collect, name)
        except CallError as error:
            if error.kind not in TEMPORARY:  # it will never be collected
                billed = CallError(error.kind, str(error), may_be_billed=True)
                self._fail(self.ledger.call(batch_rows, name=name), billed)
            raise _batch_error(error, f"{name} cannot be collected") from error
        if replies is None:
            return False
        for row in self.ledger.call(batch_rows, name=name):
            reply = replies.get(row.key, MISSING)
            if isinstance(reply, CallError):
                self._fail([row], reply)
            else:
                self._write(row, sanitise_reply(reply))
        return True

    def _write(self, row: BatchRow, reply: Reply) -> None:
        answer = self.read(reply)
        end = AttemptEnd(status=answer.status, ended_at=time.time(), reply=reply, error=answer.problem)
        self._settle(row, end)

    def _fail(self, rows: Iterable[BatchRow], error: CallError) -> None:
        for row in rows:
            end = AttemptEnd(
                status=error.kind, ended_at=time.time(), may_be_billed=error.may_be_billed, error=str(error)
            )
            self._settle(row, end)

    def _settle(self, row: BatchRow, end: AttemptEnd) -> None:
        alert = self.ledger.call(settle, self.sender, row.attempt, end)
        if alert is not None:
            echo(alert)

    def _retrying(self, again: Callable[[CallError], bool]) -> AsyncRetrying:
        settings = self.sender.settings
        backoff = wait_random_exponential(multiplier=settings.backoff_s, max=LONGEST_BACKOFF_S)

        def is_worth_it(error: BaseException) -> bool:
            return isinstance(error, CallError) and error.kind in TEMPORARY and again(error)

        def pause_s(state: RetryCallState) -> float:
            error = None if state.outcome is None else state.outcome.exception()
            named_s = error.retry_after_s if isinstance(error, CallError) else None
            return backoff(state) if named_s is None else min(named_s, LONGEST_PAUSE_S)

        stop = stop_after_attempt(settings.attempts)
        return AsyncRetrying(retry=retry_if_exception(is_worth_it), wait=pause_s, stop=stop, reraise=True)


def _batch_error(error: CallError, what: str) -> ApiError:
    return ApiError(
        f"The batch {what}: {redact(str(error))}",
        fix=redact(error.fix) or "run the same command later: it resumes, and sends no answered request again.",
    )
