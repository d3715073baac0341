"""A sweep: everything checked first, one parent run, jobs that fail alone, a summary."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from rich.markup import escape

from arogya_bench.configuration import compose
from arogya_bench.errors import ConfigError, TrackingError, WorkerLost
from arogya_bench.evaluation.job import Job
from arogya_bench.gate.findings import GateReport
from arogya_bench.runtime import process as liveness
from arogya_bench.runtime.console import echo, spinner
from arogya_bench.runtime.gc_pause import gc_paused
from arogya_bench.runtime.redaction import redact
from arogya_bench.runtime.store_urls import short_timeouts, strip_credentials
from arogya_bench.sweeps import (
    cleanup as closing,
)
from arogya_bench.sweeps import (
    dry_run as forecast,
)
from arogya_bench.sweeps import (
    launchers as launching,
)
from arogya_bench.sweeps import (
    plan,
    preflight,
    summary,
)
from arogya_bench.sweeps.retry import RunningSweep, run_until_done
from arogya_bench.sweeps.worker import Task
from arogya_bench.tracking.items import TableView, Tags
from arogya_bench.tracking.runs import (
    child_runs,
    set_tag,
    start_run,
    take_over_mlflow_run,
    write_items,
)
from arogya_bench.tracking.store import (
    Store,
    check_store,
    find_store,
    open_store,
    use_mlflow_run_experiment,
)
from arogya_bench.tracking.tags import (
    DATASET,
    HEARTBEAT,
    KIND,
    MODEL,
    OVERRIDES,
    PROCESS,
    environment_tags,
)


def run(request: compose.RunRequest) -> int:
    """Check everything, make what MLflow does not hold yet, say what happened.

    Returns:
        The exit code of the command: 0, or 3 if a job failed.

    Raises:
        Fixable: Before any work starts and before anything is written.
    """
    use_mlflow_run_experiment()
    with compose.compose_sweep(request) as study:
        with spinner("checking configs and data"), gc_paused():
            jobs = [each.job for each in study.compositions]
            uri, experiment = _destination(jobs)
            check_store(uri)  # before minutes go into drawing or reading data
            launching.validate_launcher(study)
            wanted = plan.plan_sweep(study.compositions, find_store(uri, experiment))
            store = open_store(uri, experiment, create=True)
            closing.close_orphaned_runs(store)
        echo(wanted.summary())
        reports = _gate_reports(wanted.jobs)
        for report in reports.values():
            echo(escape(report.summary()))
        parent = _open_parent(store, request, wanted)
        return _execute(study, RunningSweep(store=store, parent=parent, plan=wanted), reports)


def dry_run(request: compose.RunRequest) -> int:
    """Say what a sweep would do and what it takes; nothing is fitted, evaluated or logged.

    Returns:
        The exit code of the command: 0, or 2 if a job could not run.

    Raises:
        Fixable: If the configs do not compose, or the store does not answer.
    """
    use_mlflow_run_experiment()
    with compose.compose_sweep(request) as study, spinner("checking configs and data"):
        uri, experiment = _destination([each.job for each in study.compositions])
        check_store(uri)
        launching.validate_launcher(study)
        known = forecast.load_history(find_store(uri, experiment))
        wanted, refusals = forecast.plan_without_running(study.compositions, known.cells)
        forecast.print_forecast(
            forecast.forecast_rows(wanted, known),
            refusals,
            workers=forecast.parallel_jobs(wanted, launching.worker_count(study.config)),
            usd_per_hour=study.config.sweep.usd_per_hour,
        )
    return 2 if refusals else 0


def _execute(study: compose.Study, sweep: RunningSweep, reports: Mapping[str, GateReport]) -> int:
    """Make what is missing; whatever happens meanwhile, no run stays open."""
    store, parent, engine = sweep.store, sweep.parent, launching.launcher_spec(study.config)
    task = Task(
        store_uri=store.uri,
        parent=parent,
        owner=liveness.current_process(),
        isolated=engine.isolated,
        timeout=study.config.sweep.job_timeout,
        folder=str(Path.cwd()),
        environment=launching.forwarded_environment(engine),
    )
    try:
        with (
            liveness.heartbeat(partial(set_tag, store, parent, HEARTBEAT)),
            launching.output_folder(study.config),
        ):
            write_items(store, parent, _gate_tables(reports))
            preflight.check_worker_access(study, task, sweep.plan.jobs_with(sweep.plan.pending))
            run_until_done(sweep, partial(launching.launch, study, task))
        outcome = summary.count_outcomes(child_runs(store, parent), reused=len(sweep.plan.reused))
        closing.close_sweep(store, parent, "FAILED" if outcome.exit_code else "FINISHED")
    except preflight.PreflightError:
        closing.close_sweep(store, parent, "FAILED")
        raise
    except TrackingError as error:
        echo(f"[red]The store failed:[/] {escape(str(error))}")
        echo("The same command goes on, and closes runs that are open there.")
        with suppress(TrackingError), short_timeouts():  # it may be away, or lack its files only
            closing.kill_open_runs(store, parent, error)
            closing.close_sweep(store, parent, "FAILED")
        return summary.FAILED_EXIT
    except BaseException as error:
        ended = WorkerLost(
            f"The sweep was ended: {type(error).__name__}.", fix=closing.RERUN_ADVICE
        )
        closing.kill_open_runs(store, parent, ended)
        closing.close_sweep(store, parent, "KILLED")
        raise
    summary.print_summary(store, outcome)
    return outcome.exit_code


def _destination(jobs: Sequence[Job]) -> tuple[str | None, str]:
    places = {(job.tracking_uri, job.experiment) for job in jobs}
    if len(places) > 1:
        raise ConfigError(
            "A sweep over tracking would scatter one study over several stores.",
            fix="run one sweep for each tracking.uri or tracking.experiment.",
        )
    return places.pop()


def _gate_reports(wishes: Sequence[plan.Wish]) -> dict[str, GateReport]:
    return {wish.planned.gate_report.split_digest: wish.planned.gate_report for wish in wishes}


def _gate_tables(reports: Mapping[str, GateReport]) -> Iterator[TableView]:
    """What the gate found in each dataset as it was divided, where ``mlflow ui`` shows it."""
    for key, report in reports.items():
        yield TableView(file=f"gate/{report.dataset}-{key[:6]}.json", rows=report.table())


def _open_parent(store: Store, request: compose.RunRequest, wanted: plan.SweepPlan) -> str:
    """Start the sweep run, or adopt the run that ``mlflow run`` made for us."""
    names = sorted({wish.planned.job.row_name for wish in wanted.jobs})
    datasets = sorted({wish.planned.dataset.name for wish in wanted.jobs})
    tags = {
        KIND: "sweep",
        OVERRIDES: redact(strip_credentials(" ".join(request.overrides), store.uri)),
        MODEL: ", ".join(names),
        DATASET: ", ".join(datasets),
        **environment_tags(),
    }
    if adopted := take_over_mlflow_run(store):
        mine = {PROCESS: str(liveness.current_process())}
        write_items(store, adopted, [Tags(values={**tags, **mine})])
        return adopted
    return start_run(store, f"sweep · {', '.join(datasets)}", tags)
