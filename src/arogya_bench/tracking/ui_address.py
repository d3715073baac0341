"""Where ``mlflow ui`` shows a store: a server that runs already, or the command that starts one."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from arogya_bench.runtime.store_urls import sqlite_path, without_credentials
from arogya_bench.tracking.store import Store

DEFAULT_PORT = 5000  # of MLflow
PORTS_TO_TRY = 20
PORT_OPTIONS = ("--port", "-p")
STORE_OPTION = "--backend-store-uri"


@dataclass(frozen=True, kw_only=True)
class UiAddress:
    """Where the pages of a store can be opened.

    Attributes:
        server: Such as ``http://127.0.0.1:5000``.
        command: Starts it, in words of a shell; empty if it runs already.
    """

    server: str
    command: tuple[str, ...]


def find_ui(store: Store) -> UiAddress:
    """Find where the pages of a store are shown: on its server, by a running ``mlflow ui``, or by a new one."""
    if store.uri.startswith(("http:", "https:")):
        return UiAddress(server=without_credentials(store.uri).rstrip("/"), command=())
    running = _running_port(store.uri)
    if running is not None:
        return UiAddress(server=_local(running), command=())
    port = _free_port()
    database = sqlite_path(store.uri)
    command = ["mlflow", "ui"]
    if database is None or database != Path.cwd() / "mlflow.db":
        command += [STORE_OPTION, without_credentials(store.uri)]
    if port != DEFAULT_PORT:
        command += ["--port", str(port)]
    return UiAddress(server=_local(port), command=tuple(command))


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _running_port(uri: str) -> int | None:
    """The port of an ``mlflow ui`` or ``mlflow server`` of this user on this machine that shows a store."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if not _is_mlflow_server(words):
            continue
        with suppress(psutil.Error, OSError):
            shown = next(_values(words, (STORE_OPTION,)), None) or _environment(process, "MLFLOW_BACKEND_STORE_URI")
            if _same_store(shown or "sqlite:///mlflow.db", uri, Path(process.cwd())):
                port = next(_values(words, PORT_OPTIONS), None) or _environment(process, "MLFLOW_PORT")
                return int(port or DEFAULT_PORT)
    return None


def _is_mlflow_server(words: Sequence[str]) -> bool:
    """Whether a command line is that of ``mlflow ui``, whatever started it."""
    programs = [place for place, word in enumerate(words[:3]) if Path(word).name == "mlflow"]
    return any(word in ("ui", "server") for place in programs for word in words[place + 1 : place + 2])


def _values(words: Sequence[str], options: Sequence[str]) -> Iterator[str]:
    """The values of an option in a command line, as ``--port 5001`` or ``--port=5001``."""
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in options and (equals or place + 1 < len(words)):
            yield value if equals else words[place + 1]


def _environment(process: psutil.Process, name: str) -> str | None:
    value: str | None = process.environ().get(name)
    return value


def _same_store(shown: str, uri: str, folder: Path) -> bool:
    database, wanted = sqlite_path(shown), sqlite_path(uri)
    if database is None or wanted is None:
        return without_credentials(shown) == without_credentials(uri)
    return (folder / database).resolve() == wanted.resolve()


def _free_port() -> int:
    """MLflow's own port, or the next one that nobody listens on."""
    for port in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TO_TRY):
        with closing(socket.socket()) as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    return DEFAULT_PORT
