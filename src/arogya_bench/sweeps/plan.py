"""The plan of a sweep: its jobs and cells, and which of them a store holds already."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from arogya_bench.errors import ConfigError, MissingExtra, RequirementMissing, UserError, merge_missing
from arogya_bench.evaluation.job import Job, PlannedJob, prepare
from arogya_bench.runtime.console import plural
from arogya_bench.sweeps.model_trials import try_on_dataset
from arogya_bench.sweeps.requirements import RequirementCheck, SkippedJob
from arogya_bench.sweeps.sweep_prices import SweepPrices
from arogya_bench.tracking.runs import FINISHED_EVALUATIONS, search_runs
from arogya_bench.tracking.store import Store, check_experiment_name
from arogya_bench.tracking.tags import CELL_KEY
from arogya_bench.types import Dataset

OnError = Callable[[Job, UserError], None]


def raise_error(_: Job, error: UserError) -> None:
    """End the plan at the first job that cannot run."""
    raise error


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """Every job of a sweep, and the keys of the cells that the store held when the plan was made.

    Attributes:
        jobs: Those that run, or have nothing to do.
        skipped: Those that lack a key, a consent or a service for their pending cells.
    """

    jobs: tuple[PlannedJob, ...]
    finished: frozenset[str]
    skipped: tuple[SkippedJob, ...] = ()

    @property
    def cells(self) -> frozenset[str]:
        """Keys of all cells of the sweep."""
        return frozenset(key for planned in self.jobs for key in planned.cell_keys.values())

    @property
    def reused(self) -> frozenset[str]:
        """Keys of finished cells that are not evaluated again."""
        everything = (*self.jobs, *(skipped.planned for skipped in self.skipped))
        resumed = (planned for planned in everything if planned.job.resume)
        return self.finished & {key for planned in resumed for key in planned.cell_keys.values()}

    @property
    def resumes(self) -> bool:
        """Whether every job reuses finished cells."""
        return all(planned.job.resume for planned in self.jobs)

    @property
    def pending(self) -> frozenset[str]:
        """Keys of the cells that are to be evaluated."""
        return self.cells - self.reused

    @property
    def skipped_cells(self) -> frozenset[str]:
        """Keys of the cells that no job of the sweep evaluates, since those that would are skipped."""
        keys = frozenset(key for skipped in self.skipped for key in skipped.planned.cell_keys.values())
        return keys - self.reused - self.cells

    def jobs_with(self, cells: Iterable[str]) -> list[PlannedJob]:
        """Select the jobs that evaluate some cells; the first job with a cell evaluates it."""
        remaining, jobs = set(cells), []
        for planned in self.jobs:
            job_cells = remaining & set(planned.cell_keys.values())
            if job_cells:
                jobs.append(planned)
                remaining -= job_cells
        return jobs

    def summary(self) -> str:
        """Describe the plan in one line."""
        jobs = plural(len(self.jobs), "job")
        fits = plural(len({planned.fit_key for planned in self.jobs}), "fit")
        cells = plural(len(self.pending), "cell")
        skipped = f", {len(self.skipped_cells)} skipped" if self.skipped_cells else ""
        return f"{jobs}, {fits}: {cells} to evaluate, {len(self.reused)} already in MLflow{skipped}."


def plan_sweep(
    jobs: Sequence[Job], finished: frozenset[str], prices: SweepPrices, *, on_error: OnError = raise_error
) -> SweepPlan:
    """Prepare every job, and check those that have pending cells; ``finished`` holds keys of cells.

    A job that cannot be prepared or cannot run is left out, after ``on_error`` was called with it: for missing
    libraries last, and once for all of them.
    """
    everything = SweepPlan(jobs=prepare_all(jobs, on_error=on_error), finished=finished)
    requirements = RequirementCheck(prices=prices)
    runnable, skipped = [], []
    lacking: list[tuple[Job, MissingExtra]] = []
    for planned in everything.jobs:
        try:
            reason = check_runnable(planned, everything.pending, requirements)
        except MissingExtra as error:
            lacking.append((planned.job, error))
        except UserError as error:
            on_error(planned.job, error)
        else:
            if reason is None:
                runnable.append(planned)
            else:
                skipped.append(SkippedJob(planned=planned, reason=reason))
    for job, _ in lacking:
        on_error(job, merge_missing([error for _, error in lacking]))
    return SweepPlan(jobs=tuple(runnable), finished=finished, skipped=tuple(skipped))


def check_runnable(
    planned: PlannedJob, pending: frozenset[str], requirements: RequirementCheck
) -> RequirementMissing | None:
    """Check that the model of a job can run here, and return what it lacks; a job without pending cells needs nothing.

    Raises:
        UserError: If it cannot run.
    """
    if not pending.intersection(planned.cell_keys.values()):
        return None
    planned.job.model.check(device=planned.job.device)
    try_on_dataset(planned)
    return requirements.reason_to_skip(planned)


def prepare_all(jobs: Sequence[Job], *, on_error: OnError = raise_error) -> tuple[PlannedJob, ...]:
    """Prepare every job; jobs of the same source share one dataset in memory.

    A job that cannot be prepared is left out, after ``on_error`` was called with it.
    """
    datasets: dict[str, Dataset] = {}
    planned_jobs = []
    for job in jobs:
        source = f"{job.source!r} {job.positive!r}"
        try:
            if source not in datasets:
                datasets[source] = job.load_dataset()
            planned = prepare(job, datasets[source], check=False)  # each job adds notes and leaves cases out anew
        except UserError as error:
            on_error(job, error)
            continue
        planned_jobs.append(planned)
    return tuple(planned_jobs)


def finished_cells(store: Store | None) -> frozenset[str]:
    """Keys of the cells that have a finished run; none without a store."""
    if store is None:
        return frozenset()
    return frozenset(run.tags[CELL_KEY] for run in search_runs(store, FINISHED_EVALUATIONS))


def sweep_destination(jobs: Sequence[Job]) -> tuple[str | None, str]:
    """Tracking URI and experiment of a sweep, on which its jobs must agree."""
    destinations = {(job.tracking_uri, job.experiment) for job in jobs}
    if len(destinations) > 1:
        raise ConfigError(
            "A sweep over tracking would spread its results over several stores.",
            fix="run one sweep for each tracking.uri or tracking.experiment.",
        )
    uri, experiment = destinations.pop()
    check_experiment_name(experiment)
    return uri, experiment
