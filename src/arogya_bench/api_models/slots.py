"""A slot to send a request: its place within the limits and its money are taken together, or not at all."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from arogya_bench.api_models import windows
from arogya_bench.api_models.budget import amount_to_reserve
from arogya_bench.api_models.ledger_file import to_units, transaction
from arogya_bench.api_models.sender import NextAttempt, Sender
from arogya_bench.errors import ApiError

# An attempt that its process has not ended so long after its time limit never will be. Processes are looked up
# besides, but those of another container cannot be.
EXPIRY_S = 60.0
BUDGET_POLL_S = 0.05  # requests in flight may end at any moment, and cost less than was reserved


@dataclass(frozen=True, kw_only=True)
class Slot:
    """The right to send one request now, which has a row in the ledger.

    Attributes:
        attempt: Number of the row.
        sent_at: Seconds since 1970.
    """

    attempt: int
    sent_at: float


@dataclass(frozen=True, kw_only=True)
class Wait:
    """No slot before a time, in seconds since 1970, by the limits or the budget."""

    until: float


@dataclass(frozen=True, kw_only=True)
class SentElsewhere:
    """No slot: another process is sending the same request, or has ended an attempt of it."""


def take_slot(
    connection: sqlite3.Connection, sender: Sender, attempt: NextAttempt, clock: Callable[[], float]
) -> Slot | Wait | SentElsewhere:
    """Take a slot for an attempt, in one transaction that no other process can interleave.

    Raises:
        ApiError: If the requests of the day are spent, or the request is in a batch that nobody has collected.
        BudgetExceeded: If the attempt could pass the budget.
        UserError: If the attempt alone is above a limit.
    """
    limits, most = sender.settings.limits, to_units(sender.usd(attempt.most) or Decimal(0))
    with transaction(connection):
        now = clock()  # not before, since the transaction may have waited for other processes
        if is_sent_elsewhere(connection, attempt):
            return SentElsewhere()
        until = windows.free_at(connection, sender.account, limits, tokens=attempt.expected_tokens, now=now)
        if until:
            return Wait(until=until)
        amount = amount_to_reserve(connection, sender.budget, most)
        if amount is None:
            return Wait(until=now + BUDGET_POLL_S)
        columns = {
            "sent_at": now,
            "arrived_by": now + windows.ARRIVAL_S,
            "expires_at": now + sender.settings.timeout_s + EXPIRY_S,
            "window_tokens": attempt.expected_tokens,
            "most": most,
            "reserved": amount,
            "batch": None,
        }
        return Slot(attempt=insert_attempt(connection, sender, attempt, columns), sent_at=now)


def release_slot(connection: sqlite3.Connection, slot: Slot) -> None:
    """Undo a slot in which nothing was sent."""
    with transaction(connection):
        connection.execute("DELETE FROM attempts WHERE id = ?", (slot.attempt,))


def insert_attempt(
    connection: sqlite3.Connection, sender: Sender, attempt: NextAttempt, columns: Mapping[str, object]
) -> int:
    """Write the row of an attempt; return its number."""
    request = attempt.request
    row = {
        "key": request.key,
        "account": sender.account,
        "scope": sender.budget.scope,
        "model": f"{request.provider} {request.model_id}",
        "owner": sender.owner,
        "run": sender.run,
        **columns,
    }
    names = ", ".join(row)
    cursor = connection.execute(f"INSERT INTO attempts ({names}) VALUES (:{', :'.join(row)})", row)
    return int(cursor.lastrowid or 0)


def is_sent_elsewhere(connection: sqlite3.Connection, attempt: NextAttempt) -> bool:
    """Whether another process is sending the same request, or has ended an attempt of it.

    Raises:
        ApiError: If the request is in a batch.
    """
    rows = connection.execute("SELECT ended_at, batch FROM attempts WHERE key = ?", (attempt.request.key,)).fetchall()
    in_flight = [row for row in rows if row["ended_at"] is None]
    if any(row["batch"] is not None for row in in_flight):
        raise ApiError(
            "A request of this cell is in a batch whose answers were not collected.",
            fix="run the cell again with model.batch=true, which waits for the batch and sends nothing again.",
        )
    return len(in_flight) > 0 or len(rows) > attempt.ended
