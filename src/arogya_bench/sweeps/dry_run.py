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
from arogya_bench.errors import Fixable
from arogya_bench.evaluation.job import Prepared
from arogya_bench.runtime.console import counted, say, screen
from arogya_bench.sweeps.plan import EVALUATIONS, Plan, prepared_all, require_able
from arogya_bench.tracking import artifacts
from arogya_bench.tracking import runs as tracking
from arogya_bench.tracking import store as stores

FITS = "tags.`arogya.kind` = 'fit' and attributes.status = 'FINISHED'"
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
class Refusal:
    """A job that cannot run, and why."""

    composition: Composition
    error: Fixable


@dataclass(frozen=True, kw_only=True)
class Due:
    """What one job would make that no job before it makes.

    Attributes:
        cells: That are wished for.
        todo: Of them, those that are not there.
        fits: 1 if it would make its fit, else 0.
    """

    prepared: Prepared
    cells: int
    todo: int
    fits: int

    @property
    def images(self) -> int:
        """Images that a model would be asked about, to test it."""
        return self.todo * len(self.prepared.split.test)

    @property
    def usd(self) -> float:
        """What their calls cost, where the model is paid by the image."""
        return self.images * float(getattr(self.prepared.job.model, "usd_per_image", 0.0))


@dataclass(frozen=True, kw_only=True)
class Line:
    """The jobs of one model on one dataset; None is what no earlier run tells.

    Attributes:
        cells: That are wished for.
        found: Of them, those that are there.
        fits: That would be made.
        seconds: One after the other.
        longest: Seconds of the longest job of which earlier runs tell; 0 if there is nothing to do.
        megabytes: On the disk of the store.
        usd: Of calls that are paid by the image.
    """

    model: str
    dataset: str
    cells: int
    found: int
    fits: int
    seconds: float | None
    longest: float
    megabytes: float | None
    usd: float


@dataclass(frozen=True, kw_only=True)
class Total:
    """The sum of what is known.

    Attributes:
        value: None if nothing is known of what is to be made.
        without: The models that are not in it.
    """

    value: float | None
    without: tuple[str, ...]


def foreseen(
    compositions: Sequence[Composition], held: frozenset[str]
) -> tuple[Plan, tuple[Refusal, ...]]:
    """Plan every job that can run, and keep the reasons of those that cannot.

    Args:
        compositions: The jobs.
        held: Keys of the cells that are there.
    """
    refusals: list[Refusal] = []

    def refuse(composition: Composition, error: Fixable) -> None:
        refusals.append(Refusal(composition=composition, error=error))

    plan = Plan(wishes=prepared_all(compositions, refuse=refuse), held=held)
    able = []
    for wish in plan.wishes:
        try:
            require_able(wish, plan.todo)
        except Fixable as error:
            refuse(wish.composition, error)
            continue
        able.append(wish)
    return Plan(wishes=tuple(able), held=held), tuple(refusals)


def history(store: stores.Store | None) -> History:
    """Read what an experiment holds; nothing where there is none."""
    if store is None:
        return History()
    cells, fits = tracking.search(store, EVALUATIONS), tracking.search(store, FITS)
    return History(
        cells=frozenset(run.tags["arogya.cell"] for run in cells),
        fits=frozenset(run.tags["arogya.fit"] for run in fits),
        seconds_per_case=_medians((run.tags["arogya.model"], _per_case(run)) for run in cells),
        fit_seconds=_medians(
            ((run.tags["arogya.model"], run.tags["arogya.dataset_digest"]), _fit_seconds(run))
            for run in fits
        ),
        cell_mb=_sizes(store, cells),
        fit_mb=_sizes(store, fits),
    )


def lines(plan: Plan, known: History) -> list[Line]:
    """The plan, one line for each model and dataset."""
    groups: dict[tuple[str, str], list[Due]] = defaultdict(list)
    for due in _dues(plan, known):
        groups[due.prepared.job.row_name, due.prepared.dataset.name].append(due)
    return [_line(model, data, dues, known) for (model, data), dues in groups.items()]


def at_once(plan: Plan, workers: int) -> int:
    """How many jobs would run at once: no more than owe cells, and one where it must be quiet."""
    side_by_side = [each for each in plan.owing(plan.todo) if not each.prepared.job.quiet]
    return max(1, min(workers, len(side_by_side)))


def show(
    rows: Sequence[Line], refusals: Sequence[Refusal], *, workers: int, usd_per_hour: float | None
) -> None:
    """Print the plan, its sums, and what cannot run with its remedy."""
    table = Table(title="What this command would do")
    for head in ("model", "dataset"):
        table.add_column(head)
    for head in ("cells", "there", "to make", "fits", "time", "disk", "calls"):
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(escape(row.model), escape(row.dataset), *_figures(row))
    screen.print(table)
    _say_sums(rows, workers=workers, usd_per_hour=usd_per_hour)
    for problem, fix, names in _reasons(refusals):
        reason = escape(f"{', '.join(names)}: {problem}\n  Fix: {fix}")
        say(f"[red]cannot run[/] {reason}")


