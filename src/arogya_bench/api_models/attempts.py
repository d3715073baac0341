"""Attempts as the ledger keeps them, one row for each request that was sent, and what follows from them."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from arogya_bench.api_models.calls import ReadAnswer, Reply, Status
from arogya_bench.api_models.ledger_file import to_usd
from arogya_bench.prices.tokens import TokenUsage

# The second truncated answer is one at twice the limit of tokens.
ANSWERS_UNTIL_FINAL = {Status.MALFORMED: 3, Status.TRUNCATED: 2}


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A request that was sent once, and has ended.

    Attributes:
        status: A ``calls.Status``, or why there is no answer: the kind of a ``calls.CallError``, ``cancelled``, or
            ``lost`` together with its process.
        sent_at: Seconds since 1970.
        ended_at: Seconds since 1970.
        reply: None without an answer.
        usd: By the usage that was reported; None without prices.
        possible_usd: What it may have been billed besides.
        error: Why there is no answer.
    """

    key: str
    status: str
    sent_at: float
    ended_at: float
    reply: Reply | None = None
    usd: Decimal | None = None
    possible_usd: Decimal = Decimal(0)
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class FinalAnswer:
    """An answer after which a request is never sent again."""

    attempt: Attempt
    answer: ReadAnswer


def read_attempts(connection: sqlite3.Connection, key: str) -> tuple[Attempt, ...]:
    """All attempts of a request that have ended, in the order in which they were sent."""
    rows = connection.execute("SELECT * FROM attempts WHERE key = ? AND ended_at IS NOT NULL ORDER BY id", (key,))
    return tuple(_parse(row) for row in rows)


def final_answer(
    attempts: Sequence[Attempt], read: Callable[[Reply], ReadAnswer], accepts: Callable[[str | None], bool]
) -> FinalAnswer | None:
    """The answer that settles a request, or None if it is to be sent (again).

    Args:
        attempts: In the order in which they were sent.
        read: Says what a reply says.
        accepts: Whether a version of the model may answer; answers of others do not count.
    """
    counts: Counter[Status] = Counter()
    for attempt in attempts:
        if attempt.reply is None or not accepts(attempt.reply.model_version):
            continue
        answer = read(attempt.reply)
        counts[answer.status] += 1
        if _is_settled(answer.status, counts):
            return FinalAnswer(attempt=attempt, answer=answer)
    return None


def stored_answer(attempts: Sequence[Attempt]) -> Attempt | None:
    """The attempt that settled a request as its answer was read then."""
    counts: Counter[Status] = Counter()
    for attempt in attempts:
        if attempt.reply is None:
            continue
        status = Status(attempt.status)
        counts[status] += 1
        if _is_settled(status, counts):
            return attempt
    return None


def was_cut(attempts: Sequence[Attempt]) -> bool:
    """Whether an answer ended at the limit of tokens, so that the next attempt is given twice as many."""
    return any(attempt.reply is not None and attempt.reply.finish == "length" for attempt in attempts)


def _is_settled(status: Status, counts: Counter[Status]) -> bool:
    return status.is_final and counts[status] >= ANSWERS_UNTIL_FINAL.get(status, 1)


def _parse(row: sqlite3.Row) -> Attempt:
    return Attempt(
        key=row["key"],
        status=row["status"],
        sent_at=row["sent_at"],
        ended_at=row["ended_at"],
        reply=None if row["finish"] is None else _parse_reply(row),
        usd=None if row["usd"] is None else to_usd(row["usd"]),
        possible_usd=to_usd(row["possible"]),
        error=row["error"] or "",
    )


def _parse_reply(row: sqlite3.Row) -> Reply:
    return Reply(
        text=row["text"],
        finish=row["finish"],
        usage=TokenUsage(input=row["input"], cached=row["cached"], output=row["output"], thinking=row["thinking"]),
        model_version=row["model_version"],
        detail=row["detail"] or "",
    )
