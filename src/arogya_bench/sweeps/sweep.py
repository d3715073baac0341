"""Runs a sweep: checks everything first, then evaluates what is missing under one parent run."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from rich.markup import escape

from arogya_bench.configuration.compose import ComposedSweep, RunRequest, compose_sweep
from arogya_bench.errors import TrackingError, WorkerLost
from arogya_bench.evaluation.job import PlannedJob
from arogya_bench.prices.spending import Spending
from arogya_bench.runtime.console import echo
from arogya_bench.runtime.gc_pause import gc_paused
from arogya_bench.runtime.process import current_process, heartbeat
from arogya_bench.runtime.progress import show_activity
from arogya_bench.runtime.redaction import redact
from arogya_bench.runtime.store_urls import short_timeouts, strip_credentials
from arogya_bench.sweeps.api_calls import print_api_rows, unmeasured_note
from arogya_bench.sweeps.cleanup import RERUN_ADVICE, close_orphaned_runs, close_sweep, kill_open_runs
from arogya_bench.sweeps.gate_summary import gate_items, print_gate_summary
from arogya_bench.sweeps.launcher_settings import launcher_spec, runs_in_child_process, validate_launcher
from arogya_bench.sweeps.launchers import forwarded_environment, launch, output_folder
from arogya_bench.sweeps.ledger import Ledger
from arogya_bench.sweeps.measurements import (
    check_fitted,
    check_measurable,
    measurement_summary,
    plan_measurements,
    take_measurements,
)
from arogya_bench.sweeps.plan import SweepPlan, finished_cells, plan_sweep, prepare_all, sweep_destination
from arogya_bench.sweeps.preflight import PreflightError, check_worker_access
from arogya_bench.sweeps.retry import RunningSweep, run_until_done
from arogya_bench.sweeps.row_facts import declare_training_data, update_reused_runs
from arogya_bench.sweeps.row_names import check_row_names
from arogya_bench.sweeps.score_table import print_scores
from arogya_bench.sweeps.skipped_cells import all_jobs, print_skipped, skipped_items
from arogya_bench.sweeps.summary import FAILED_EXIT, count_outcomes, print_summary
from arogya_bench.sweeps.sweep_costs import RemoteWork, describe_cost, plan_spending
from arogya_bench.sweeps.sweep_end import SweepEnd
from arogya_bench.sweeps.sweep_prices import SweepPrices, sweep_prices
from arogya_bench.sweeps.worker import OUTPUT_PREFIX, RunJob
from arogya_bench.tracking.items import Tags
from arogya_bench.tracking.mlflow_run import check_mlflow_run, take_over_mlflow_run
from arogya_bench.tracking.runs import child_runs, set_tag, start_run, write_items
from arogya_bench.tracking.store import Store, check_store, find_store, open_store, use_mlflow_run_experiment
from arogya_bench.tracking.tags import DATASET, HEARTBEAT, KIND, MODEL, OVERRIDES, PROCESS, environment_tags


def run_sweep(request: RunRequest) -> int:
    """Do what ``perform_sweep`` does, and return the exit code of the command: 0, or 3 if a job failed."""
    return perform_sweep(request).exit_code


def perform_sweep(request: RunRequest) -> SweepEnd:
    """Check everything, evaluate the cells that MLflow does not hold yet, and print a summary.

    Raises:
        UserError: Before any work starts and before anything is written.
    """
    started = time.time()
    use_mlflow_run_experiment()
    with compose_sweep(request) as composed:
        with show_activity("checking configs and data"), gc_paused():
            check_row_names(composed.jobs)
            uri, experiment = sweep_destination(composed.jobs)
            check_store(uri)  # before minutes go into drawing or reading data
            check_mlflow_run(uri)
            validate_launcher(composed)
            check_measurable(composed)
            prices = sweep_prices(composed)
            existing = find_store(uri, experiment)
            declare_training_data(composed.jobs, existing)
            plan = plan_sweep(composed.jobs, finished_cells(existing), prices)
            store = open_store(uri, experiment, create=True)
            close_orphaned_runs(store)
            measurements = plan_measurements(plan.jobs)
            spending = plan_spending(composed, plan, measurements, store, prices, started)
        echo(f"{plan.summary()}{measurement_summary(measurements, store)}")
        update_reused_runs(plan, store)
        print_gate_summary(plan.jobs)
        print_api_rows(plan, prices, composed.config.budget.usd)
        parent = _open_parent(store, request, all_jobs(plan))
        sweep = RunningSweep(store=store, parent=parent, plan=plan)
        with _open_ledger(spending, composed.config.sweep.max_failures) as ledger:

            def work() -> None:
                _run_jobs(composed, sweep, ledger)
                take_measurements(store, parent, measurements, ledger=ledger)

            code = _execute(sweep, work, partial(_cost_of, composed, sweep, prices, ledger))
    return SweepEnd(exit_code=code, store=store, run_id=parent, cells=plan.cells | plan.reused)


def run_measure(request: RunRequest) -> int:
    """Measure the fits that MLflow holds already; nothing is fitted or evaluated.

    Returns:
        The exit code of the command: 0, or 3 if a measurement failed.

    Raises:
        UserError: Before any work starts, also if a model has no finished fit with these settings.
    """
    started = time.time()
    use_mlflow_run_experiment()
    with compose_sweep(request) as composed:
        with show_activity("checking configs and data"), gc_paused():
            check_measurable(composed)
            prices = sweep_prices(composed)
            check_row_names(composed.jobs)
            uri, experiment = sweep_destination(composed.jobs)
            check_store(uri)
            check_mlflow_run(uri)
            store = open_store(uri, experiment, create=False)
            planned = prepare_all(composed.jobs)
            measurements = plan_measurements(planned)
            check_fitted(measurements, store, unmeasured=unmeasured_note(planned))
            close_orphaned_runs(store)
            nothing_else = SweepPlan(jobs=(), finished=frozenset())
            spending = plan_spending(composed, nothing_else, measurements, store, prices, started)
        echo(measurement_summary(measurements, store).strip())
        if note := unmeasured_note(planned):
            echo(escape(note))
        parent = _open_parent(store, request, planned)
        sweep = RunningSweep(store=store, parent=parent, plan=nothing_else)
        with _open_ledger(spending) as ledger:
            work = partial(take_measurements, store, parent, measurements, ledger=ledger)
            return _execute(sweep, work, partial(_cost_of, composed, sweep, prices, ledger))


@contextmanager
def _open_ledger(spending: Spending, max_failures: int | None = None) -> Iterator[Ledger]:
    with tempfile.TemporaryDirectory(prefix=OUTPUT_PREFIX) as folder:
        yield Ledger(file=f"{folder}/ledger", plan=spending, max_failures=max_failures)


def _execute(sweep: RunningSweep, work: Callable[[], None], describe_cost: Callable[[], str]) -> int:
    """Do the work of a sweep, and close all its runs however it ends."""
    store, parent = sweep.store, sweep.parent
    try:
        with heartbeat(partial(set_tag, store, parent, HEARTBEAT)):
            work()
        outcome = count_outcomes(child_runs(store, parent), reused=len(sweep.plan.reused))
        close_sweep(store, parent, "FAILED" if outcome.exit_code else "FINISHED")
    except PreflightError:
        close_sweep(store, parent, "FAILED")
        raise
    except TrackingError as error:
        return _abandon(sweep, error)
    except BaseException as error:
        lost = WorkerLost(f"The sweep was interrupted: {type(error).__name__}.", fix=RERUN_ADVICE)
        kill_open_runs(store, parent, lost)
        close_sweep(store, parent, "KILLED")
        raise
    print_scores(sweep.plan, store)
    if sweep.plan.pending:  # else nothing stands between this and the first time
        print_skipped(sweep.plan)
    print_summary(store, outcome, skipped=len(sweep.plan.skipped_cells), cost=describe_cost())
    return outcome.exit_code


def _cost_of(composed: ComposedSweep, sweep: RunningSweep, prices: SweepPrices, ledger: Ledger) -> str:
    if not ledger.plan.jobs:
        return ""
    remote = RemoteWork(seconds=sweep.job_seconds, paid=sweep.paid) if launcher_spec(composed.config).remote else None
    return describe_cost(ledger, prices, remote=remote)


def _run_jobs(composed: ComposedSweep, sweep: RunningSweep, ledger: Ledger) -> None:
    store, parent, launcher = sweep.store, sweep.parent, launcher_spec(composed.config)
    run_job = RunJob(
        store_uri=store.uri,
        parent=parent,
        owner=current_process(),
        in_child_process=runs_in_child_process(composed.config),
        timeout=composed.config.sweep.job_timeout,
        folder=str(Path.cwd()),
        ledger=None if launcher.remote else ledger,
        environment=forwarded_environment(launcher),
    )
    with output_folder(composed.config):
        write_items(store, parent, [*gate_items(sweep.plan.jobs), *skipped_items(sweep.plan)])
        check_worker_access(composed, run_job, sweep.plan.jobs_with(sweep.plan.pending))
        run_until_done(sweep, partial(launch, composed, run_job))


def _abandon(sweep: RunningSweep, error: TrackingError) -> int:
    """End a sweep whose store failed, as far as the store still allows it."""
    echo(f"[red]The store failed:[/] {escape(str(error))}")
    echo("Run the same command again to resume; it also closes the runs that are still open.")
    with suppress(TrackingError), short_timeouts():  # perhaps only its artifacts are unavailable
        kill_open_runs(sweep.store, sweep.parent, error)
        close_sweep(sweep.store, sweep.parent, "FAILED")
    return FAILED_EXIT


def _open_parent(store: Store, request: RunRequest, jobs: Sequence[PlannedJob]) -> str:
    """Start the run of the sweep, or adopt the run that ``mlflow run`` started; return its id."""
    models = ", ".join(sorted({planned.job.row_name for planned in jobs}))
    datasets = ", ".join(sorted({planned.dataset.name for planned in jobs}))
    tags = {
        KIND: "sweep",
        OVERRIDES: redact(strip_credentials(" ".join(request.overrides), store.uri)),
        MODEL: models,
        DATASET: datasets,
        **environment_tags(),
    }
    if run_id := take_over_mlflow_run(store):
        write_items(store, run_id, [Tags(values={**tags, PROCESS: str(current_process())})])
        return run_id
    return start_run(store, f"sweep · {datasets}", tags)
