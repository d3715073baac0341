"""Reaching an MLflow store: its address, its experiment, and what can be wrong with them."""

import os
import re
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

# Medical users: nothing about them leaves their machine. MLflow reads this at import.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# It prints two links for every run on a server, with the password if the address holds one.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

from mlflow.entities import Experiment
from mlflow.environment_variables import (
    MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES,
)
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from arogya_bench.errors import TrackingError, check_extra, did_you_mean
from arogya_bench.runtime.console import echo
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.locks import cell_lock
from arogya_bench.runtime.redaction import redact
from arogya_bench.runtime.store_urls import (
    short_timeouts,
    sqlite_path,
    sqlite_uri,
    strip_credentials,
    without_credentials,
)

LOGIN_ERRORS = {  # what MLflow's codes mean, and the remedy
    "UNAUTHENTICATED": (
        "it asks for a login, and yours is absent or wrong",
        "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the environment.",
    ),
    "PERMISSION_DENIED": (
        "your login does not permit this",
        "ask its administrator for the permission, or set MLFLOW_TRACKING_USERNAME and "
        "MLFLOW_TRACKING_PASSWORD of a user who has it.",
    ),
}


MIN_RETRY_BUDGET_S = 60.0  # of a server, that a sweep should ride out


@dataclass(frozen=True, kw_only=True)
class Store:
    """An MLflow store and the experiment in it that we write to or read from."""

    client: MlflowClient
    uri: str
    experiment: str
    experiment_id: str

    @property
    def ui_path(self) -> str:
        """Address of the experiment's run list below the address of ``mlflow ui``."""
        return f"/#/experiments/{self.experiment_id}/runs?workflowType=machine_learning"


def default_uri() -> str:
    """``MLFLOW_TRACKING_URI``, else MLflow's own default store in this folder, made absolute."""
    return os.environ.get("MLFLOW_TRACKING_URI") or sqlite_uri(Path.cwd() / "mlflow.db")


def open_store(uri: str | None, experiment: str, *, create: bool, retry: bool = False) -> Store:
    """Reach the store and the experiment, and make them if they may be made.

    Call it in the parent process before any worker starts: processes that open a new SQLite
    store together spoil its schema.

    Args:
        uri: Of the store; None for the default.
        experiment: Its name.
        create: Whether they may be made.
        retry: Whether to ride out a server that is away, as far as MLflow's retries go; a
            person at a terminal wants to hear of a wrong address at once.

    Raises:
        TrackingError: If the store cannot be reached or written, or the experiment is absent
            and ``create`` is false.
    """
    uri = absolute_uri(uri or default_uri())
    database = sqlite_path(uri)
    if database is not None:
        check_folder(database, create=create)
    # Sweeps that start in the same second make a new store one after the other.
    turn = cell_lock(digest_of({"store": uri})) if create else nullcontext()
    with translate_errors(uri), nullcontext() if retry else short_timeouts(), turn:
        client = MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name(experiment)
        if found is None and create:
            found = create_experiment(client, experiment, _artifact_root(database, experiment))
        experiment_id = _experiment_id(client, found, experiment, uri)
        if database is not None and create:
            enable_wal(database)
    return Store(client=client, uri=uri, experiment=experiment, experiment_id=experiment_id)


def create_experiment(client: MlflowClient, experiment: str, root: str | None) -> Experiment:
    """Make an experiment, unless a sweep on another machine makes it in the same moment."""
    try:
        return client.get_experiment(client.create_experiment(experiment, root))
    except MlflowException:
        found = client.get_experiment_by_name(experiment)
        if found is None:
            raise
        return found


def find_store(uri: str | None, experiment: str) -> Store | None:
    """Reach an experiment that may not be there; None if there is no such store or experiment.

    Raises:
        TrackingError: If a server does not answer, or the experiment was deleted.
    """
    uri = absolute_uri(uri or default_uri())
    database = sqlite_path(uri)
    if database is not None and not (database.exists() and database.stat().st_size):
        return None
    with translate_errors(uri), short_timeouts():
        if MlflowClient(tracking_uri=uri).get_experiment_by_name(experiment) is None:
            return None
    return open_store(uri, experiment, create=False)


def ping(uri: str) -> int:
    """Reach a store and count its experiments.

    Raises:
        TrackingError: If it does not answer.
    """
    with translate_errors(uri), short_timeouts():
        return len(MlflowClient(tracking_uri=uri).search_experiments())


def retry_budget_s() -> float:
    """Seconds for which MLflow asks a server again that is away, as the environment says.

    Formula: urllib3's, the sum of min(120, factor · 2^(k - 1)) from the second retry on.
    """
    retries = int(MLFLOW_HTTP_REQUEST_MAX_RETRIES.get())
    factor = float(MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR.get())
    waits = [min(120.0, factor * 2.0 ** (k - 1)) for k in range(2, retries + 1)]
    return float(sum(waits))


def check_store(uri: str | None) -> None:
    """Look whether a store can be used at all, and make nothing.

    Raises:
        TrackingError: If its server does not answer, or its folder cannot be written.
    """
    uri = absolute_uri(uri or default_uri())
    database = sqlite_path(uri)
    if database is not None:
        check_folder(database, create=True)
        return
    ping(uri)
    if retry_budget_s() < MIN_RETRY_BUDGET_S:
        echo(
            f"[yellow]MLflow gives a server up that is away for {retry_budget_s():.0f} s; "
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES=7 rides out four minutes.[/]"
        )


