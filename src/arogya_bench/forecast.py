"""What a sweep would do, before it does anything: cells, fits, time, disk, money, and refusals."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TypeVar, cast

from rich.table import Table

from arogya_bench import artifacts, stores, tracking
from arogya_bench.compose import Composition
from arogya_bench.errors import Fixable
from arogya_bench.jobs import Prepared
from arogya_bench.plan import Plan, Wish, prepared_all
from arogya_bench.progress import counted, say, screen

FINISHED = "attributes.status = 'FINISHED'"
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
class Line:
    """The jobs of one model on one dataset; None is what no earlier run tells.

    Attributes:
        cells: That are wished for.
        found: Of them, those that are there.
        fits: That would be made.
        seconds: One after the other.
        megabytes: On the disk of the store.
        usd: Of calls that are paid by the image.
    """

    model: str
    dataset: str
    cells: int
    found: int
    fits: int
    seconds: float | None
    megabytes: float | None
    usd: float


def foreseen(
    compositions: Sequence[Composition],
) -> tuple[tuple[Wish, ...], tuple[Refusal, ...]]:
    """Prepare every job as far as it goes, and keep the reasons of those that cannot run."""
    refusals: list[Refusal] = []

    def refuse(composition: Composition, error: Fixable) -> None:
        refusals.append(Refusal(composition=composition, error=error))

    wishes = prepared_all(compositions, check=True, refuse=refuse)
    return wishes, tuple(refusals)


def history(store: stores.Store | None) -> History:
    """Read what an experiment holds; nothing where there is none."""
    if store is None:
        return History()
    cells = tracking.search(store, f"tags.`arogya.kind` = 'evaluation' and {FINISHED}")
    fits = tracking.search(store, f"tags.`arogya.kind` = 'fit' and {FINISHED}")
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
    groups: dict[tuple[str, str], list[Prepared]] = defaultdict(list)
    for wish in plan.wishes:
        prepared = wish.prepared
        groups[prepared.job.row_name, prepared.dataset.name].append(prepared)
    return [_line(model, data, jobs, plan, known) for (model, data), jobs in groups.items()]


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
        table.add_row(row.model, row.dataset, *_figures(row))
    screen.print(table)
    _say_sums(rows, workers=workers, usd_per_hour=usd_per_hour)
    for problem, fix, names in _reasons(refusals):
        say(f"[red]cannot run[/] {', '.join(names)}: {problem}\n  Fix: {fix}")


def _reasons(refusals: Iterable[Refusal]) -> list[tuple[str, str, list[str]]]:
    """Equal reasons once, with the jobs that they hold for."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for refusal in refusals:
        job = refusal.composition.job
        name = f"{job.row_name} · seed {job.seed}"
        found[refusal.error.problem, refusal.error.fix].append(name)
    return [(problem, fix, names) for (problem, fix), names in found.items()]


def _say_sums(rows: Sequence[Line], *, workers: int, usd_per_hour: float | None) -> None:
    new = [row.model for row in rows if row.seconds is None and row.cells > row.found]
    rest = f"; {', '.join(dict.fromkeys(new))} never ran here" if new else ""
    seconds = sum(row.seconds or 0.0 for row in rows) / workers
    pool = f" with {workers} workers" if workers > 1 else ""
    known = seconds > 0 or not new
    say(f"Time: {f'about {_time(seconds)}{pool}' if known else 'unknown'}{rest}.")
    megabytes = sum(row.megabytes or 0.0 for row in rows)
    say(f"Disk: {f'about {megabytes:.0f} MB more' if known else 'unknown'}{rest}.")
    paid = sum(row.usd for row in rows)
    machine = ""
    if usd_per_hour is not None:
        machine = f", and {seconds * workers / 3600 * usd_per_hour:.2f} USD for the machine"
    say(f"Money: {paid:.2f} USD for calls{machine}.")
    say(f"{counted(sum(row.cells - row.found for row in rows), 'cell')} to make; nothing was run.")


def _figures(row: Line) -> list[str]:
    todo = row.cells - row.found
    return [
        *(str(row.cells), str(row.found), str(todo), str(row.fits)),
        "unknown" if row.seconds is None else _time(row.seconds),
        "unknown" if row.megabytes is None else f"{row.megabytes:.1f} MB",
        f"{row.usd:.2f} USD",
    ]


def _line(model: str, dataset: str, jobs: Sequence[Prepared], plan: Plan, known: History) -> Line:
    cells = {key for each in jobs for key in each.cells.values()}
    todo = cells & plan.todo
    owing = [each for each in jobs if todo & set(each.cells.values())]
    fits = {each.fit_key for each in owing} - known.fits
    images = len(todo) * len(jobs[0].split.test)
    return Line(
        model=model,
        dataset=dataset,
        cells=len(cells),
        found=len(cells) - len(todo),
        fits=len(fits),
        seconds=_seconds(jobs[0], known, images=images, fits=len(fits)),
        megabytes=_megabytes(jobs[0], known, cells=len(todo), fits=len(fits)),
        usd=images * float(getattr(jobs[0].job.model, "usd_per_image", 0.0)),
    )


def _seconds(job: Prepared, known: History, *, images: int, fits: int) -> float | None:
    per_case = known.seconds_per_case.get(job.job.row_name)
    per_fit = known.fit_seconds.get((job.job.model_name, job.dataset.digest))
    return _sum((images, per_case), (fits, per_fit))


def _megabytes(job: Prepared, known: History, *, cells: int, fits: int) -> float | None:
    return _sum(
        (cells, known.cell_mb.get(job.job.row_name)), (fits, known.fit_mb.get(job.job.model_name))
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
