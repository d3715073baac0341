"""A job in the process that really does it, and what is said of one whose process was lost."""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from arogya_bench.configuration import schema
from arogya_bench.errors import UserError
from arogya_bench.evaluation import evaluation
from arogya_bench.evaluation.job import Job
from arogya_bench.runtime.child_process import ProcessResult
from arogya_bench.runtime.process import Process
from arogya_bench.sweeps.messages import JobResult, Order
from arogya_bench.tracking.runs import error_tags, fail_run, search_runs
from arogya_bench.tracking.store import open_store
from arogya_bench.tracking.tags import PROCESS


def execute(order: Order) -> JobResult:
    """Do a job in this process; its failure becomes a part of the report."""
    began, made, cause = time.perf_counter(), 0, {}
    name = _model_option(order)
    try:
        job = _build_job(order)
        name = job.row_name
        store = open_store(order.store_uri, job.experiment, create=False, retry=True)
        made = len(evaluation.run_job(job, store, order.parent))
    except (Exception, SystemExit) as error:  # noqa: BLE001  (the one place where a failure becomes a record)
        cause = error_tags(error, order.store_uri)
    seconds = time.perf_counter() - began
    return JobResult(
        name=name, seed=order.config.seed, evaluated=made, seconds=seconds, cause=cause
    )


def record_crash(order: Order, process_result: ProcessResult, seconds: float) -> JobResult:
    """Close what a process of a job left open when it was lost, and say what became of the job."""
    job = None
    with suppress(UserError):  # what it needs may be lacking here
        job = _build_job(order)
    cause = error_tags(
        cast("Exception", process_result.error), order.store_uri, trace=process_result.traceback
    )
    if job:
        with suppress(UserError):  # the end of the sweep closes what is open
            _kill_job_runs(job, order.store_uri, process_result.worker, cause)
    name = job.row_name if job else _model_option(order)
    seed = order.config.seed
    return JobResult(name=name, seed=seed, evaluated=0, seconds=seconds, cause=cause, killed=True)


def _kill_job_runs(job: Job, uri: str, worker: Process, cause: Mapping[str, str]) -> None:
    store = open_store(uri, job.experiment, create=False, retry=True)
    left = f"attributes.status = 'RUNNING' and tags.`{PROCESS}` = '{worker}'"
    for run in search_runs(store, left):
        fail_run(store, run.run_id, "KILLED", cause)


def _build_job(order: Order) -> Job:
    return schema.build_job(order.config, order.choices)


def _model_option(order: Order) -> str:
    return str(order.choices.get("model"))
