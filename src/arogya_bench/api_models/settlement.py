"""The end of attempts: answers, failures, and what is left behind by queues that were stopped and processes that died.

The row of an attempt and the sum of its scope are written in one transaction. An attempt may end twice, such as when
its machine was suspended and others took it for lost: the second end corrects the first.
"""

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from arogya_bench.api_models.budget import add_spending, next_alert
from arogya_bench.api_models.calls import Reply
from arogya_bench.api_models.ledger_file import to_units, transaction
from arogya_bench.api_models.sender import Sender, count_tokens
from arogya_bench.runtime.process import is_dead
from arogya_bench.runtime.redaction import redact

# Ends without a word of the server, which may still count the request after them.
UNHEARD = ("timeout", "connection", "cancelled", "lost")


@dataclass(frozen=True, kw_only=True)
class AttemptEnd:
    """How an attempt ended.

    Attributes:
        status: As in ``attempts.Attempt``.
        ended_at: Seconds since 1970.
        reply: None without an answer.
        may_be_billed: Whether an attempt without an answer may cost what was reserved for it.
        error: Why there is no answer, or no valid one.
    """

    status: str
    ended_at: float
    reply: Reply | None = None
    may_be_billed: bool = False
    error: str = ""


def settle(connection: sqlite3.Connection, sender: Sender, attempt: int, end: AttemptEnd) -> str | None:
    """Write how an attempt ended, with its tokens and its cost; return an alert of the budget."""
    with transaction(connection):
        row = connection.execute("SELECT * FROM attempts WHERE id = ?", (attempt,)).fetchone()
        _write_end(connection, row, end, {} if end.reply is None else _reply_columns(sender, end.reply))
        return next_alert(connection, sender.budget)


def close_attempts(connection: sqlite3.Connection, numbers: Iterable[int], status: str) -> None:
    """End attempts whose answers nobody waits for any more; what was reserved for them may have been billed."""
    end = AttemptEnd(status=status, ended_at=time.time(), may_be_billed=True)
    with transaction(connection):
        for number in numbers:
            query = "SELECT * FROM attempts WHERE id = ? AND ended_at IS NULL"
            if row := connection.execute(query, (number,)).fetchone():
                _write_end(connection, row, end, {})


def close_run(connection: sqlite3.Connection, run: str) -> None:
    """End what a call of a queue leaves in flight when it is stopped; batches that have a name are collected later."""
    rows = connection.execute(
        "SELECT attempts.id FROM attempts LEFT JOIN batches ON batches.id = batch "
        "WHERE ended_at IS NULL AND run = ? AND batches.name IS NULL",
        (run,),
    ).fetchall()
    if rows:
        close_attempts(connection, [row["id"] for row in rows], "cancelled")


def close_lost(connection: sqlite3.Connection) -> None:
    """End the attempts of processes that are dead, so that they reserve nothing for ever.

    A batch outlives the process that submitted it, unless that died before it had the name.
    """
    rows = connection.execute(
        "SELECT attempts.id, owner, expires_at, batches.name FROM attempts LEFT JOIN batches ON batches.id = batch "
        "WHERE ended_at IS NULL"
    ).fetchall()
    now = time.time()
    dead = {owner for owner in {row["owner"] for row in rows} if is_dead(owner, None, now=now)}
    lost = [row["id"] for row in rows if now > row["expires_at"] or (row["name"] is None and row["owner"] in dead)]
    if lost:
        close_attempts(connection, lost, "lost")


def _write_end(
    connection: sqlite3.Connection, row: sqlite3.Row, end: AttemptEnd, reply_columns: dict[str, Any]
) -> None:
    # An answer without a number of tokens may have cost as much as an attempt without an answer.
    is_answer = end.reply is not None and end.reply.finish != "rejected"
    unknown = not reply_columns["window_tokens"] if is_answer else end.may_be_billed
    columns = {
        **reply_columns,
        "status": end.status,
        "ended_at": end.ended_at,
        "arrived_by": row["arrived_by"] if end.status in UNHEARD else min(row["arrived_by"], end.ended_at),
        "window_tokens": reply_columns.get("window_tokens") or row["window_tokens"],
        "possible": row["reserved"] if unknown else 0,
        "error": redact(end.error) or None,
    }
    assignments = ", ".join(f"{name} = :{name}" for name in columns)
    connection.execute(f"UPDATE attempts SET {assignments} WHERE id = :id", {**columns, "id": row["id"]})
    usd = reply_columns.get("usd") or 0
    add_spending(
        connection,
        row["scope"],
        spent=usd - (row["usd"] or 0),
        possible=columns["possible"] - row["possible"],
        overrun=max(1.0, usd / row["most"]) if row["most"] else 1.0,
    )


def _reply_columns(sender: Sender, reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    usd = sender.usd(usage)
    return {
        "finish": reply.finish,
        "text": reply.text,
        "detail": reply.detail,
        "model_version": reply.model_version,
        "input": usage.input,
        "cached": usage.cached,
        "output": usage.output,
        "thinking": usage.thinking,
        "window_tokens": count_tokens(usage),
        "usd": None if usd is None else to_units(usd),
    }
