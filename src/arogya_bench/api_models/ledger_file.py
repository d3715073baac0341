"""The SQLite file of the ledger: its tables, its permissions and its transactions."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from uuid import uuid4

from arogya_bench.errors import ConfigError

SCHEMA_VERSION = 1
LOCK_TIMEOUT_S = 60.0  # for other processes; a transaction takes less than a millisecond
USD_UNIT = Decimal("1e-12")  # amounts are whole numbers of it, since SQL adds only whole numbers exactly

SCHEMA = """
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,              -- digest of what is sent
    account TEXT NOT NULL,          -- over which the limits are counted
    scope TEXT NOT NULL,            -- over which the budget is counted
    model TEXT NOT NULL,
    owner TEXT NOT NULL,            -- the process that sends
    run TEXT NOT NULL,              -- the call of a queue in that process
    batch TEXT,                     -- the batch that holds the request
    sent_at REAL NOT NULL,          -- seconds since 1970, as all times
    arrived_by REAL NOT NULL,       -- the latest moment at which the server can have counted it
    expires_at REAL NOT NULL,       -- after this, an attempt without an end is lost
    ended_at REAL,
    status TEXT NOT NULL DEFAULT 'sent',
    window_tokens INTEGER NOT NULL, -- expected, and after the answer those reported
    most INTEGER NOT NULL,          -- it can cost, by the estimate of its tokens
    reserved INTEGER NOT NULL,      -- for it in the budget
    usd INTEGER,
    possible INTEGER NOT NULL DEFAULT 0,
    finish TEXT,
    text TEXT,
    detail TEXT,
    model_version TEXT,
    input INTEGER,
    cached INTEGER,
    output INTEGER,
    thinking INTEGER,
    error TEXT
) STRICT;
CREATE INDEX attempts_of_key ON attempts (key);
CREATE INDEX attempts_of_account ON attempts (account, arrived_by);
CREATE INDEX attempts_in_flight ON attempts (scope) WHERE ended_at IS NULL;
CREATE TABLE spending (
    scope TEXT PRIMARY KEY,
    spent INTEGER NOT NULL,
    possible INTEGER NOT NULL,
    overrun REAL NOT NULL DEFAULT 1, -- by what factor an answer has cost more than was reserved
    alerted_budget INTEGER,
    alerted_percent INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE pauses (account TEXT PRIMARY KEY, until REAL NOT NULL) STRICT;
CREATE TABLE spent_days (account TEXT PRIMARY KEY, until REAL NOT NULL) STRICT;
CREATE TABLE batches (
    id TEXT PRIMARY KEY,
    name TEXT                       -- as the provider calls it; none until it has answered
) STRICT;
"""


def open_database(file: Path) -> sqlite3.Connection:
    """Open the ledger, creating it if needed, for the calling thread.

    Only its user may read it.
    """
    try:
        if not file.exists():
            _create(file)
        connection = sqlite3.connect(file, timeout=LOCK_TIMEOUT_S, isolation_level=None)
        try:
            _check_version(connection, file)
        except BaseException:
            connection.close()
            raise
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(
            f"The ledger of API calls {file} cannot be used: {error}",
            fix="set the environment variable AROGYA_API_LEDGER to a file on a local disk that you may write.",
        ) from error
    connection.row_factory = sqlite3.Row
    # What was written survives the death of the process without waiting for the disk at every answer.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Keep other processes from writing until the block ends; undo what it wrote if it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def to_units(usd: Decimal) -> int:
    """An amount as it is stored, rounded up where it is no whole number of units."""
    return int((usd / USD_UNIT).to_integral_value(rounding=ROUND_CEILING))


def to_usd(units: int) -> Decimal:
    """A stored amount in USD."""
    return units * USD_UNIT


def _create(file: Path) -> None:
    """Create the tables in another file, which then appears complete: several processes may begin at once."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}-{uuid4().hex}")
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        with closing(sqlite3.connect(partial, isolation_level=None)) as connection:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise sqlite3.OperationalError("its disk does not support write-ahead logs")
            connection.executescript(f"{SCHEMA} PRAGMA user_version = {SCHEMA_VERSION};")
        with suppress(FileExistsError):  # another process was faster
            os.link(partial, file)
    finally:
        partial.unlink()


def _check_version(connection: sqlite3.Connection, file: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION:
        written = "by a later version of arogya-bench" if version > SCHEMA_VERSION else "by another program"
        raise ConfigError(
            f"The ledger of API calls {file} was written {written}.",
            fix="update arogya-bench, or set the environment variable AROGYA_API_LEDGER to another file.",
        )
