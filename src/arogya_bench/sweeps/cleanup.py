"""Closes the runs of sweeps: none stays RUNNING, and every cell has a run that says how it ended."""

import time
from collections.abc import Collection
from contextlib import suppress

from arogya_bench.errors import TrackingError, WorkerLost
from arogya_bench.evaluation.job import PlannedJob
from arogya_bench.evaluation.run_items import cell_tags
from arogya_bench.runtime.console import echo, plural
from arogya_bench.runtime.process import is_dead
from arogya_bench.scoring.tasks import TASKS
from arogya_bench.sweeps.job_result import JobResult
from arogya_bench.tracking.experiment_note import update_note
from arogya_bench.tracking.runs import (
    FINISHED_EVALUATIONS,
    child_runs,
    error_tags,
    fail_run,
    finish_run,
    search_runs,
    start_run,
    tag_experiment,
)
from arogya_bench.tracking.saved_views import DEFAULT_METRICS, view_tags
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import HEARTBEAT, PROCESS, TASK, evaluation_name

VIEW_METRICS = {"classification": ("auroc_macro_ovr",), "detection": ("mAP50",)}  # beside the one that decides
RERUN_ADVICE = "run the same command again; it does what is missing."


def close_orphaned_runs(store: Store) -> None:
    """Close the runs of processes that were killed.

    The runs of a dead sweep are closed with it, on whatever machine their own processes ran.
    """
    now = time.time()
    open_runs = search_runs(store, "attributes.status = 'RUNNING'")
    orphaned = {run.run_id for run in open_runs if is_dead(run.tags.get(PROCESS, ""), run.tags.get(HEARTBEAT), now=now)}
    orphaned |= {run.run_id for run in open_runs if run.tags.get("mlflow.parentRunId") in orphaned}
    for run in open_runs:
        if run.run_id in orphaned:
            owner = run.tags.get(PROCESS, "unknown")
            error = WorkerLost(f"Its process ({owner}) ended unexpectedly.", fix=RERUN_ADVICE)
            fail_run(store, run.run_id, "KILLED", error_tags(error, store.uri))
    if orphaned:
        echo(f"Closed {plural(len(orphaned), 'run')} left open by a killed process.")


def kill_open_runs(store: Store, parent: str, error: BaseException) -> None:
    """Close the open runs of a sweep that has no workers any more."""
    cause = error_tags(error, store.uri)
    for run in child_runs(store, parent):
        if run.status == "RUNNING":
            fail_run(store, run.run_id, "KILLED", cause)


def record_missing_cells(
    store: Store, parent: str, planned: PlannedJob, keys: Collection[str], result: JobResult
) -> None:
    """Log a failed or killed run for each cell of ``keys`` that a job never started, with the cause."""
    status = "KILLED" if result.killed else "FAILED"
    for condition in planned.job.conditions:
        if planned.cell_keys[condition.name] in keys:
            tags = cell_tags(planned, condition)
            run_id = start_run(store, evaluation_name(tags), tags, parent=parent)
            fail_run(store, run_id, status, result.cause)


def close_sweep(store: Store, parent: str, status: str) -> None:
    """Close the run of a sweep, and register the saved views of its experiment."""
    finish_run(store, parent, status)
    with suppress(TrackingError):  # a sweep that ends at the same time writes the same tags
        tag_experiment(store, view_tags(int(time.time() * 1000), _metrics_shown(store)))
        update_note(store)


def _metrics_shown(store: Store) -> list[tuple[str, ...]]:
    """The metrics of the tasks that were evaluated in an experiment, for its saved views."""
    found = {run.tags.get(TASK) for run in search_runs(store, FINISHED_EVALUATIONS)}
    shown = [(TASKS[name].default_metric, *VIEW_METRICS.get(name, ())) for name in TASKS if name in found]
    return shown or list(DEFAULT_METRICS)
