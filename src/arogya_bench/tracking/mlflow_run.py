"""The run that ``mlflow run`` made for this process, which a sweep or a comparison adopts."""

import os

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from arogya_bench.errors import TrackingError
from arogya_bench.runtime.store_urls import short_timeouts, sqlite_path, without_credentials
from arogya_bench.tracking.runs import get_run
from arogya_bench.tracking.store import Store, absolute_uri, default_uri
from arogya_bench.tracking.store_errors import translate_errors

RUN_ID = "MLFLOW_RUN_ID"
UNKNOWN_RUN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # error codes of MLflow
LEFT_OVER = "unset MLFLOW_RUN_ID: only `mlflow run` sets it, and it is left over in this shell."


def check_mlflow_run(uri: str | None) -> None:
    """Check, before any work, that the run that ``MLFLOW_RUN_ID`` names can be adopted.

    Raises:
        TrackingError: If the store has no such run, or it has ended or was deleted.
    """
    run_id = os.environ.get(RUN_ID)
    if not run_id:
        return
    problem = _problem(run_id, absolute_uri(uri or default_uri()))
    if problem:
        raise TrackingError(f"The variable MLFLOW_RUN_ID names the run {run_id}, but {problem}.", fix=LEFT_OVER)


def _problem(run_id: str, uri: str) -> str:
    database = sqlite_path(uri)
    if database is not None and not database.exists():
        return f"there is no store at {database}"
    with translate_errors(uri), short_timeouts():
        try:
            run = MlflowClient(tracking_uri=uri).get_run(run_id)
        except MlflowException as error:
            if error.error_code not in UNKNOWN_RUN:
                raise
            return f"{without_credentials(uri)} has no such run"
    if run.info.lifecycle_stage != "active":
        return "that run was deleted"
    return "" if run.info.status in ("RUNNING", "SCHEDULED") else f"that run has ended ({run.info.status})"


def take_over_mlflow_run(store: Store) -> str | None:
    """The run that ``mlflow run`` created for this process, if it belongs to this experiment.

    A run of another experiment is not used, because MLflow does not nest runs across experiments. The variable is
    removed from the environment; otherwise every later process would resume that run.
    """
    run_id = os.environ.pop(RUN_ID, None)
    if run_id and get_run(store.uri, run_id).experiment_id == store.experiment_id:
        return run_id
    return None
