"""A job in the process that really does it, and what is said of one whose process was lost."""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from arogya_bench.configuration import schema
from arogya_bench.errors import Fixable
from arogya_bench.evaluation import evaluation
from arogya_bench.evaluation.job import Job
from arogya_bench.runtime.child_process import Ending
from arogya_bench.runtime.process import PROCESS, Process
from arogya_bench.sweeps.messages import Order, Report
from arogya_bench.tracking import runs as tracking
from arogya_bench.tracking import store as stores


def perform(order: Order) -> Report:
    """Do a job in this process; its failure becomes a part of the report."""
    began, made, cause = time.perf_counter(), 0, {}
    name = _option(order)
    try:
        job = _job(order)
        name = job.row_name
        store = stores.open_store(order.store, job.experiment, create=False, patient=True)
        made = len(evaluation.run_job(job, store, order.parent))
    except (Exception, SystemExit) as error:  # noqa: BLE001  (the one place where a failure becomes a record)
        cause = tracking.error_tags(error, order.store)
    seconds = time.perf_counter() - began
    return Report(name=name, seed=order.config.seed, made=made, seconds=seconds, cause=cause)


def lost(order: Order, ending: Ending, seconds: float) -> Report:
    """Close what a process of a job left open when it was lost, and say what became of the job."""
    job = None
    with suppress(Fixable):  # what it needs may be lacking here
        job = _job(order)
    cause = tracking.error_tags(cast("Exception", ending.error), order.store, trace=ending.trace)
    if job:
        with suppress(Fixable):  # the end of the sweep closes what is open
            _close(job, order.store, ending.worker, cause)
    name = job.row_name if job else _option(order)
    seed = order.config.seed
    return Report(name=name, seed=seed, made=0, seconds=seconds, cause=cause, killed=True)


def _close(job: Job, uri: str, worker: Process, cause: Mapping[str, str]) -> None:
    store = stores.open_store(uri, job.experiment, create=False, patient=True)
    left = f"attributes.status = 'RUNNING' and tags.`{PROCESS}` = '{worker}'"
    for run in tracking.search(store, left):
        tracking.end(store, run.run_id, "KILLED", cause)


def _job(order: Order) -> Job:
    return schema.job_of(order.config, order.choices)


def _option(order: Order) -> str:
    return str(order.choices.get("model"))
