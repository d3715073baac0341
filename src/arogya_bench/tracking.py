"""The only reader and writer of MLflow."""

import gc
import json
import os
import re
import sqlite3
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

# Medical users: nothing about them leaves their machine. MLflow reads this at import.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import pandas as pd
from mlflow.entities import Dataset, InputTag, Metric, Param, Run, RunTag, ViewType
from mlflow.entities import DatasetInput as MlflowDatasetInput
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.uri import is_local_uri

from arogya_bench.errors import TrackingError
from arogya_bench.items import (
    Curves,
    DatasetInput,
    Folder,
    Item,
    Params,
    Scalars,
    Table,
    TableView,
    Tags,
    Text,
)

BATCH = {"metrics": 1000, "params": 100, "tags": 100}  # what MLflow takes at once
TAG_LIMIT = 8000  # characters; MLflow cuts longer ones without a word
PAGE = 1000  # runs per search


@dataclass(frozen=True, kw_only=True)
class Store:
    """An MLflow store and the experiment in it that we write to or read from."""

    client: MlflowClient
    uri: str
    experiment: str
    experiment_id: str

    @property
    def link(self) -> str:
        """Address of the experiment's run list below the address of ``mlflow ui``."""
        return f"/#/experiments/{self.experiment_id}/runs?workflowType=machine_learning"


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run as it stands in MLflow; times are milliseconds since 1970, UTC."""

    run_id: str
    name: str
    status: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    artifact_uri: str
    start_time: int
    end_time: int | None


def default_uri() -> str:
    """MLflow's own default store, made absolute, so that nobody's folder matters later."""
    return f"sqlite:///{Path.cwd() / 'mlflow.db'}"


def open_store(uri: str | None, experiment: str, *, create: bool) -> Store:
    """Reach the store and the experiment, and make them if they may be made.

    Call it in the parent process before any worker starts: processes that open a new SQLite
    store together spoil its schema.

    Raises:
        TrackingError: If the store cannot be reached or written, or the experiment is absent
            and ``create`` is false.
    """
    uri = absolute(uri or default_uri())
    database = sqlite_path(uri)
    if database is not None:
        _check_folder(database, create=create)
    with _explained(uri), _impatient():
        client = MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name(experiment)
        if found is None and create:
            experiment_id = client.create_experiment(
                experiment, _artifact_root(database, experiment)
            )
        elif found is None:
            names = [each.name for each in client.search_experiments()]
            raise TrackingError(
                f"There is no experiment {experiment!r} in {public(uri)}; it has: {', '.join(names)}.",
                fix="name one of these, or run a sweep first: arogya-bench run experiment=demo",
            )
        elif found.lifecycle_stage != "active":
            raise TrackingError(
                f"The experiment {experiment!r} was deleted.",
                fix=f"mlflow experiments restore --experiment-id {found.experiment_id}, or choose "
                "another name with tracking.experiment=...",
            )
        else:
            experiment_id = found.experiment_id
    if database is not None and create:
        _share(database)
    return Store(client=client, uri=uri, experiment=experiment, experiment_id=experiment_id)


def absolute(uri: str) -> str:
    """Make a SQLite address independent of the working folder; leave others alone."""
    database = sqlite_path(uri)
    return uri if database is None else f"sqlite:///{database.resolve()}"


def sqlite_path(uri: str) -> Path | None:
    """The file of a SQLite store, or None for any other kind of store."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def public(uri: str) -> str:
    """The address without user name and password, fit for messages and logs."""
    parts = urlparse(uri)
    if "@" not in parts.netloc:
        return uri
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def start(store: Store, name: str, tags: Mapping[str, str], *, parent: str | None = None) -> str:
    """Create a run with its first tags.

    The client is used rather than ``mlflow.start_run``, which would adopt a run named in the
    environment and note the login name of the user.

    Returns:
        The run id.
    """
    every = dict(tags)
    if parent:
        every["mlflow.parentRunId"] = parent
    run = store.client.create_run(store.experiment_id, tags=_checked(every), run_name=name)
    return str(run.info.run_id)