def _reasons(refusals: Iterable[Refusal]) -> list[tuple[str, str, list[str]]]:
    """Equal reasons once, with the jobs that they hold for."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for refusal in refusals:
        job = refusal.composition.job
        name = f"{job.row_name} · seed {job.seed}"
        found[refusal.error.problem, refusal.error.fix].append(name)
    return [(problem, fix, names) for (problem, fix), names in found.items()]


def _say_sums(rows: Sequence[Line], *, workers: int, usd_per_hour: float | None) -> None:
    pool = f" with {workers} workers" if workers > 1 else ""
    time, disk = _total(rows, lambda row: row.seconds), _total(rows, lambda row: row.megabytes)

    def wall(seconds: float) -> float:
        """No job is divided among workers."""
        return max([seconds / workers, *(row.longest for row in rows)])

    say(f"Time: {_told(time, lambda seconds: f'{_time(wall(seconds))}{pool}')}.")
    say(f"Disk: {_told(disk, lambda megabytes: f'{megabytes:.0f} MB more')}.")
    machine = ""
    if usd_per_hour is not None:
        usd = usd_per_hour / 3600
        machine = f"; for the machine {_told(time, lambda each: f'{wall(each) * usd:.2f} USD')}"
    say(f"Money: {sum(row.usd for row in rows):.2f} USD for calls{machine}.")
    say(f"{counted(sum(row.cells - row.found for row in rows), 'cell')} to make; nothing was run.")


def _total(rows: Sequence[Line], amount: Callable[[Line], float | None]) -> Total:
    owing = [(row.model, amount(row)) for row in rows if row.cells > row.found]
    known = [value for _, value in owing if value is not None]
    without = tuple(dict.fromkeys(model for model, value in owing if value is None))
    return Total(value=sum(known) if known or not without else None, without=without)


def _told(total: Total, form: Callable[[float], str]) -> str:
    names = escape(", ".join(total.without))
    if total.value is None:
        return f"unknown, as no earlier run tells: {names}"
    rest = f" without {names}, of which no earlier run tells" if names else ""
    return f"about {form(total.value)}{rest}"


def _figures(row: Line) -> list[str]:
    todo = row.cells - row.found
    return [
        *(str(row.cells), str(row.found), str(todo), str(row.fits)),
        "unknown" if row.seconds is None else _time(row.seconds),
        "unknown" if row.megabytes is None else f"{row.megabytes:.1f} MB",
        f"{row.usd:.2f} USD",
    ]


def _dues(plan: Plan, known: History) -> list[Due]:
    """What each job would make; cells and fits that several share fall to the first."""
    missing, dues = plan.todo, []
    seen: set[str] = set()
    fitted = set(known.fits)
    for wish in plan.wishes:
        own = set(wish.prepared.cells.values()) - seen
        todo = own & missing
        fits = {wish.prepared.fit_key} - fitted if todo else set()
        seen |= own
        fitted |= fits
        dues.append(Due(prepared=wish.prepared, cells=len(own), todo=len(todo), fits=len(fits)))
    return dues


def _line(model: str, dataset: str, dues: Sequence[Due], known: History) -> Line:
    cells = sum(due.cells for due in dues)
    return Line(
        model=model,
        dataset=dataset,
        cells=cells,
        found=cells - sum(due.todo for due in dues),
        fits=sum(due.fits for due in dues),
        seconds=_sum(*((1, _seconds(due, known)) for due in dues)),
        longest=max(_seconds(due, known) or 0.0 for due in dues),
        megabytes=_sum(*((1, _megabytes(due, known)) for due in dues)),
        usd=sum(due.usd for due in dues),
    )


def _seconds(due: Due, known: History) -> float | None:
    job = due.prepared.job
    return _sum(
        (due.images, known.seconds_per_case.get(job.row_name)),
        (due.fits, known.fit_seconds.get((job.model_name, due.prepared.dataset.digest))),
    )


def _megabytes(due: Due, known: History) -> float | None:
    job = due.prepared.job
    return _sum(
        (due.todo, known.cell_mb.get(job.row_name)), (due.fits, known.fit_mb.get(job.model_name))
    )


def _sum(*parts: tuple[int, float | None]) -> float | None:
    """Add up so many of each; None if some are wanted of which nobody knows what one takes."""
    if any(count and each is None for count, each in parts):
        return None
    return sum(count * cast("float", each) for count, each in parts if count)


def _medians(pairs: Iterable[tuple[Key, float | None]]) -> dict[Key, float]:
    values: dict[Key, list[float]] = defaultdict(list)
    for key, value in pairs:
        if value is not None:
            values[key].append(value)
    return {key: median(found) for key, found in values.items()}


def _per_case(run: tracking.RunRecord) -> float | None:
    cases = run.metrics.get("cases")
    if not cases or run.end_time is None:
        return None
    return (run.end_time - run.start_time) / 1000 / cases


def _fit_seconds(run: tracking.RunRecord) -> float | None:
    return run.metrics.get("fit_seconds")


def _sizes(store: stores.Store, runs: Iterable[tracking.RunRecord]) -> dict[str, float]:
    """Megabytes of the files of the newest run of each model, where they lie on this machine."""
    newest = {run.tags["arogya.model"]: run for run in runs}
    found = {name: artifacts.folders(run, store=store) for name, run in newest.items()}
    return {name: _size(folders) for name, folders in found.items() if folders}


def _size(folders: Iterable[Path]) -> float:
    files = (each for folder in folders for each in folder.rglob("*") if each.is_file())
    return sum(each.stat().st_size for each in files) / MEGABYTE


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
