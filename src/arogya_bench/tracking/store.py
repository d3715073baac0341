"""MLflow stores: open one, create it, and check that it can be used."""

import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

# Nothing about the users of medical data may leave their machine. MLflow reads this at import.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# MLflow prints two links for every run on a server, with the password if the URI contains one.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

from mlflow.entities import Experiment
from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR, MLFLOW_HTTP_REQUEST_MAX_RETRIES
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from arogya_bench.errors import TrackingError, check_extra, did_you_mean
from arogya_bench.runtime.console import echo
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.locks import cell_lock
from arogya_bench.runtime.store_urls import short_timeouts, sqlite_path, sqlite_uri, without_credentials
from arogya_bench.tracking.store_errors import translate_errors
from arogya_bench.tracking.ui_paths import runs_path

MAX_NAME_LENGTH = 500  # characters of the name of an experiment, which MLflow takes
MAX_FOLDER_BYTES = 120
# A port tells a host from a folder; so do the names of this machine and addresses in numbers.
HOST_WITHOUT_SCHEME = re.compile(r"([^/@\s]+@)?([\w.-]+:\d+|localhost|(\d{1,3}\.){3}\d{1,3})(/|$)")
MIN_RETRY_BUDGET_S = 60.0  # outages of a server that a sweep should survive


@dataclass(frozen=True, kw_only=True)
class Store:
    """An MLflow store, and the experiment in it that is read or written.

    Attributes:
        other_experiment_ids: Of further experiments, which are read too.
        on_read: Is given the runs that each search finds, and returns those that count; None takes them as they are.
    """

    client: MlflowClient
    uri: str
    experiment: str
    experiment_id: str
    other_experiment_ids: tuple[str, ...] = ()
    on_read: Callable[[list[Any]], list[Any]] | None = field(default=None, repr=False)

    @property
    def digest(self) -> str:
        """Digest of the address and the experiment."""
        return digest_of({"uri": self.uri, "experiment": self.experiment})

    @property
    def ui_path(self) -> str:
        """Path of the experiment's list of runs, relative to the URL of ``mlflow ui``."""
        return runs_path(self.experiment_id)


