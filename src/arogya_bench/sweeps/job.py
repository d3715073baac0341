"""Executes one job in the current process, and records jobs whose process was lost."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import cast

from omegaconf import DictConfig

from arogya_bench.configuration.schema import build_job
from arogya_bench.errors import UserError
from arogya_bench.evaluation.evaluation import Evaluation, run_job
from arogya_bench.runtime.child_process import ProcessResult
from arogya_bench.sweeps.call_costs import CallCosts, usd_of_process
from arogya_bench.sweeps.job_result import JobResult
from arogya_bench.tracking.runs import error_tags, fail_run, search_runs
from arogya_bench.tracking.store import open_store
from arogya_bench.tracking.tags import PROCESS

CLEAN = "clean"


def execute(config: DictConfig, choices: Mapping[str, str], store_uri: str, parent: str) -> JobResult:
    """Run a job; if it fails, its result says why.

    Args:
        config: The config as Hydra composed it, without Hydra's own node.
        choices: The option that was chosen for each config group.
        store_uri: Address of the store.
        parent: Run id of the sweep.
    """
    start, cause, calls = time.perf_counter(), {}, None
    evaluations: list[Evaluation] = []
    name = str(choices.get("model"))
    try:
        job = build_job(config, choices)
        name = job.row_name
        store = open_store(store_uri, job.experiment, create=False, retry=True)
        calls = CallCosts.begin(job)
        evaluations = run_job(job, store, parent)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (any failure becomes a record)
        cause = error_tags(error, store_uri)
    return JobResult(
        name=name,
        seed=config.seed,
        evaluated=len(evaluations),
        seconds=time.perf_counter() - start,
        cause=cause,
        api_usd=calls.end(evaluations, store_uri) if calls else None,
        score=_describe_score(evaluations),
    )


def _describe_score(evaluations: Sequence[Evaluation]) -> str:
    """The score on clean images, or under the only condition; empty if there is neither."""
    clean = [evaluation for evaluation in evaluations if evaluation.condition == CLEAN]
    shown = clean or (evaluations if len(evaluations) == 1 else [])
    return "".join(evaluation.describe_score() for evaluation in shown)


def record_crash(
    config: DictConfig, choices: Mapping[str, str], store_uri: str, process_result: ProcessResult, seconds: float
) -> JobResult:
    """Close the runs that a lost process of a job left open, and return the cause as the result of the job."""
    cause = error_tags(cast("Exception", process_result.error), store_uri, trace=process_result.traceback)
    name, api_usd = str(choices.get("model")), None
    with suppress(UserError):  # what cannot be closed here is closed at the end of the sweep
        job = build_job(config, choices)
        name, api_usd = job.row_name, usd_of_process(job, process_result.worker)
        store = open_store(store_uri, job.experiment, create=False, retry=True)
        for run in search_runs(
            store, f"attributes.status = 'RUNNING' and tags.`{PROCESS}` = '{process_result.worker}'"
        ):
            fail_run(store, run.run_id, "KILLED", cause)
    return JobResult(
        name=name, seed=config.seed, evaluated=0, seconds=seconds, cause=cause, killed=True, api_usd=api_usd
    )