def write(store: Store, run_id: str, items: Iterable[Item]) -> None:
    """Write what a run leaves: files first, then one batch, so that numbers imply their evidence."""
    tags: dict[str, str] = {}
    params: list[Param] = []
    metrics: list[Metric] = []
    now = int(time.time() * 1000)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for item in items:
            match item:
                case Tags(values=words):
                    tags |= words
                case Params(values=settings):
                    params += [Param(key, str(value)) for key, value in settings.items()]
                case Scalars(values=numbers):
                    metrics += [Metric(key, value, now, 0) for key, value in numbers.items()]
                case Curves(epochs=epochs):
                    metrics += _stepped(epochs, now)
                case DatasetInput():
                    store.client.log_inputs(run_id, datasets=[_input(item)])
                case TableView(file=file, rows=rows):
                    tags["mlflow.loggedArtifacts"] = json.dumps([{"path": file, "type": "table"}])
                    _save_view(folder / file, rows)
                case Table() | Text():
                    _save(folder, item)
                case Folder(name=name, path=path):
                    store.client.log_artifacts(run_id, str(path), name)
        if any(folder.iterdir()):
            store.client.log_artifacts(run_id, str(folder))
    _log_batches(store, run_id, metrics, params, [RunTag(*each) for each in _checked(tags).items()])


def finish(store: Store, run_id: str, status: str = "FINISHED") -> None:
    """Close a run as FINISHED, FAILED or KILLED."""
    store.client.set_terminated(run_id, status)


