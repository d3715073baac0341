"""What a sweep would do, before it does anything: cells, fits, time, disk, money, and refusals."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TypeVar, cast

from rich.markup import escape
from rich.table import Table

from arogya_bench.configuration.compose import Composition
from arogya_bench.errors import UserError
from arogya_bench.evaluation.job import PlannedJob
from arogya_bench.runtime.console import echo, plural, stderr_console
from arogya_bench.sweeps.plan import EVALUATIONS_FILTER, SweepPlan, check_runnable, prepare_all
from arogya_bench.tracking import artifacts
from arogya_bench.tracking.runs import RunRecord, search_runs
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import CELL_KEY, DATASET_DIGEST, FIT_KEY, KIND, MODEL

FITS_FILTER = f"tags.`{KIND}` = 'fit' and attributes.status = 'FINISHED'"
MEGABYTE = 2**20
Key = TypeVar("Key")


@dataclass(frozen=True, kw_only=True)
class History:
    """What earlier runs of an experiment took.

    Attributes:
        cells: Keys of finished cells.
        fits: Keys of finished fits.
        seconds_per_case: Of evaluations, by leaderboard row.
        fit_seconds: By model and dataset digest.
        cell_mb: Megabytes that a cell leaves, by leaderboard row.
        fit_mb: Megabytes that a fit leaves, by model.
    """

    cells: frozenset[str] = frozenset()
    fits: frozenset[str] = frozenset()
    seconds_per_case: Mapping[str, float] = field(default_factory=dict)
    fit_seconds: Mapping[tuple[str, str], float] = field(default_factory=dict)
    cell_mb: Mapping[str, float] = field(default_factory=dict)
    fit_mb: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RejectedJob:
    """A job that cannot run, and why."""

    composition: Composition
    error: UserError


@dataclass(frozen=True, kw_only=True)
class JobForecast:
    """What one job would make that no job before it makes.

    Attributes:
        cells: That are wished for.
        pending: Of them, those that are not there.
        fits: 1 if it would make its fit, else 0.
    """

    planned: PlannedJob
    cells: int
    pending: int
    fits: int

    @property
    def images(self) -> int:
        """Images that a model would be asked about, to test it."""
        return self.pending * len(self.planned.split.test)

    @property
    def usd(self) -> float:
        """What their calls cost, where the model is paid by the image."""
        return self.images * float(getattr(self.planned.job.model, "usd_per_image", 0.0))


@dataclass(frozen=True, kw_only=True)
class ForecastRow:
    """The jobs of one model on one dataset; None is what no earlier run tells.

    Attributes:
        cells: That are wished for.
        finished: Of them, those that are there.
        fits: That would be made.
        seconds: One after the other.
        longest_seconds: Seconds of the longest job of which earlier runs tell; 0 if there is nothing to do.
        megabytes: On the disk of the store.
        usd: Of calls that are paid by the image.
    """

    model: str
    dataset: str
    cells: int
    finished: int
    fits: int
    seconds: float | None
    longest_seconds: float
    megabytes: float | None
    usd: float


@dataclass(frozen=True, kw_only=True)
class ForecastSum:
    """The sum of what is known.

    Attributes:
        value: None if nothing is known of what is to be made.
        unknown_models: The models that are not in it.
    """

    value: float | None
    unknown_models: tuple[str, ...]


def plan_without_running(
    compositions: Sequence[Composition], finished: frozenset[str]
) -> tuple[SweepPlan, tuple[RejectedJob, ...]]:
    """Plan every job that can run, and keep the reasons of those that cannot.

    Args:
        compositions: The jobs.
        finished: Keys of the cells that are there.
    """
    refusals: list[RejectedJob] = []

    def reject(composition: Composition, error: UserError) -> None:
        refusals.append(RejectedJob(composition=composition, error=error))

    plan = SweepPlan(jobs=prepare_all(compositions, on_error=reject), finished=finished)
    able = []
    for wish in plan.jobs:
        try:
            check_runnable(wish, plan.pending)
        except UserError as error:
            reject(wish.composition, error)
            continue
        able.append(wish)
    return SweepPlan(jobs=tuple(able), finished=finished), tuple(refusals)


def load_history(store: Store | None) -> History:
    """Read what an experiment holds; nothing where there is none."""
    if store is None:
        return History()
    cells, fits = search_runs(store, EVALUATIONS_FILTER), search_runs(store, FITS_FILTER)
    return History(
        cells=frozenset(run.tags[CELL_KEY] for run in cells),
        fits=frozenset(run.tags[FIT_KEY] for run in fits),
        seconds_per_case=_median_by_key((run.tags[MODEL], _seconds_per_case(run)) for run in cells),
        fit_seconds=_median_by_key(
            ((run.tags[MODEL], run.tags[DATASET_DIGEST]), _fit_seconds(run)) for run in fits
        ),
        cell_mb=_megabytes_by_model(store, cells),
        fit_mb=_megabytes_by_model(store, fits),
    )


def forecast_rows(plan: SweepPlan, history: History) -> list[ForecastRow]:
    """The plan, one line for each model and dataset."""
    groups: dict[tuple[str, str], list[JobForecast]] = defaultdict(list)
    for due in _job_forecasts(plan, history):
        groups[due.planned.job.row_name, due.planned.dataset.name].append(due)
    return [_forecast_row(model, data, dues, history) for (model, data), dues in groups.items()]


def parallel_jobs(plan: SweepPlan, workers: int) -> int:
    """How many jobs would run at once: no more than owe cells, and one where it must be quiet."""
    side_by_side = [each for each in plan.jobs_with(plan.pending) if not each.planned.job.exclusive]
    return max(1, min(workers, len(side_by_side)))


def print_forecast(
    rows: Sequence[ForecastRow],
    rejected: Sequence[RejectedJob],
    *,
    workers: int,
    usd_per_hour: float | None,
) -> None:
    """Print the plan, its sums, and what cannot run with its remedy."""
    table = Table(title="What this command would do")
    for head in ("model", "dataset"):
        table.add_column(head)
    for head in ("cells", "there", "to make", "fits", "time", "disk", "calls"):
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(escape(row.model), escape(row.dataset), *_format_row(row))
    stderr_console.print(table)
    _print_sums(rows, workers=workers, usd_per_hour=usd_per_hour)
    for problem, fix, names in _group_by_reason(rejected):
        reason = escape(f"{', '.join(names)}: {problem}\n  Fix: {fix}")
        echo(f"[red]cannot run[/] {reason}")


def _group_by_reason(rejected: Iterable[RejectedJob]) -> list[tuple[str, str, list[str]]]:
    """Equal reasons once, with the jobs that they hold for."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for refusal in rejected:
        job = refusal.composition.job
        name = f"{job.row_name} · seed {job.seed}"
        found[refusal.error.problem, refusal.error.fix].append(name)
    return [(problem, fix, names) for (problem, fix), names in found.items()]


