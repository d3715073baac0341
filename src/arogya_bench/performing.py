"""A job in the process that really does it, and what is said of one whose process was lost."""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from arogya_bench import evaluation, schema, stores, tracking
from arogya_bench.errors import Fixable
from arogya_bench.isolation import Ending
from arogya_bench.jobs import Job
from arogya_bench.liveness import PROCESS
from arogya_bench.orders import Order, Report


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


def close(order: Order, ending: Ending) -> Mapping[str, str]:
    """Close what a process of a job left open.

    Returns:
        Why it ended, as the tags of a run say it.
    """
    error = cast("Exception", ending.error)
    cause = tracking.error_tags(error, order.store, trace=ending.trace)
    with suppress(Fixable):  # the end of the sweep closes what is open
        experiment = _job(order).experiment
        store = stores.open_store(order.store, experiment, create=False, patient=True)
        left = f"attributes.status = 'RUNNING' and tags.`{PROCESS}` = '{ending.worker}'"
        for run in tracking.search(store, left):
            tracking.end(store, run.run_id, "KILLED", cause)
    return cause


def lost(order: Order, cause: Mapping[str, str], seconds: float) -> Report:
    """What is said of a job whose process did not come back."""
    name = _option(order)
    with suppress(Fixable):  # what it needs may be lacking here
        name = _job(order).row_name
    seed = order.config.seed
    return Report(name=name, seed=seed, made=0, seconds=seconds, cause=cause, killed=True)


def _job(order: Order) -> Job:
    return schema.job_of(order.config, order.choices)


def _option(order: Order) -> str:
    return str(order.choices.get("model"))