@contextmanager
def closed_on_error(store: Store, run_id: str) -> Iterator[None]:
    """Close a run as FAILED, or as KILLED on Ctrl-C, with its cause, and pass the error on."""
    try:
        yield
    except BaseException as error:
        tags = error_tags(error)
        for key, value in _checked(tags).items():
            store.client.set_tag(run_id, key, value)
        finish(store, run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
        raise


def error_tags(error: BaseException) -> dict[str, str]:
    """The cause of a failure, as tags: the class, the message and the traceback."""
    trace = "".join(traceback.format_exception(error))
    return {
        "arogya.error": type(error).__name__,
        "arogya.error_message": str(error) or type(error).__name__,
        "arogya.traceback": trace[-TAG_LIMIT:],
    }


def tag_experiment(store: Store, tags: Mapping[str, str]) -> None:
    """Set tags on the experiment: its note and its saved views."""
    for key, value in tags.items():
        store.client.set_experiment_tag(store.experiment_id, key, value)


def search(store: Store, condition: str) -> list[RunRecord]:
    """Find all active runs of the experiment that meet a condition, oldest first.

    Args:
        store: Where to look.
        condition: A filter in MLflow's language, such as ``tags.`arogya.kind` = 'fit'``.
    """
    found: dict[str, RunRecord] = {}  # a page token is an offset: a busy store repeats runs
    token = None
    with _explained(store.uri), _collector_paused():
        while True:
            page = store.client.search_runs(
                [store.experiment_id],
                condition,
                ViewType.ACTIVE_ONLY,
                PAGE,
                ["attributes.start_time ASC"],
                token,
            )
            found |= {run.info.run_id: _record(run) for run in page}
            token = page.token
            if not token:
                return list(found.values())


def get(uri: str, run_id: str) -> RunRecord:
    """Read one run of a store.

    Raises:
        TrackingError: If the store has no such run.
    """
    with _explained(uri, fix="look the run id up in `mlflow ui`."):
        return _record(MlflowClient(tracking_uri=uri).get_run(run_id))


@contextmanager
def artifact(run: RunRecord, file: str, *, uri: str) -> Iterator[Path]:
    """Give an artifact as a path on this machine: in place if it is local, else fetched.

    Raises:
        TrackingError: If the run has no such file.
    """
    local = _local(run.artifact_uri)
    if local is not None:
        path = local / file
        if not path.exists():
            raise _no_artifact(run, file)
        yield path
        return
    with tempfile.TemporaryDirectory() as temporary:
        try:
            fetched = MlflowClient(tracking_uri=uri).download_artifacts(run.run_id, file, temporary)
        except (MlflowException, OSError) as error:
            raise _no_artifact(run, file) from error
        yield Path(fetched)


def _no_artifact(run: RunRecord, file: str) -> TrackingError:
    return TrackingError(
        f"Run {run.run_id} ({run.name}) has no artifact {file!r} at {run.artifact_uri}.",
        fix="artifacts are kept by absolute path: put the folder back where it was, or delete "
        "the run and run the sweep again.",
    )


def _local(artifact_uri: str) -> Path | None:
    if not is_local_uri(artifact_uri):
        return None
    return Path(unquote(urlparse(artifact_uri).path))


def _record(run: Run) -> RunRecord:
    return RunRecord(
        run_id=run.info.run_id,
        name=run.info.run_name or "",
        status=run.info.status,
        tags=dict(run.data.tags),
        params=dict(run.data.params),
        metrics=dict(run.data.metrics),
        artifact_uri=run.info.artifact_uri,
        start_time=run.info.start_time,
        end_time=run.info.end_time,
    )


def _checked(tags: Mapping[str, str]) -> dict[str, str]:
    """Shorten what MLflow would cut silently, and say so in the value."""
    mark = " … (cut)"
    return {
        key: value if len(value) <= TAG_LIMIT else value[: TAG_LIMIT - len(mark)] + mark
        for key, value in tags.items()
    }


def _stepped(epochs: Sequence[Mapping[str, float]], now: int) -> list[Metric]:
    return [
        Metric(key, value, now, step)
        for step, epoch in enumerate(epochs, start=1)
        for key, value in epoch.items()
    ]


def _input(item: DatasetInput) -> MlflowDatasetInput:
    dataset = Dataset(
        name=item.name,
        digest=item.digest,
        source_type="arogya-bench",
        source=json.dumps({"source": item.source}),
        profile=json.dumps(item.profile),
    )
    return MlflowDatasetInput(dataset, [InputTag("mlflow.data.context", item.context)])


def _save(folder: Path, item: Table | Text) -> None:
    path = folder / item.file
    path.parent.mkdir(parents=True, exist_ok=True)
    match item:
        case Table(rows=rows):
            rows.to_parquet(path, index=False)
        case Text(text=text):
            path.write_text(text, encoding="utf-8")


def _save_view(path: Path, rows: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(rows.to_json(orient="split", index=False), encoding="utf-8")


def _log_batches(
    store: Store, run_id: str, metrics: list[Metric], params: list[Param], tags: list[RunTag]
) -> None:
    rounds = max(
        -(-len(metrics) // BATCH["metrics"]),
        -(-len(params) // BATCH["params"]),
        -(-len(tags) // BATCH["tags"]),
    )
    for part in range(rounds):
        cut = {name: slice(part * size, (part + 1) * size) for name, size in BATCH.items()}
        store.client.log_batch(
            run_id,
            metrics=metrics[cut["metrics"]],
            params=params[cut["params"]],
            tags=tags[cut["tags"]],
        )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Reading many runs makes many objects; Python's cyclic collector triples the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _impatient() -> Iterator[None]:
    """Ask a server that may not be there for seconds, not for MLflow's minutes of retries."""
    names = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _explained(uri: str, fix: str | None = None) -> Iterator[None]:
    """Turn what MLflow raises into a problem with its remedy."""
    try:
        yield
    except MlflowException as error:
        first = str(error).strip().splitlines()[0][:300]
        raise TrackingError(
            f"The tracking store {public(uri)} does not answer as it should: {first}",
            fix=fix or "start it (mlflow server --port 5000), or name another one with "
            "tracking.uri=... or MLFLOW_TRACKING_URI; sqlite:///mlflow.db needs no server.",
        ) from error


def _check_folder(database: Path, *, create: bool) -> None:
    """Look before MLflow does, whose own errors come late and from deep inside."""
    if not create and not database.exists():
        raise TrackingError(
            f"There is no MLflow store at {database}.",
            fix="go to the folder where the sweep ran, or name the store with --tracking-uri.",
        )
    for folder in (database.parent, database.parent / "mlruns"):
        if create and not _writable(folder):
            raise TrackingError(
                f"The folder {folder} cannot be written, and MLflow keeps its files there.",
                fix=f"chmod u+w {folder}, or run from a folder of your own.",
            )
    if database.exists() and database.stat().st_size and not _is_sqlite(database):
        raise TrackingError(
            f"{database} is not a SQLite database.", fix="move it away, or name another store."
        )


def _writable(folder: Path) -> bool:
    if not folder.exists():
        return folder.parent.exists() and os.access(folder.parent, os.W_OK)
    try:  # a probe, because os.access says yes to root and to read-only mounts
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _is_sqlite(database: Path) -> bool:
    with database.open("rb") as file:
        return file.read(16) == b"SQLite format 3\x00"


def _artifact_root(database: Path | None, experiment: str) -> str | None:
    """Where a new experiment keeps its files: beside a SQLite store, else as the server says.

    MLflow's own choice would be the folder of the moment, even for a store that lies elsewhere.
    """
    if database is None:
        return None
    folder = re.sub(r"[^\w.-]+", "_", experiment)
    return str(database.resolve().parent / "mlruns" / folder)


def _share(database: Path) -> None:
    """Let readers and writers work side by side; the setting stays in the file."""
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")

