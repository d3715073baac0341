"""Shows what a sweep would do, and its time, disk space and cost, without running it."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from rich.markup import escape
from rich.table import Table

from arogya_bench.configuration.compose import RunRequest, compose_sweep
from arogya_bench.errors import USER_ERROR_EXIT, UserError
from arogya_bench.evaluation.job import Job
from arogya_bench.prices.spending import format_usd
from arogya_bench.runtime.console import echo, format_duration, messages_on_stdout, plural, stdout_console
from arogya_bench.runtime.progress import show_activity
from arogya_bench.sweeps.api_calls import print_api_rows
from arogya_bench.sweeps.forecast import ForecastRow, forecast_rows, parallel_jobs, sum_known
from arogya_bench.sweeps.gate_summary import print_gate_summary
from arogya_bench.sweeps.history import load_history
from arogya_bench.sweeps.launcher_settings import validate_launcher, worker_count
from arogya_bench.sweeps.measurements import (
    check_measurable,
    measurement_summary,
    pending_measurements,
    plan_measurements,
)
from arogya_bench.sweeps.plan import plan_sweep, sweep_destination
from arogya_bench.sweeps.row_names import check_row_names
from arogya_bench.sweeps.sweep_prices import SweepPrices, sweep_prices
from arogya_bench.tracking.mlflow_run import check_mlflow_run
from arogya_bench.tracking.store import check_store, find_store, use_mlflow_run_experiment


class RejectedJob(NamedTuple):
    """A job that cannot run, and why."""

    job: Job
    error: UserError


def dry_run(request: RunRequest) -> int:
    """Print the plan of a sweep, without running anything; return the exit code 0, or 2 if a job cannot run."""
    use_mlflow_run_experiment()
    with messages_on_stdout(), compose_sweep(request) as sweep, show_activity("checking configs and data"):
        check_row_names(sweep.jobs)
        uri, experiment = sweep_destination(sweep.jobs)
        check_store(uri)
        check_mlflow_run(uri)
        validate_launcher(sweep)
        check_measurable(sweep)
        prices = sweep_prices(sweep)
        store = find_store(uri, experiment)
        history = load_history(store)
        rejected: list[RejectedJob] = []
        plan = plan_sweep(sweep.jobs, history.cells, prices, on_error=lambda *job: rejected.append(RejectedJob(*job)))
        print_gate_summary(plan.jobs)
        measurements = plan_measurements(plan.jobs)
        pending = pending_measurements(measurements, store)
        rows = forecast_rows(plan, history, prices)
        print_forecast(
            rows,
            rejected,
            workers=parallel_jobs(plan, worker_count(sweep.config)),
            measuring=sum(measurement.protocol.least_seconds for measurement in pending),
            prices=prices,
        )
        print_api_rows(plan, prices, sweep.config.budget.usd)
        echo(f"{plural(sum(row.cells - row.finished for row in rows), 'cell')} pending; nothing was run.")
        if summary := measurement_summary(measurements, store):
            echo(f"Measurements:{summary}")
    return USER_ERROR_EXIT if rejected else 0


def print_forecast(
    rows: Sequence[ForecastRow], rejected: Sequence[RejectedJob], *, workers: int, measuring: float, prices: SweepPrices
) -> None:
    """Print the plan as a table, its totals for ``workers`` jobs at once, and the jobs that cannot run.

    ``measuring`` is the least number of seconds of all measurements, which come after the jobs.
    """
    table = Table(title="Planned sweep (dry run)")
    for heading in ("model", "dataset"):
        table.add_column(heading)
    for heading in ("cells", "finished", "pending", "fits", "time", "disk", "API cost"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(escape(row.model), escape(row.dataset), *_format_row(row))
    stdout_console.print(table)
    _print_totals(rows, workers=workers, measuring=measuring, prices=prices)
    for error, names in _group_by_error(rejected):
        echo(f"[red]cannot run[/] {escape(', '.join(names))}: {escape(error.problem)}")
        echo(escape(f"  Fix: {error.fix}"))


def _print_totals(rows: Sequence[ForecastRow], *, workers: int, measuring: float, prices: SweepPrices) -> None:
    seconds = sum_known(rows, lambda row: row.seconds)
    megabytes = sum_known(rows, lambda row: row.megabytes)
    duration = disk = machine = None
    if seconds.value is not None:
        # One job runs on one worker, so that no sweep is shorter than its longest job.
        wall_time = measuring + max([seconds.value / workers, *(row.longest_seconds for row in rows)])
        duration = format_duration(wall_time) + (f" with {workers} workers" if workers > 1 else "")
        machine = format_usd(wall_time / 3600 * (prices.usd_per_hour or 0.0))
    if megabytes.value is not None:
        disk = f"{megabytes.value:.0f} MB"
    echo(f"Time: {format_estimate(duration, seconds.unknown_models)}.")
    echo(f"Disk: {format_estimate(disk, megabytes.unknown_models)}.")
    echo(f"API cost: {_format_api_cost(rows)}.")
    unknown = f"unknown ({escape(prices.reason)})" if prices.usd_per_hour is None else ""
    echo(f"Machine cost: {unknown or format_estimate(machine, seconds.unknown_models)}.")
    if assumption := prices.describe(date.today()):  # noqa: DTZ011  (prices have dates of no time zone)
        echo(f"Prices: {escape(assumption)}.")


def _format_api_cost(rows: Sequence[ForecastRow]) -> str:
    """The sum of the known prices, and which models have none."""
    usd = sum_known(rows, lambda row: row.usd)
    names = escape(", ".join(usd.unknown_models))
    if usd.value is None:
        return f"unknown (no price of {names} in prices.api)"
    return format_usd(usd.value) + (f", without {names} (no price in prices.api)" if names else "")


def format_estimate(estimate: str | None, unknown_models: Sequence[str]) -> str:
    """Add to an estimate which models it leaves out, since they have no previous runs."""
    names = escape(", ".join(unknown_models))
    if estimate is None:
        return f"unknown (no previous runs of {names})"
    return f"about {estimate}{f', without {names} (no previous runs)' if names else ''}"


def _format_row(row: ForecastRow) -> list[str]:
    return [
        *(str(row.cells), str(row.finished), str(row.cells - row.finished), str(row.fits)),
        "unknown" if row.seconds is None else format_duration(row.seconds),
        "unknown" if row.megabytes is None else f"{row.megabytes:.1f} MB",
        "unknown" if row.usd is None else format_usd(row.usd),
    ]


def _group_by_error(rejected: Iterable[RejectedJob]) -> list[tuple[UserError, list[str]]]:
    """Each distinct error once, with the names of the jobs that it concerns."""
    groups: dict[tuple[str, str], tuple[UserError, list[str]]] = {}
    for job, error in rejected:
        _, names = groups.setdefault((error.problem, error.fix), (error, []))
        names.append(f"{job.row_name} · seed {job.seed}")
    return list(groups.values())
