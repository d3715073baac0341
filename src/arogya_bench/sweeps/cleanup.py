"""The ends of sweeps: no run stays RUNNING, and every cell has one that says what became of it."""

import time
from collections.abc import Collection
from contextlib import suppress

from arogya_bench.errors import TrackingError, WorkerLost
from arogya_bench.evaluation.run_items import cell_tags
from arogya_bench.runtime.console import echo, plural
from arogya_bench.runtime.process import is_dead
from arogya_bench.sweeps.messages import JobResult
from arogya_bench.sweeps.plan import Wish
from arogya_bench.tracking import saved_views as views
from arogya_bench.tracking.runs import (
    child_runs,
    error_tags,
    fail_run,
    finish_run,
    search_runs,
    start_run,
    tag_experiment,
)
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import HEARTBEAT, PROCESS

RERUN_ADVICE = "run the same command again; it makes what is missing."


def close_orphaned_runs(store: Store) -> None:
    """Close the runs of processes that were killed, which could not do so themselves.

    A run of a sweep that is gone is closed with it, wherever its own process was.
    """
    now = time.time()
    open_runs = search_runs(store, "attributes.status = 'RUNNING'")
    gone = {
        run.run_id
        for run in open_runs
        if is_dead(run.tags.get(PROCESS, ""), run.tags.get(HEARTBEAT), now=now)
    }
    gone |= {run.run_id for run in open_runs if run.tags.get("mlflow.parentRunId") in gone}
    for run in open_runs:
        if run.run_id in gone:
            owner = run.tags.get(PROCESS, "unknown")
            lost = WorkerLost(f"Its process ({owner}) ended without a word.", fix=RERUN_ADVICE)
            fail_run(store, run.run_id, "KILLED", error_tags(lost, store.uri))
    if gone:
        echo(f"Closed {plural(len(gone), 'run')} that a killed process had left open.")


def kill_open_runs(store: Store, parent: str, error: BaseException) -> None:
    """Close what still runs of a sweep whose workers are gone."""
    cause = error_tags(error, store.uri)
    for run in child_runs(store, parent):
        if run.status == "RUNNING":
            fail_run(store, run.run_id, "KILLED", cause)


def record_missing_cells(
    store: Store, parent: str, wish: Wish, keys: Collection[str], result: JobResult
) -> None:
    """Leave a run for each cell that a job was to make and never began, with its cause."""
    planned, status = wish.planned, "KILLED" if result.killed else "FAILED"
    for condition in planned.job.conditions:
        if planned.cell_keys[condition.name] in keys:
            name = f"{planned.job.row_name} · {condition.name}"
            tags = cell_tags(planned, condition)
            run_id = start_run(store, name, tags, parent=parent)
            fail_run(store, run_id, status, result.cause)


def close_sweep(store: Store, parent: str, status: str) -> None:
    """Close a sweep's own run, and name the views of its experiment."""
    now = int(time.time() * 1000)
    note = {"mlflow.note.content": views.experiment_note(store.ui_path)}
    finish_run(store, parent, status)
    with suppress(TrackingError):  # a sweep that ends at the same time names the same views
        tag_experiment(store, {**views.view_tags(now), **note})
