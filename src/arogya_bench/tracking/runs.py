"""The only reader and writer of MLflow."""

import json
import os
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mlflow import entities
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from arogya_bench.errors import TrackingError
from arogya_bench.runtime.gc_pause import gc_paused
from arogya_bench.runtime.process import current_process
from arogya_bench.runtime.redaction import REDACTED, is_secret, redact
from arogya_bench.runtime.store_urls import short_timeouts, strip_credentials
from arogya_bench.tracking.items import (
    Curves,
    DatasetInput,
    Folder,
    Item,
    ModelInput,
    Params,
    ParquetTable,
    Picture,
    Scalars,
    TableView,
    Tags,
    Text,
)
from arogya_bench.tracking.store import Store, translate_errors
from arogya_bench.tracking.tags import ERROR, ERROR_MESSAGE, PROCESS, TRACEBACK, with_current_names

BATCH_LIMITS = {"metrics": 1000, "params": 100, "tags": 100}  # what MLflow takes at once
TAG_LIMIT = 8000  # characters; MLflow cuts longer ones without a word
PAGE_SIZE = 1000  # runs per search


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run as it stands in MLflow; times are milliseconds since 1970, UTC."""

    run_id: str
    experiment_id: str
    name: str
    status: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    artifact_uri: str
    start_time: int
    end_time: int | None


def start_run(
    store: Store, name: str, tags: Mapping[str, str], *, parent: str | None = None
) -> str:
    """Create a run with its first tags.

    The client is used rather than ``mlflow.start_run``, which would adopt a run named in the
    environment and note the login name of the user. The run names its process, so that it can
    be closed by another one after this one was killed.

    Returns:
        The run id.
    """
    every = {**tags, PROCESS: str(current_process())}
    if parent:
        every["mlflow.parentRunId"] = parent
    with translate_errors(store.uri):
        run = store.client.create_run(
            store.experiment_id, tags=_sanitise_tags(every), run_name=name
        )
    return str(run.info.run_id)


def take_over_mlflow_run(store: Store) -> str | None:
    """The run that ``mlflow run`` made for this process, if it is one of this experiment.

    A run of another experiment stays what it is: children do not nest across experiments. The
    variable is taken away, because every later process would resume that run otherwise.
    """
    run_id = os.environ.pop("MLFLOW_RUN_ID", None)
    if run_id and get_run(store.uri, run_id).experiment_id == store.experiment_id:
        return run_id
    return None


def write_items(store: Store, run_id: str, items: Iterable[Item]) -> None:
    """Write what a run leaves: files first, then one batch, so that numbers imply evidence."""
    every = list(items)
    with translate_errors(store.uri):
        _write_files(store, run_id, every)
        datasets = [_dataset_input(item) for item in every if isinstance(item, DatasetInput)]
        models = [
            entities.LoggedModelInput(item.model_id)
            for item in every
            if isinstance(item, ModelInput)
        ]
        if datasets or models:
            store.client.log_inputs(run_id, datasets=datasets, models=models)
        _log_batches(store, run_id, every)


def _write_files(store: Store, run_id: str, every: Sequence[Item]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for item in every:
            match item:
                case ParquetTable() | TableView() | Text() | Picture():
                    _write_item(folder, item)
                case Folder(name=name, path=path):
                    store.client.log_artifacts(run_id, str(path), name or None)
        if any(folder.iterdir()):
            store.client.log_artifacts(run_id, str(folder))


def reopen_run(store: Store, run_id: str, *, parent: str | None = None) -> bool:
    """Take up a run that a process could not finish, as a child of the sweep that goes on.

    Returns:
        Whether there is such a run; one that finished or was deleted is not taken up.
    """
    with translate_errors(store.uri):
        try:
            run = store.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        if run.info.status == "FINISHED" or run.info.lifecycle_stage != "active":
            return False
        # First of all: a run that is open without a living process is closed by others.
        store.client.set_tag(run_id, PROCESS, str(current_process()))
        store.client.update_run(run_id, status="RUNNING")
        for key in (ERROR, ERROR_MESSAGE, TRACEBACK):
            if key in run.data.tags:
                store.client.delete_tag(run_id, key)
        if parent:
            store.client.set_tag(run_id, "mlflow.parentRunId", parent)
    return True


def finish_run(store: Store, run_id: str, status: str = "FINISHED") -> None:
    """Close a run as FINISHED, FAILED or KILLED."""
    with translate_errors(store.uri):
        store.client.set_terminated(run_id, status)


@contextmanager
def close_on_error(store: Store, run_id: str) -> Iterator[None]:
    """Close a run as FAILED, or as KILLED on Ctrl-C, with its cause, and pass the error on."""
    try:
        yield
    except BaseException as error:
        # A store that is away now was waited for already; whoever ends the sweep closes the run.
        with suppress(TrackingError), short_timeouts():
            status = "FAILED" if isinstance(error, Exception) else "KILLED"
            fail_run(store, run_id, status, error_tags(error, store.uri))
        raise


def fail_run(store: Store, run_id: str, status: str, cause: Mapping[str, str]) -> None:
    """Close a run that came to no good end.

    Args:
        store: That holds it.
        run_id: Of the run.
        status: FAILED or KILLED.
        cause: What ``error_tags`` says of it.
    """
    with translate_errors(store.uri):
        for key, value in _sanitise_tags(cause).items():
            store.client.set_tag(run_id, key, value)
        store.client.set_terminated(run_id, status)


def set_tag(store: Store, run_id: str, key: str, value: str) -> None:
    """Set one tag of a run."""
    with translate_errors(store.uri):
        store.client.set_tag(run_id, key, value)


def error_tags(error: BaseException, uri: str, *, trace: str | None = None) -> dict[str, str]:
    """The cause of a failure, as tags: the class, the message and the traceback.

    Args:
        error: The cause.
        uri: Of the store, whose login is left out.
        trace: Where its process was, if that is known better than from the error.
    """
    own = trace if trace is not None else "".join(traceback.format_exception(error))
    trace = redact(strip_credentials(own, uri))  # before it is cut, which may cut a secret
    return {
        ERROR: type(error).__name__,
        ERROR_MESSAGE: strip_credentials(str(error), uri) or type(error).__name__,
        TRACEBACK: trace[-TAG_LIMIT:],
    }


def tag_experiment(store: Store, tags: Mapping[str, str]) -> None:
    """Set tags on the experiment: its note and its saved views.

    Raises:
        TrackingError: Also if another process sets the same tag for the first time just now.
    """
    with translate_errors(store.uri):
        for key, value in tags.items():
            store.client.set_experiment_tag(store.experiment_id, key, value)


def search_runs(store: Store, condition: str, *, fix: str | None = None) -> list[RunRecord]:
    """Find all active runs of the experiment that meet a condition, oldest first.

    Args:
        store: Where to look.
        condition: A filter in MLflow's language, such as ``tags.`arogya.kind` = 'fit'``.
        fix: What to do if it cannot be read, where a user wrote a part of it.
    """
    found: dict[str, RunRecord] = {}  # a page token is an offset: a busy store repeats runs
    token = None
    with translate_errors(store.uri, fix), gc_paused():
        while True:
            page = store.client.search_runs(
                [store.experiment_id],
                condition,
                entities.ViewType.ACTIVE_ONLY,
                PAGE_SIZE,
                ["attributes.start_time ASC"],
                token,
            )
            found |= {run.info.run_id: _run_record(run) for run in page}
            token = page.token
            if not token:
                return list(found.values())


def child_runs(store: Store, parent: str) -> list[RunRecord]:
    """Find the runs of a sweep."""
    return search_runs(store, f"tags.`mlflow.parentRunId` = '{parent}'")


def get_run(uri: str, run_id: str) -> RunRecord:
    """Read one run of a store.

    Raises:
        TrackingError: If the store has no such run.
    """
    with translate_errors(uri, fix="look the run id up in `mlflow ui`."):
        return _run_record(MlflowClient(tracking_uri=uri).get_run(run_id))


def _run_record(run: entities.Run) -> RunRecord:
    return RunRecord(
        run_id=run.info.run_id,
        experiment_id=run.info.experiment_id,
        name=run.info.run_name or "",
        status=run.info.status,
        tags=with_current_names(run.data.tags),
        params=dict(run.data.params),
        metrics=dict(run.data.metrics),
        artifact_uri=run.info.artifact_uri,
        start_time=run.info.start_time,
        end_time=run.info.end_time,
    )


def _sanitise_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Leave secrets out, and shorten what MLflow would cut silently, saying so in the value."""
    mark = " … (cut)"
    shown = {key: redact(value) for key, value in tags.items()}
    return {
        key: value if len(value) <= TAG_LIMIT else value[: TAG_LIMIT - len(mark)] + mark
        for key, value in shown.items()
    }


