"""How requests ended: the attempts of the ledger, summed up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from operator import add

from arogya_bench.api_models.attempts import Attempt
from arogya_bench.api_models.calls import CallError, Outcome, ReadAnswer, Status
from arogya_bench.api_models.sender import Sender
from arogya_bench.prices.tokens import TokenUsage
from arogya_bench.runtime.redaction import redact


@dataclass(frozen=True, kw_only=True)
class CallTimes:
    """When a request was sent, in seconds of one monotonic clock.

    Attributes:
        began: When it began to wait for a slot.
        first_sent: Its first attempt of this process.
        last_sent: Its last attempt.
        last_ended: When the last attempt ended.
    """

    began: float
    first_sent: float
    last_sent: float
    last_ended: float


def outcome_of(attempts: Sequence[Attempt], answer: ReadAnswer, *, sender: Sender, reused: bool) -> Outcome:
    """The outcome of a request with all its attempts, of this run and of earlier ones.

    Args:
        attempts: In the order in which they were sent.
        answer: What the last one says, or why there is none.
        sender: With the prices for answers that were stored without a cost.
        reused: Whether nothing was sent now.
    """
    replies = [attempt.reply for attempt in attempts if attempt.reply is not None]
    return Outcome(
        key=attempts[-1].key,
        answer=answer,
        attempts=len(attempts),
        usage=reduce(add, (reply.usage for reply in replies), TokenUsage()),
        usd=_usd(attempts, sender),
        possible_usd=sum((attempt.possible_usd for attempt in attempts), Decimal(0)),
        asked_at=attempts[-1].sent_at,
        model_version=replies[-1].model_version if replies else None,
        reused=reused,
    )


def with_times(outcome: Outcome, times: CallTimes) -> Outcome:
    """The outcome of a request that was sent by itself, with its latency."""
    return replace(
        outcome,
        latency_ms=1e3 * (times.last_ended - times.last_sent),
        wait_ms=1e3 * (times.first_sent - times.began),
        retry_ms=1e3 * (times.last_sent - times.first_sent),
    )


def without_answer(error: CallError) -> ReadAnswer:
    """The answer of a request whose attempts all failed."""
    status = Status.TIMED_OUT if error.kind == "timeout" else Status.FAILED
    return ReadAnswer(status=status, problem=redact(str(error)))


def in_order(keys: Sequence[str], outcomes: Mapping[str, Outcome]) -> list[Outcome]:
    """The outcome of each request; for all but the first of equal ones, nothing was sent."""
    seen: set[str] = set()
    ordered = []
    for key in keys:
        outcome = outcomes[key]
        if key in seen:
            outcome = replace(outcome, reused=True, latency_ms=None, wait_ms=None, retry_ms=None)
        seen.add(key)
        ordered.append(outcome)
    return ordered


def spent_now(outcome: Outcome) -> Decimal:
    """What this run has spent on a request, or may have spent."""
    return Decimal(0) if outcome.reused else (outcome.usd or Decimal(0)) + outcome.possible_usd


def _usd(attempts: Sequence[Attempt], sender: Sender) -> Decimal | None:
    """The sum of what was reported; None if something was not priced when it was sent, and is not now."""
    total = Decimal(0)
    for attempt in attempts:
        usd = attempt.usd
        if usd is None and attempt.reply is not None:
            usd = sender.usd(attempt.reply.usage)
            if usd is None:
                return None
        total += usd or Decimal(0)
    return None if sender.rates is None and all(attempt.usd is None for attempt in attempts) else total