def use_mlflow_run_experiment() -> None:
    """Take the experiment that ``mlflow run`` chose, which it hands over by id alone.

    Raises:
        TrackingError: If the store of that run is not there or does not answer.
    """
    experiment_id = os.environ.get("MLFLOW_EXPERIMENT_ID")
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if "MLFLOW_RUN_ID" in os.environ and experiment_id and uri:
        database = sqlite_path(uri)
        if database is not None and not database.exists():  # MLflow would make an empty one
            raise TrackingError(
                f"There is no MLflow store at {database.resolve()}, where this run should lie.",
                fix="give MLFLOW_TRACKING_URI the whole path: sqlite:////folder/mlflow.db",
            )
        with translate_errors(uri), short_timeouts():
            found = MlflowClient(tracking_uri=uri).get_experiment(experiment_id)
        os.environ.setdefault("MLFLOW_EXPERIMENT_NAME", str(found.name))


def absolute_uri(uri: str) -> str:
    """Make a SQLite address independent of the working folder; leave others alone."""
    database = sqlite_path(uri)
    return uri if database is None else sqlite_uri(database.resolve())


def _experiment_id(
    client: MlflowClient, found: Experiment | None, experiment: str, uri: str
) -> str:
    """The id of an experiment that is there, was not deleted, and keeps files in our reach."""
    if found is None:
        names = [each.name for each in client.search_experiments()]
        raise TrackingError(
            f"There is no experiment {experiment!r} in {without_credentials(uri)}; "
            f"it has: {', '.join(names)}.{did_you_mean(experiment, names)}",
            fix="name one of these, or run a sweep first: arogya-bench run experiment=demo",
        )
    if found.lifecycle_stage != "active":
        raise TrackingError(
            f"The experiment {experiment!r} was deleted.",
            fix=f"mlflow experiments restore --experiment-id {found.experiment_id}, or choose "
            "another name with tracking.experiment=...",
        )
    if found.artifact_location.startswith("s3:"):  # written and read by us, not by the server
        check_extra("s3", "boto3")
    return str(found.experiment_id)


@contextmanager
def translate_errors(uri: str, fix: str | None = None) -> Iterator[None]:
    """Turn what MLflow raises into a problem with its remedy."""
    try:
        yield
    except OSError as error:
        raise TrackingError(
            f"The files of {without_credentials(uri)} cannot be written: {strip_credentials(str(error), uri)}",
            fix="make room and see to the rights of the artifact folder, or name another store.",
        ) from error
    except s3_errors() as error:
        raise TrackingError(
            f"The artifacts of {without_credentials(uri)} lie on S3, which does not take them: {error}",
            fix="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and MLFLOW_S3_ENDPOINT_URL where "
            "it is not Amazon's; see to the network.",
        ) from error
    except (MlflowException, SQLAlchemyError, sqlite3.Error, ModuleNotFoundError) as error:
        cause, remedy = LOGIN_ERRORS.get(
            getattr(error, "error_code", ""), (_first_line(error, uri), fix)
        )
        raise TrackingError(
            f"The tracking store {without_credentials(uri)} does not answer as it should: {cause}",
            fix=remedy
            or "start it (mlflow server --port 5000), or name another one with "
            "tracking.uri=... or MLFLOW_TRACKING_URI; sqlite:///mlflow.db needs no server.",
        ) from error


def _first_line(error: Exception, uri: str) -> str:
    """The first line of what MLflow says, which goes on with the inside of an HTTP library."""
    first = redact(strip_credentials(str(error), uri)).strip().partition("\n")[0][:300]
    return (
        f"nothing answers at {without_credentials(uri)}"
        if "Max retries exceeded" in first
        else first
    )


def s3_errors() -> tuple[type[Exception], ...]:
    """What boto3 raises, where it is in use; MLflow passes much of it on as it is."""
    if not sys.modules.get("boto3"):
        return ()
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    return Boto3Error, BotoCoreError, ClientError


def check_folder(database: Path, *, create: bool) -> None:
    """Look before MLflow does, whose own errors come late and from deep inside."""
    if not create and not database.exists():
        raise TrackingError(
            f"There is no MLflow store at {database}.",
            fix="go to the folder where the sweep ran, or name the store with --tracking-uri.",
        )
    for folder in (database.parent, database.parent / "mlruns"):
        if create and not is_writable(folder):
            raise TrackingError(
                f"The folder {folder} cannot be written, and MLflow keeps its files there.",
                fix=f"make {folder} a folder that you may write to, or run from one of your own.",
            )
    if database.exists() and database.stat().st_size and not _is_sqlite(database):
        raise TrackingError(
            f"{database} is not a SQLite database.", fix="move it away, or name another store."
        )


def is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or the folder itself where it is absent."""
    if not folder.exists():
        return folder.parent.exists() and os.access(folder.parent, os.W_OK)
    try:  # a probe, because os.access says yes to root and to read-only mounts
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _is_sqlite(database: Path) -> bool:
    """Ask SQLite: to open and close its file ourselves would drop the locks of this process."""
    if not database.is_file():
        return False
    with closing(sqlite3.connect(database)) as connection:
        try:
            connection.execute("PRAGMA schema_version")
        except sqlite3.DatabaseError as error:  # a file that is merely locked is one
            return error.sqlite_errorcode != sqlite3.SQLITE_NOTADB
    return True


def _artifact_root(database: Path | None, experiment: str) -> str | None:
    """Where a new experiment keeps its files: beside a SQLite store, else as the server says.

    MLflow's own choice would be the folder of the moment, even for a store that lies elsewhere.
    """
    if database is None:
        return None
    folder = re.sub(r"[^\w.-]+", "_", experiment)
    return str(database.resolve().parent / "mlruns" / folder)


def enable_wal(database: Path) -> None:
    """Let readers and writers work side by side; the setting stays in the file."""
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