def _dataset_input(item: DatasetInput) -> entities.DatasetInput:
    dataset = entities.Dataset(
        name=item.name,
        digest=item.digest,
        source_type="arogya-bench",
        source=json.dumps({"source": item.source}),
        profile=json.dumps(item.profile),
    )
    return entities.DatasetInput(dataset, [entities.InputTag("mlflow.data.context", item.context)])


def _write_item(folder: Path, item: ParquetTable | TableView | Text | Picture) -> None:
    path = folder / item.file
    path.parent.mkdir(parents=True, exist_ok=True)
    match item:
        case ParquetTable(rows=rows):
            rows.to_parquet(path, index=False)
        case TableView(rows=rows):  # the form that MLflow's own log_table writes
            path.write_text(rows.to_json(orient="split", index=False), encoding="utf-8")
        case Text(text=text):
            path.write_text(redact(text), encoding="utf-8")
        case Picture(content=content):
            path.write_bytes(content)


def _log_batches(store: Store, run_id: str, items: Sequence[Item]) -> None:
    now = int(time.time() * 1000)
    metrics = [each for item in items for each in _item_metrics(item, now)]
    params = [
        entities.Param(key, REDACTED if is_secret(key) else redact(str(value)))
        for item in items
        if isinstance(item, Params)
        for key, value in item.values.items()
    ]
    tags = [
        entities.RunTag(key, value) for key, value in _sanitise_tags(_collect_tags(items)).items()
    ]
    sizes = {"metrics": len(metrics), "params": len(params), "tags": len(tags)}
    for part in range(max(-(-sizes[name] // most) for name, most in BATCH_LIMITS.items())):
        cut = {name: slice(part * most, (part + 1) * most) for name, most in BATCH_LIMITS.items()}
        store.client.log_batch(
            run_id,
            metrics=metrics[cut["metrics"]],
            params=params[cut["params"]],
            tags=tags[cut["tags"]],
        )


def _item_metrics(item: Item, now: int) -> list[entities.Metric]:
    match item:
        case Scalars(values=numbers):
            return [entities.Metric(key, value, now, 0) for key, value in numbers.items()]
        case Curves(epochs=epochs):
            return [
                entities.Metric(key, value, now, step)
                for step, epoch in enumerate(epochs, start=1)
                for key, value in epoch.items()
            ]
    return []


def _collect_tags(items: Sequence[Item]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for item in items:
        if isinstance(item, Tags):
            tags |= item.values
    shown = [item.file for item in items if isinstance(item, TableView)]
    if shown:
        entries = [{"path": file, "type": "table"} for file in shown]
        tags["mlflow.loggedArtifacts"] = json.dumps(entries)
    return tags
