"""The ledger while a queue runs: one connection, whose transactions take a fraction of a millisecond.

They are made in the event loop itself: a thread would have to be woken for each of them, which takes longer on a busy
machine than the transaction. Only what waits for the disk has a thread.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from arogya_bench.api_models.ledger import CallLedger
from arogya_bench.api_models.ledger_file import open_database
from arogya_bench.errors import ApiError, ConfigError

P = ParamSpec("P")
T = TypeVar("T")

SYNC_INTERVAL_S = 1.0  # what a power cut may lose


class LedgerSession:
    """Calls functions that take a connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def call(self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **named: P.kwargs) -> T:
        """Call a function of the ledger.

        Raises:
            ApiError: If the ledger cannot be read or written any more: without it nothing may be sent.
        """
        try:
            return function(self._connection, *args, **named)
        except sqlite3.Error as error:
            raise ApiError(
                f"The ledger of API calls failed: {error}",
                fix="free space on its disk; if the file is damaged, set AROGYA_API_LEDGER to another one.",
            ) from error


@asynccontextmanager
async def open_session(ledger: CallLedger) -> AsyncIterator[LedgerSession]:
    """Open a ledger, and write it to the disk every second until the block ends."""
    with closing(open_database(ledger.path)) as connection, ThreadPoolExecutor(1) as thread:
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # it would wait for the disk in the event loop
        syncing = asyncio.create_task(_sync_regularly(ledger.path, thread))
        try:
            yield LedgerSession(connection)
        finally:
            syncing.cancel()
            thread.submit(_sync, ledger.path)


async def _sync_regularly(file: Path, thread: ThreadPoolExecutor) -> None:
    while True:
        await asyncio.sleep(SYNC_INTERVAL_S)
        await asyncio.get_running_loop().run_in_executor(thread, _sync, file)


def _sync(file: Path) -> None:
    """Wait until all that was written is on the disk; neither readers nor writers wait for it."""
    # An error of the disk stops the next request that is written, and says so.
    with suppress(sqlite3.Error, ConfigError), closing(open_database(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
