"""Runs: the only module that reads runs from MLflow and writes them."""

import json
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import entities
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from arogya_bench.errors import TrackingError
from arogya_bench.runtime.gc_pause import gc_paused
from arogya_bench.runtime.process import current_process
from arogya_bench.runtime.redaction import redact
from arogya_bench.runtime.store_urls import short_timeouts, strip_credentials
from arogya_bench.tracking.item_entities import (
    TAG_LIMIT,
    collect_tags,
    dataset_entity,
    metric_entities,
    param_entities,
    sanitise_tags,
    write_file,
)
from arogya_bench.tracking.items import DatasetInput, Folder, Item, ModelInput, ParquetTable, Picture, TableView, Text
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.store_errors import translate_errors
from arogya_bench.tracking.tags import ERROR, ERROR_MESSAGE, KIND, PROCESS, TRACEBACK, with_current_names

PARENT_RUN = "mlflow.parentRunId"  # a tag of MLflow: the sweep that a run belongs to

# Filters in MLflow's syntax.
FINISHED_EVALUATIONS = f"tags.`{KIND}` = 'evaluation' and attributes.status = 'FINISHED'"
FINISHED_MEASUREMENTS = f"tags.`{KIND}` = 'measurement' and attributes.status = 'FINISHED'"
FINISHED_FITS = f"tags.`{KIND}` = 'fit' and attributes.status = 'FINISHED'"

