"""Batches in the ledger: reserved before they are submitted, found by name afterwards, also by a later process."""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import uuid4

from arogya_bench.api_models.budget import amount_to_reserve
from arogya_bench.api_models.ledger_file import to_units, transaction
from arogya_bench.api_models.sender import NextAttempt, Sender
from arogya_bench.api_models.slots import insert_attempt
from arogya_bench.errors import BudgetExceeded

# A batch without answers for so long is lost; providers promise them within a day.
BATCH_EXPIRY_S = 72 * 3600.0


@dataclass(frozen=True, kw_only=True)
class ReservedBatch:
    """Attempts whose rows are in the ledger, and which are to be submitted together."""

    batch: str
    attempts: tuple[NextAttempt, ...]


@dataclass(frozen=True, kw_only=True)
class BatchRow:
    """An attempt in a batch.

    Attributes:
        attempt: Number of its row.
    """

    attempt: int
    key: str


def reserve_batch(connection: sqlite3.Connection, sender: Sender, attempts: Sequence[NextAttempt]) -> ReservedBatch:
    """Reserve as many of these attempts as fit in the budget, without those that another process has in flight.

    Raises:
        BudgetExceeded: If not even one fits.
    """
    batch = uuid4().hex
    reserved: list[NextAttempt] = []
    with transaction(connection):
        for attempt in attempts:
            if _is_known(connection, attempt):
                continue
            most = to_units(sender.usd(attempt.most) or Decimal(0))
            amount = _amount_besides(connection, sender, most, first=not reserved)
            if amount is None:
                break
            insert_attempt(connection, sender, attempt, {**_slot(), "batch": batch, "most": most, "reserved": amount})
            reserved.append(attempt)
        if reserved:
            connection.execute("INSERT INTO batches (id) VALUES (?)", (batch,))
    return ReservedBatch(batch=batch, attempts=tuple(reserved))


def name_batch(connection: sqlite3.Connection, batch: str, name: str) -> None:
    """Write down how the provider calls a batch, so that any process can collect it."""
    with transaction(connection):
        connection.execute("UPDATE batches SET name = ? WHERE id = ?", (name, batch))


def open_batches(connection: sqlite3.Connection, keys: Iterable[str]) -> dict[str, str]:
    """The batches that hold some of these requests and were not collected: their names, by request."""
    query = (
        "SELECT name FROM attempts JOIN batches ON batches.id = batch "
        "WHERE key = ? AND ended_at IS NULL AND name IS NOT NULL"
    )
    return {key: row["name"] for key in keys if (row := connection.execute(query, (key,)).fetchone())}


def batch_rows(connection: sqlite3.Connection, *, name: str = "", batch: str = "") -> tuple[BatchRow, ...]:
    """Attempts of a batch that have no answer yet, found by its name or by its number in the ledger."""
    rows = connection.execute(
        "SELECT id, key FROM attempts WHERE ended_at IS NULL "
        "AND batch IN (SELECT id FROM batches WHERE name = ? OR id = ?)",
        (name, batch),
    )
    return tuple(BatchRow(attempt=row["id"], key=row["key"]) for row in rows)


def _is_known(connection: sqlite3.Connection, attempt: NextAttempt) -> bool:
    """Whether an attempt of the request is in flight, or has ended without its sender knowing."""
    count = connection.execute("SELECT count(*) FROM attempts WHERE key = ?", (attempt.request.key,)).fetchone()
    return int(count[0]) > attempt.ended


def _amount_besides(connection: sqlite3.Connection, sender: Sender, most: int, *, first: bool) -> int | None:
    try:
        return amount_to_reserve(connection, sender.budget, most)
    except BudgetExceeded:
        if first:
            raise
        return None


def _slot() -> dict[str, object]:
    # The limits of single requests do not count those in batches.
    now = time.time()
    return {"sent_at": now, "arrived_by": 0.0, "expires_at": now + BATCH_EXPIRY_S, "window_tokens": 0}