def default_uri() -> str:
    """``MLFLOW_TRACKING_URI``; without it, MLflow's default store in the working folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or sqlite_uri(Path.cwd() / "mlflow.db")


def open_store(uri: str | None, experiment: str, *, create: bool, retry: bool = False) -> Store:
    """Open a store and an experiment.

    Call it in the parent process before any worker starts: processes that open a new SQLite
    store at the same time corrupt its schema.

    Args:
        uri: Of the store; None for the default.
        experiment: Name of the experiment.
        create: Whether to create the store and the experiment if they are missing.
        retry: Whether to wait for a server that does not answer, as long as MLflow's retries
            last; without it, a wrong address is reported at once.

    Raises:
        TrackingError: If the store cannot be reached or written, or the experiment is missing and ``create`` is false.
    """
    check_experiment_name(experiment)
    uri = absolute_uri(uri or default_uri())
    database = sqlite_path(uri)
    if database is not None:
        check_folder(database, create=create)
    # Sweeps that start at the same time must not create the same store together.
    lock = cell_lock(digest_of({"store": uri})) if create else nullcontext()
    with translate_errors(uri), nullcontext() if retry else short_timeouts(), lock:
        client = MlflowClient(tracking_uri=uri)
        stored = client.get_experiment_by_name(experiment)
        if stored is None and create:
            stored = create_experiment(client, experiment, _artifact_root(database, experiment))
        experiment_id = _experiment_id(client, stored, experiment, uri)
        if database is not None and create:
            enable_wal(database)
    return Store(client=client, uri=uri, experiment=experiment, experiment_id=experiment_id)


def with_experiments(store: Store, names: Sequence[str]) -> Store:
    """Read further experiments too; the first one, which is written, stays that of the store.

    Raises:
        TrackingError: If an experiment is missing or was deleted.
    """
    others = [name for name in dict.fromkeys(names) if name != store.experiment]
    with translate_errors(store.uri):
        ids = [
            _experiment_id(store.client, store.client.get_experiment_by_name(name), name, store.uri) for name in others
        ]
    return replace(store, other_experiment_ids=tuple(ids))


def create_experiment(client: MlflowClient, experiment: str, root: str | None) -> Experiment:
    """Create an experiment, or return the one that another machine has just created."""
    try:
        return client.get_experiment(client.create_experiment(experiment, root))
    except MlflowException:
        if existing := client.get_experiment_by_name(experiment):
            return existing
        raise


def find_store(uri: str | None, experiment: str) -> Store | None:
    """Open a store and an experiment if both exist; None otherwise.

    Raises:
        TrackingError: If a server does not answer, or the experiment was deleted.
    """
    uri = absolute_uri(uri or default_uri())
    database = sqlite_path(uri)
    if database is not None and not (database.exists() and database.stat().st_size):
        return None
    # Another sweep may be creating it: MLflow would then create the tables a second time.
    lock = cell_lock(digest_of({"store": uri})) if database is not None else nullcontext()
    with translate_errors(uri), short_timeouts(), lock:
        if MlflowClient(tracking_uri=uri).get_experiment_by_name(experiment) is None:
            return None
    return open_store(uri, experiment, create=False)


def ping_store(uri: str) -> int:
    """Check that a store answers, else raise TrackingError, and count its experiments."""
    with translate_errors(uri), short_timeouts():
        return len(MlflowClient(tracking_uri=uri).search_experiments())


def retry_budget_s() -> float:
    """How long MLflow retries a request to a server that does not answer, in seconds.

    The settings come from the environment. The formula is that of urllib3: the sum of
    min(120, factor · 2^(k - 1)) from the second retry on.
    """
    retries = int(MLFLOW_HTTP_REQUEST_MAX_RETRIES.get())
    factor = float(MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR.get())
    return float(sum(min(120.0, factor * 2.0 ** (k - 1)) for k in range(2, retries + 1)))


def check_experiment_name(experiment: str) -> None:
    """Refuse a name that MLflow does not take, before any work."""
    if len(experiment) > MAX_NAME_LENGTH:
        raise TrackingError(
            f"The name of the experiment has {len(experiment)} characters; MLflow takes {MAX_NAME_LENGTH}.",
            fix="choose a shorter one with tracking.experiment=NAME, or in MLFLOW_EXPERIMENT_NAME if that is set.",
        )


def check_store(uri: str | None) -> None:
    """Check that a store can be used, else raise TrackingError, without creating anything."""
    uri = absolute_uri(uri or default_uri())
    database = sqlite_path(uri)
    if database is not None:
        check_folder(database, create=True)
        return
    ping_store(uri)
    if retry_budget_s() < MIN_RETRY_BUDGET_S:
        echo(
            f"[yellow]MLflow stops retrying a server after {retry_budget_s():.0f} s; "
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES=7 survives outages of four minutes.[/]"
        )


def use_mlflow_run_experiment() -> None:
    """Use the experiment that ``mlflow run`` chose, of which it passes on the id alone."""
    experiment_id = os.environ.get("MLFLOW_EXPERIMENT_ID")
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if "MLFLOW_RUN_ID" in os.environ and experiment_id and uri:
        database = sqlite_path(uri)
        if database is not None and not database.exists():  # MLflow would create an empty one
            raise TrackingError(
                f"There is no MLflow store at {database.resolve()}, which should hold this run.",
                fix="set MLFLOW_TRACKING_URI to the whole path: sqlite:////folder/mlflow.db",
            )
        fix = "start its server, or unset MLFLOW_EXPERIMENT_ID and MLFLOW_RUN_ID: only `mlflow run` sets them."
        with translate_errors(uri, fix), short_timeouts():
            chosen = MlflowClient(tracking_uri=uri).get_experiment(experiment_id)
        os.environ.setdefault("MLFLOW_EXPERIMENT_NAME", str(chosen.name))


def absolute_uri(uri: str) -> str:
    """Make a SQLite URI independent of the working folder; others stay as they are.

    Raises:
        TrackingError: For the address of a server without ``http://``, which MLflow takes for a folder.
    """
    if HOST_WITHOUT_SCHEME.match(uri):
        raise TrackingError(
            f"The tracking store {uri.rpartition('@')[2]} is the address of a server without http:// in front.",
            fix=f"write http://{uri.rpartition('@')[2]}, or https:// if the server has a certificate.",
        )
    database = sqlite_path(uri)
    return uri if database is None else sqlite_uri(database.resolve())


def _experiment_id(client: MlflowClient, stored: Experiment | None, experiment: str, uri: str) -> str:
    """Check that an experiment exists, is active and has an artifact store that can be used."""
    if stored is None:
        names = [existing.name for existing in client.search_experiments()]
        raise TrackingError(
            f"There is no experiment {experiment!r} in {without_credentials(uri)}; "
            f"it has: {', '.join(names)}.{did_you_mean(experiment, names)}",
            fix="choose one of these, or run a sweep first: arogya-bench run experiment=demo",
        )
    if stored.lifecycle_stage != "active":
        raise TrackingError(
            f"The experiment {experiment!r} was deleted.",
            fix=f"mlflow experiments restore --experiment-id {stored.experiment_id}, or choose "
            "another name with tracking.experiment=...",
        )
    if stored.artifact_location.startswith("s3:"):  # the client accesses them, not the server
        check_extra("s3", "boto3")
    return str(stored.experiment_id)


def check_folder(database: Path, *, create: bool) -> None:
    """Check the folder of a SQLite store; the errors of MLflow come late and explain little.

    Raises:
        TrackingError: If the store is missing, no SQLite database, or cannot be written.
    """
    if not create and not database.exists():
        raise TrackingError(
            f"There is no MLflow store at {database}.",
            fix="change to the folder where the sweep ran, or name it: --tracking-uri URI of compare and report, "
            "tracking.uri=URI of measure.",
        )
    if create and not database.parent.exists():
        raise TrackingError(
            f"There is no folder {database.parent} for the MLflow store {database.name}.",
            fix="make the folder, or correct tracking.uri or MLFLOW_TRACKING_URI.",
        )
    for folder in (database.parent, database.parent / "mlruns"):
        if create and not is_writable(folder):
            raise TrackingError(
                f"The folder {folder} cannot be written, but MLflow stores files there.",
                fix=f"make {folder} writable, or run in another folder.",
            )
    if database.exists() and database.stat().st_size and not _is_sqlite(database):
        raise TrackingError(f"{database} is not a SQLite database.", fix="move it away, or choose another store.")


def is_writable(folder: Path) -> bool:
    """Whether files can be created in a folder, or the folder itself if it is missing."""
    if not folder.exists():
        return folder.parent.exists() and os.access(folder.parent, os.W_OK)
    try:  # os.access is true for root and for read-only mounts
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _is_sqlite(database: Path) -> bool:
    """Ask SQLite, because opening and closing its file directly drops the locks of the process."""
    if not database.is_file():
        return False
    with closing(sqlite3.connect(database)) as connection:
        try:
            connection.execute("PRAGMA schema_version")
        except sqlite3.DatabaseError as error:  # a locked database is one
            return error.sqlite_errorcode != sqlite3.SQLITE_NOTADB
    return True


def _artifact_root(database: Path | None, experiment: str) -> str | None:
    """Where a new experiment stores files: beside a SQLite store, otherwise where the server does.

    MLflow itself would choose the working folder, wherever the store is.
    """
    if database is None:
        return None
    return str(database.resolve().parent / "mlruns" / _folder_name(experiment))


def _folder_name(experiment: str) -> str:
    """A name for a folder; a long one is cut, since file systems take 255 bytes and MLflow 500 characters."""
    name = re.sub(r"[^\w.-]+", "_", experiment)
    encoded = name.encode()
    if not name.strip("."):
        return f"_{name}"
    if len(encoded) <= MAX_FOLDER_BYTES:
        return name
    return f"{encoded[:MAX_FOLDER_BYTES].decode(errors='ignore')}-{digest_of({'experiment': experiment})[:8]}"


def enable_wal(database: Path) -> None:
    """Let readers and writers work at the same time; the setting is stored in the file."""
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