BATCH_LIMITS = {"metrics": 1000, "params": 100, "tags": 100}  # of one request
PAGE_SIZE = 1000  # runs per search


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run as MLflow stores it, its tags under current names; times in ms since 1970, UTC."""

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


def start_run(store: Store, name: str, tags: Mapping[str, str], *, parent: str | None = None) -> str:
    """Create a run with its first tags, and return its id.

    ``mlflow.start_run`` is not used: it would take over a run named in the environment, and record the login name of
    the user. The run names its process, so that another one can close it if this one is killed.
    """
    first_tags = {**tags, PROCESS: str(current_process())}
    if parent:
        first_tags[PARENT_RUN] = parent
    with translate_errors(store.uri):
        run = store.client.create_run(store.experiment_id, tags=sanitise_tags(first_tags), run_name=name)
    return str(run.info.run_id)


def write_items(store: Store, run_id: str, items: Iterable[Item]) -> None:
    """Log items: files first, then metrics, params and tags, so that numbers imply their files."""
    items = list(items)
    with translate_errors(store.uri):
        _write_files(store, run_id, items)
        datasets = [dataset_entity(item) for item in items if isinstance(item, DatasetInput)]
        models = [entities.LoggedModelInput(item.model_id) for item in items if isinstance(item, ModelInput)]
        if datasets or models:
            store.client.log_inputs(run_id, datasets=datasets, models=models)
        _log_batches(store, run_id, items)


def _write_files(store: Store, run_id: str, items: Sequence[Item]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for item in items:
            match item:
                case ParquetTable() | TableView() | Text() | Picture():
                    write_file(folder, item)
                case Folder(name=name, path=path):
                    store.client.log_artifacts(run_id, str(path), name or None)
        if any(folder.iterdir()):
            store.client.log_artifacts(run_id, str(folder))


def reopen_run(store: Store, run_id: str, *, parent: str | None = None) -> bool:
    """Reopen an unfinished run, as a child of the sweep that resumes it; False if it is finished or deleted."""
    with translate_errors(store.uri):
        try:
            run = store.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        if run.info.status == "FINISHED" or run.info.lifecycle_stage != "active":
            return False
        # The process comes first: other processes close open runs whose process is dead.
        store.client.set_tag(run_id, PROCESS, str(current_process()))
        store.client.update_run(run_id, status="RUNNING")
        for key in (ERROR, ERROR_MESSAGE, TRACEBACK):
            if key in run.data.tags:
                store.client.delete_tag(run_id, key)
        if parent:
            store.client.set_tag(run_id, PARENT_RUN, parent)
    return True


def finish_run(store: Store, run_id: str, status: str = "FINISHED") -> None:
    """Close a run as FINISHED, FAILED or KILLED."""
    with translate_errors(store.uri):
        store.client.set_terminated(run_id, status)


@contextmanager
def close_on_error(store: Store, run_id: str) -> Iterator[None]:
    """On an error, close a run as FAILED, or as KILLED on Ctrl-C, with its cause, and re-raise."""
    try:
        yield
    except BaseException as error:
        # If the store does not answer, it was retried already; the sweep closes the run later.
        with suppress(TrackingError), short_timeouts():
            status = "FAILED" if isinstance(error, Exception) else "KILLED"
            fail_run(store, run_id, status, error_tags(error, store.uri))
        raise


def fail_run(store: Store, run_id: str, status: str, cause: Mapping[str, str]) -> None:
    """Close a run as FAILED or KILLED, with a cause from ``error_tags``."""
    with translate_errors(store.uri):
        for key, value in sanitise_tags(cause).items():
            store.client.set_tag(run_id, key, value)
        store.client.set_terminated(run_id, status)


def rename_run(store: Store, run_id: str, name: str) -> None:
    """Give a run another name in ``mlflow ui``; its status stays."""
    with translate_errors(store.uri):
        store.client.update_run(run_id, name=name)


def set_tag(store: Store, run_id: str, key: str, value: str) -> None:
    """Set one tag of a run."""
    with translate_errors(store.uri):
        store.client.set_tag(run_id, key, value)


def error_tags(error: BaseException, uri: str, *, trace: str | None = None) -> dict[str, str]:
    """Describe an error as tags: its class, message and traceback, without secrets and credentials of the store.

    ``trace`` is the traceback of another process; None takes that of the error.
    """
    if trace is None:
        trace = "".join(traceback.format_exception(error))
    trace = redact(strip_credentials(trace, uri))  # first: truncation could cut a secret in two
    return {
        ERROR: type(error).__name__,
        ERROR_MESSAGE: strip_credentials(str(error), uri) or type(error).__name__,
        TRACEBACK: trace[-TAG_LIMIT:],
    }


def experiment_tags(store: Store) -> dict[str, str]:
    """The tags of the experiment, among them those that its users set."""
    with translate_errors(store.uri):
        return dict(store.client.get_experiment(store.experiment_id).tags)


def tag_experiment(store: Store, tags: Mapping[str, str]) -> None:
    """Set tags of the experiment; TrackingError also if another process creates one at the same moment."""
    with translate_errors(store.uri):
        for key, value in tags.items():
            store.client.set_experiment_tag(store.experiment_id, key, value)


def search_runs(store: Store, condition: str, *, fix: str | None = None) -> list[RunRecord]:
    """Find the active runs of the experiments of a store that match a filter, oldest first.

    Args:
        store: An experiment, and those that are read with it.
        condition: In MLflow's filter syntax, such as ``tags.`arogya.kind` = 'fit'``.
        fix: What to do if the filter is invalid, where a user wrote a part of it.
    """
    records: dict[str, RunRecord] = {}  # pages overlap while others add runs
    token = None
    with translate_errors(store.uri, fix), gc_paused():
        while True:
            page = store.client.search_runs(
                [store.experiment_id, *store.other_experiment_ids],
                condition,
                max_results=PAGE_SIZE,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            records |= {run.info.run_id: _run_record(run) for run in page}
            token = page.token
            if not token:
                break
    found = list(records.values())
    return found if store.on_read is None else store.on_read(found)


def child_runs(store: Store, parent: str) -> list[RunRecord]:
    """Find the runs whose parent is a given run."""
    return search_runs(store, f"tags.`{PARENT_RUN}` = '{parent}'")


def get_run(uri: str, run_id: str) -> RunRecord:
    """Read one run of a store; TrackingError if the store has no such run."""
    with translate_errors(uri, fix="look the run id up in `mlflow ui`."):
        return _run_record(MlflowClient(tracking_uri=uri).get_run(run_id))


def read_dataset_input(store: Store, run_id: str, name: str) -> dict[str, Any]:
    """What a run logged of its dataset, ``source`` included; empty if it has no such dataset.

    MLflow keeps the first description of a dataset in an experiment, so that the counts are those of its first run.
    """
    with translate_errors(store.uri, fix="look the run id up in `mlflow ui`."):
        inputs = store.client.get_run(run_id).inputs
    found = next((used.dataset for used in inputs.dataset_inputs if used.dataset.name == name), None)
    if found is None:
        return {}
    return {**_parse_mapping(found.profile), "source": _parse_mapping(found.source).get("source")}


def _parse_mapping(text: str | None) -> dict[str, Any]:
    content = json.loads(text or "{}")
    return content if isinstance(content, dict) else {}


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


def _log_batches(store: Store, run_id: str, items: Sequence[Item]) -> None:
    now = int(time.time() * 1000)
    metrics = [metric for item in items for metric in metric_entities(item, now)]
    params = param_entities(items)
    tags = [entities.RunTag(key, value) for key, value in sanitise_tags(collect_tags(items)).items()]
    sizes = {"metrics": len(metrics), "params": len(params), "tags": len(tags)}
    batches = max(-(-sizes[name] // limit) for name, limit in BATCH_LIMITS.items())
    for number in range(batches):
        part = {name: slice(number * limit, (number + 1) * limit) for name, limit in BATCH_LIMITS.items()}
        store.client.log_batch(
            run_id, metrics=metrics[part["metrics"]], params=params[part["params"]], tags=tags[part["tags"]]
        )
