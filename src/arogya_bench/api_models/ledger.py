"""The ledger of API calls: every request and every answer, shared by all processes of a user."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import platformdirs

from arogya_bench.api_models.attempts import Attempt, read_attempts, stored_answer
from arogya_bench.api_models.ledger_file import open_database, to_usd
from arogya_bench.errors import ConfigError
from arogya_bench.runtime.home_folder import expand_home

LEDGER_VARIABLE = "AROGYA_API_LEDGER"
SPENT_BY = (
    "SELECT coalesce(sum(iif(ended_at IS NULL, reserved, coalesce(usd, 0) + possible)), 0) "
    "FROM attempts WHERE owner = ?"
)


def ledger_path() -> Path:
    """The file of the ledger: ``$AROGYA_API_LEDGER``, else one in the user's data folder."""
    configured = os.environ.get(LEDGER_VARIABLE)
    file = Path(configured) if configured else Path(platformdirs.user_data_dir("arogya-bench")) / "api_ledger.sqlite"
    return expand_home(file).absolute()


def check_ledger() -> None:
    """Raise ConfigError if there is a ledger that cannot be used; none is created."""
    file = ledger_path()
    if file.exists():
        open_database(file).close()


@dataclass(frozen=True)
class CallLedger:
    """A ledger in a SQLite file, which is created when it is first used.

    It holds texts of answers, tokens and amounts; of a request only the digest of what was sent. No key, image, file
    name or case id is in it, and only its user may read it. Connections are opened where they are used, so that a
    ledger may be handed to threads and forked processes.

    A process that is killed loses nothing that it has written: requests, answers, reservations. A power cut may lose
    the last second, since a queue waits for the disk once a second only: those requests are sent and paid again.

    Attributes:
        path: On a local disk: network file systems do not hold the locks that it needs.
    """

    path: Path

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """A connection for the calling thread."""
        with closing(open_database(self.path)) as connection:
            yield connection

    def attempts(self, key: str) -> tuple[Attempt, ...]:
        """All attempts of a request that have ended, in the order in which they were sent."""
        with self.connect() as connection:
            return read_attempts(connection, key)

    def find_answer(self, key: str) -> Attempt | None:
        """The attempt whose answer settled a request, so that it is never sent again; None if there is none."""
        return stored_answer(self.attempts(key))

    def spent_by(self, owner: str) -> Decimal:
        """USD that all requests of a process cost: as reported, may have been billed, or reserved while in flight.

        Raises:
            ConfigError: If the ledger cannot be read.
        """
        if not self.path.exists():
            return Decimal(0)
        try:
            with self.connect() as connection:
                (units,) = connection.execute(SPENT_BY, (owner,)).fetchone()
        except sqlite3.Error as error:
            raise ConfigError(
                f"The ledger of API calls {self.path} cannot be read: {error}",
                fix="set the environment variable AROGYA_API_LEDGER to another file on a local disk.",
            ) from error
        return to_usd(units)