def _print_sums(rows: Sequence[ForecastRow], *, workers: int, usd_per_hour: float | None) -> None:
    pool = f" with {workers} workers" if workers > 1 else ""
    time, disk = (
        sum_known(rows, lambda row: row.seconds),
        sum_known(rows, lambda row: row.megabytes),
    )

    def wall_time(seconds: float) -> float:
        """No job is divided among workers."""
        return max([seconds / workers, *(row.longest_seconds for row in rows)])

    echo(
        f"Time: {format_estimate(time, lambda seconds: f'{_format_time(wall_time(seconds))}{pool}')}."
    )
    echo(f"Disk: {format_estimate(disk, lambda megabytes: f'{megabytes:.0f} MB more')}.")
    machine = ""
    if usd_per_hour is not None:
        usd = usd_per_hour / 3600
        machine = f"; for the machine {format_estimate(time, lambda each: f'{wall_time(each) * usd:.2f} USD')}"
    echo(f"Money: {sum(row.usd for row in rows):.2f} USD for calls{machine}.")
    echo(
        f"{plural(sum(row.cells - row.finished for row in rows), 'cell')} to make; nothing was run."
    )


def sum_known(
    rows: Sequence[ForecastRow], amount: Callable[[ForecastRow], float | None]
) -> ForecastSum:
    """Add up the amounts that earlier runs tell, and name the models for which none does."""
    owing = [(row.model, amount(row)) for row in rows if row.cells > row.finished]
    known = [value for _, value in owing if value is not None]
    without = tuple(dict.fromkeys(model for model, value in owing if value is None))
    return ForecastSum(value=sum(known) if known or not without else None, unknown_models=without)


