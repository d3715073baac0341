"""A sweep: everything checked first, one parent run, jobs that fail alone, a summary."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from rich.markup import escape

from arogya_bench.configuration import compose
from arogya_bench.errors import ConfigError, TrackingError, WorkerLost
from arogya_bench.evaluation.job import Job
from arogya_bench.gate.findings import Report
from arogya_bench.runtime import process as liveness
from arogya_bench.runtime.console import say, working
from arogya_bench.runtime.environment import tags as provenance_tags
from arogya_bench.runtime.gc_pause import collector_paused
from arogya_bench.runtime.redaction import disguised
from arogya_bench.runtime.store_urls import concealed, impatient
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
from arogya_bench.sweeps.retry import Sweep, work_through
from arogya_bench.sweeps.worker import Task
from arogya_bench.tracking import runs as tracking
from arogya_bench.tracking import store as stores
from arogya_bench.tracking.items import TableView, Tags


def run(request: compose.Request) -> int:
    """Check everything, make what MLflow does not hold yet, say what happened.

    Returns:
        The exit code of the command: 0, or 3 if a job failed.

    Raises:
        Fixable: Before any work starts and before anything is written.
    """
    stores.follow_mlflow_run()
    with compose.opened(request) as study:
        with working("checking configs and data"), collector_paused():
            jobs = [each.job for each in study.compositions]
            uri, experiment = _destination(jobs)
            stores.require(uri)  # before minutes go into drawing or reading data
            launching.require_sound(study)
            wanted = plan.planned(study.compositions, stores.existing(uri, experiment))
            store = stores.open_store(uri, experiment, create=True)
            closing.bury(store)
        say(wanted.summary())
        reports = _gate_reports(wanted.wishes)
        for report in reports.values():
            say(escape(report.summary()))
        parent = _open_parent(store, request, wanted)
        return _worked(study, Sweep(store=store, parent=parent, plan=wanted), reports)


def rehearse(request: compose.Request) -> int:
    """Say what a sweep would do and what it takes; nothing is fitted, evaluated or logged.

    Returns:
        The exit code of the command: 0, or 2 if a job could not run.

    Raises:
        Fixable: If the configs do not compose, or the store does not answer.
    """
    stores.follow_mlflow_run()
    with compose.opened(request) as study, working("checking configs and data"):
        uri, experiment = _destination([each.job for each in study.compositions])
        stores.require(uri)
        launching.require_sound(study)
        known = forecast.history(stores.existing(uri, experiment))
        wanted, refusals = forecast.foreseen(study.compositions, known.cells)
        forecast.show(
            forecast.lines(wanted, known),
            refusals,
            workers=forecast.at_once(wanted, launching.workers_of(study.config)),
            usd_per_hour=study.config.sweep.usd_per_hour,
        )
    return 2 if refusals else 0


def _worked(study: compose.Study, sweep: Sweep, reports: Mapping[str, Report]) -> int:
    """Make what is missing; whatever happens meanwhile, no run stays open."""
    store, parent, engine = sweep.store, sweep.parent, launching.engine_of(study.config)
    task = Task(
        store=store.uri,
        parent=parent,
        owner=liveness.this_process(),
        isolated=engine.apart,
        timeout=study.config.sweep.job_timeout,
        folder=str(Path.cwd()),
        environment=launching.environment_for(engine),
    )
    try:
        with liveness.pulse(partial(tracking.tag, store, parent)), launching.outputs(study.config):
            tracking.write(store, parent, _gate_tables(reports))
            preflight.require_reach(study, task, sweep.plan.owing(sweep.plan.todo))
            work_through(sweep, partial(launching.launch, study, task))
        outcome = summary.outcome(tracking.children(store, parent), found=len(sweep.plan.found))
        closing.close_sweep(store, parent, "FAILED" if outcome.exit_code else "FINISHED")
    except preflight.Unreached:
        closing.close_sweep(store, parent, "FAILED")
        raise
    except TrackingError as error:
        say(f"[red]The store failed:[/] {escape(str(error))}")
        say("The same command goes on, and closes runs that are open there.")
        with suppress(TrackingError), impatient():  # it may be away, or lack its files only
            closing.close_open(store, parent, error)
            closing.close_sweep(store, parent, "FAILED")
        return summary.FAILED_EXIT
    except BaseException as error:
        ended = WorkerLost(f"The sweep was ended: {type(error).__name__}.", fix=closing.GO_ON)
        closing.close_open(store, parent, ended)
        closing.close_sweep(store, parent, "KILLED")
        raise
    summary.show(store, outcome)
    return outcome.exit_code


def _destination(jobs: Sequence[Job]) -> tuple[str | None, str]:
    places = {(job.tracking_uri, job.experiment) for job in jobs}
    if len(places) > 1:
        raise ConfigError(
            "A sweep over tracking would scatter one study over several stores.",
            fix="run one sweep for each tracking.uri or tracking.experiment.",
        )
    return places.pop()


def _gate_reports(wishes: Sequence[plan.Wish]) -> dict[str, Report]:
    return {wish.prepared.gate.split_digest: wish.prepared.gate for wish in wishes}


def _gate_tables(reports: Mapping[str, Report]) -> Iterator[TableView]:
    """What the gate found in each dataset as it was divided, where ``mlflow ui`` shows it."""
    for key, report in reports.items():
        yield TableView(file=f"gate/{report.dataset}-{key[:6]}.json", rows=report.table())


def _open_parent(store: stores.Store, request: compose.Request, wanted: plan.Plan) -> str:
    """Start the sweep run, or adopt the run that ``mlflow run`` made for us."""
    names = sorted({wish.prepared.job.row_name for wish in wanted.wishes})
    datasets = sorted({wish.prepared.dataset.name for wish in wanted.wishes})
    tags = {
        "arogya.kind": "sweep",
        "arogya.overrides": disguised(concealed(" ".join(request.overrides), store.uri)),
        "arogya.model": ", ".join(names),
        "arogya.dataset": ", ".join(datasets),
        **provenance_tags(),
    }
    if adopted := tracking.adopted(store):
        mine = {liveness.PROCESS: str(liveness.this_process())}
        tracking.write(store, adopted, [Tags(values={**tags, **mine})])
        return adopted
    return tracking.start(store, f"sweep · {', '.join(datasets)}", tags)
