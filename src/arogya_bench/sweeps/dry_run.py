"""Shows what a sweep would do, and its time, disk space and cost, without running it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.markup import escape
from rich.table import Table

from arogya_bench.configuration.compose import RunRequest, compose_sweep
from arogya_bench.errors import USER_ERROR_EXIT, UserError
from arogya_bench.evaluation.job import Job
from arogya_bench.runtime.console import echo, plural, spinner, stderr_console
from arogya_bench.sweeps.forecast import ForecastRow, forecast_rows, parallel_jobs, sum_known
from arogya_bench.sweeps.gate_summary import print_gate_summary
from arogya_bench.sweeps.history import load_history
from arogya_bench.sweeps.launcher_settings import validate_launcher, worker_count
from arogya_bench.sweeps.plan import SweepPlan, check_runnable, prepare_all, sweep_destination
from arogya_bench.tracking.store import check_store, find_store, use_mlflow_run_experiment


class RejectedJob(NamedTuple):
    """A job that cannot run, and why."""

    job: Job
    error: UserError


def dry_run(request: RunRequest) -> int:
    """Print the plan of a sweep, without running anything; return the exit code 0, or 2 if a job cannot run."""
    use_mlflow_run_experiment()
    with compose_sweep(request) as sweep, spinner("checking configs and data"):
        uri, experiment = sweep_destination(sweep.jobs)
        check_store(uri)
        validate_launcher(sweep)
        history = load_history(find_store(uri, experiment))
        plan, rejected = plan_without_running(sweep.jobs, history.cells)
        print_gate_summary(plan.jobs)
        print_forecast(
            forecast_rows(plan, history),
            rejected,
            workers=parallel_jobs(plan, worker_count(sweep.config)),
            usd_per_hour=sweep.config.sweep.usd_per_hour,
        )
    return USER_ERROR_EXIT if rejected else 0


def plan_without_running(jobs: Sequence[Job], finished: frozenset[str]) -> tuple[SweepPlan, tuple[RejectedJob, ...]]:
    """Plan every job that can run, and collect the errors of the others; ``finished`` holds keys of cells."""
    rejected: list[RejectedJob] = []

    def reject(job: Job, error: UserError) -> None:
        rejected.append(RejectedJob(job, error))

    plan = SweepPlan(jobs=prepare_all(jobs, on_error=reject), finished=finished)
    runnable = []
    for planned in plan.jobs:
        try:
            check_runnable(planned, plan.pending)
            runnable.append(planned)
        except UserError as error:
            reject(planned.job, error)
    return SweepPlan(jobs=tuple(runnable), finished=finished), tuple(rejected)


def print_forecast(
    rows: Sequence[ForecastRow], rejected: Sequence[RejectedJob], *, workers: int, usd_per_hour: float | None
) -> None:
    """Print the plan as a table, its totals for ``workers`` jobs at once, and the jobs that cannot run."""
    table = Table(title="Planned sweep (dry run)")
    for heading in ("model", "dataset"):
        table.add_column(heading)
    for heading in ("cells", "finished", "pending", "fits", "time", "disk", "API cost"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(escape(row.model), escape(row.dataset), *_format_row(row))
    stderr_console.print(table)
    _print_totals(rows, workers=workers, usd_per_hour=usd_per_hour)
    for error, names in _group_by_error(rejected):
        echo(f"[red]cannot run[/] {escape(', '.join(names))}: {escape(error.problem)}")
        echo(escape(f"  Fix: {error.fix}"))
    pending = sum(row.cells - row.finished for row in rows)
    echo(f"{plural(pending, 'cell')} pending; nothing was run.")


def _print_totals(rows: Sequence[ForecastRow], *, workers: int, usd_per_hour: float | None) -> None:
    seconds = sum_known(rows, lambda row: row.seconds)
    megabytes = sum_known(rows, lambda row: row.megabytes)
    duration = disk = machine = None
    if seconds.value is not None:
        # One job runs on one worker, so that no sweep is shorter than its longest job.
        wall_time = max([seconds.value / workers, *(row.longest_seconds for row in rows)])
        duration = _format_time(wall_time) + (f" with {workers} workers" if workers > 1 else "")
        machine = f"{wall_time / 3600 * (usd_per_hour or 0.0):.2f} USD"
    if megabytes.value is not None:
        disk = f"{megabytes.value:.0f} MB"
    echo(f"Time: {format_estimate(duration, seconds.unknown_models)}.")
    echo(f"Disk: {format_estimate(disk, megabytes.unknown_models)}.")
    echo(f"API cost: {sum(row.usd for row in rows):.2f} USD.")
    if usd_per_hour is not None:
        echo(f"Machine cost: {format_estimate(machine, seconds.unknown_models)}.")


def format_estimate(estimate: str | None, unknown_models: Sequence[str]) -> str:
    """Add to an estimate which models it leaves out, since they have no previous runs."""
    names = escape(", ".join(unknown_models))
    if estimate is None:
        return f"unknown (no previous runs of {names})"
    return f"about {estimate}{f', without {names} (no previous runs)' if names else ''}"


def _format_row(row: ForecastRow) -> list[str]:
    return [
        *(str(row.cells), str(row.finished), str(row.cells - row.finished), str(row.fits)),
        "unknown" if row.seconds is None else _format_time(row.seconds),
        "unknown" if row.megabytes is None else f"{row.megabytes:.1f} MB",
        f"{row.usd:.2f} USD",
    ]


def _format_time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def _group_by_error(rejected: Iterable[RejectedJob]) -> list[tuple[UserError, list[str]]]:
    """Each distinct error once, with the names of the jobs that it concerns."""
    groups: dict[tuple[str, str], tuple[UserError, list[str]]] = {}
    for job, error in rejected:
        _, names = groups.setdefault((error.problem, error.fix), (error, []))
        names.append(f"{job.row_name} · seed {job.seed}")
    return list(groups.values())