def format_estimate(total: ForecastSum, form: Callable[[float], str]) -> str:
    """A sum in words, with the models that it leaves out."""
    names = escape(", ".join(total.unknown_models))
    if total.value is None:
        return f"unknown, as no earlier run tells: {names}"
    rest = f" without {names}, of which no earlier run tells" if names else ""
    return f"about {form(total.value)}{rest}"


def _format_row(row: ForecastRow) -> list[str]:
    todo = row.cells - row.finished
    return [
        *(str(row.cells), str(row.finished), str(todo), str(row.fits)),
        "unknown" if row.seconds is None else _format_time(row.seconds),
        "unknown" if row.megabytes is None else f"{row.megabytes:.1f} MB",
        f"{row.usd:.2f} USD",
    ]


def _job_forecasts(plan: SweepPlan, history: History) -> list[JobForecast]:
    """What each job would make; cells and fits that several share fall to the first."""
    missing, dues = plan.pending, []
    seen: set[str] = set()
    fitted = set(history.fits)
    for wish in plan.jobs:
        own = set(wish.planned.cell_keys.values()) - seen
        todo = own & missing
        fits = {wish.planned.fit_key} - fitted if todo else set()
        seen |= own
        fitted |= fits
        dues.append(
            JobForecast(planned=wish.planned, cells=len(own), pending=len(todo), fits=len(fits))
        )
    return dues


def _forecast_row(
    model: str, dataset: str, forecasts: Sequence[JobForecast], history: History
) -> ForecastRow:
    cells = sum(due.cells for due in forecasts)
    return ForecastRow(
        model=model,
        dataset=dataset,
        cells=cells,
        finished=cells - sum(due.pending for due in forecasts),
        fits=sum(due.fits for due in forecasts),
        seconds=weighted_sum(*((1, _job_seconds(due, history)) for due in forecasts)),
        longest_seconds=max(_job_seconds(due, history) or 0.0 for due in forecasts),
        megabytes=weighted_sum(*((1, _job_megabytes(due, history)) for due in forecasts)),
        usd=sum(due.usd for due in forecasts),
    )


def _job_seconds(forecast: JobForecast, history: History) -> float | None:
    job = forecast.planned.job
    return weighted_sum(
        (forecast.images, history.seconds_per_case.get(job.row_name)),
        (
            forecast.fits,
            history.fit_seconds.get((job.model_name, forecast.planned.dataset.digest)),
        ),
    )


def _job_megabytes(forecast: JobForecast, history: History) -> float | None:
    job = forecast.planned.job
    return weighted_sum(
        (forecast.pending, history.cell_mb.get(job.row_name)),
        (forecast.fits, history.fit_mb.get(job.model_name)),
    )


def weighted_sum(*parts: tuple[int, float | None]) -> float | None:
    """Add up so many of each; None if some are wanted of which nobody knows what one takes."""
    if any(count and each is None for count, each in parts):
        return None
    return sum(count * cast("float", each) for count, each in parts if count)


def _median_by_key(pairs: Iterable[tuple[Key, float | None]]) -> dict[Key, float]:
    values: dict[Key, list[float]] = defaultdict(list)
    for key, value in pairs:
        if value is not None:
            values[key].append(value)
    return {key: median(found) for key, found in values.items()}


def _seconds_per_case(run: RunRecord) -> float | None:
    cases = run.metrics.get("cases")
    if not cases or run.end_time is None:
        return None
    return (run.end_time - run.start_time) / 1000 / cases


def _fit_seconds(run: RunRecord) -> float | None:
    return run.metrics.get("fit_seconds")


def _megabytes_by_model(store: Store, runs: Iterable[RunRecord]) -> dict[str, float]:
    """Megabytes of the files of the newest run of each model, where they lie on this machine."""
    newest = {run.tags[MODEL]: run for run in runs}
    found = {name: artifacts.local_folders(run, store=store) for name, run in newest.items()}
    return {name: _folder_megabytes(folders) for name, folders in found.items() if folders}


def _folder_megabytes(folders: Iterable[Path]) -> float:
    files = (each for folder in folders for each in folder.rglob("*") if each.is_file())
    return sum(each.stat().st_size for each in files) / MEGABYTE


def _format_time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
