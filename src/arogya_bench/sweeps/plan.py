"""The plan of a sweep: its jobs and cells, and which of them a store holds already."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from arogya_bench.errors import ConfigError, UserError
from arogya_bench.evaluation.job import Job, PlannedJob, prepare
from arogya_bench.runtime.console import plural
from arogya_bench.tracking.runs import FINISHED_EVALUATIONS, search_runs
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import CELL_KEY
from arogya_bench.types import Dataset


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """Every job of a sweep, and the keys of the cells that the store held when the plan was made."""

    jobs: tuple[PlannedJob, ...]
    finished: frozenset[str]

    @property
    def cells(self) -> frozenset[str]:
        """Keys of all cells of the sweep."""
        return frozenset(key for planned in self.jobs for key in planned.cell_keys.values())

    @property
    def reused(self) -> frozenset[str]:
        """Keys of finished cells that are not evaluated again."""
        resumed = (planned for planned in self.jobs if planned.job.resume)
        return self.finished & {key for planned in resumed for key in planned.cell_keys.values()}

    @property
    def resumes(self) -> bool:
        """Whether every job reuses finished cells."""
        return all(planned.job.resume for planned in self.jobs)

    @property
    def pending(self) -> frozenset[str]:
        """Keys of the cells that are to be evaluated."""
        return self.cells - self.reused

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
        return f"{jobs}, {fits}: {cells} to evaluate, {len(self.reused)} already in MLflow."


def plan_sweep(jobs: Sequence[Job], store: Store | None) -> SweepPlan:
    """Prepare every job, and search the store, if it exists already, once for all cells.

    Raises:
        UserError: For the first job that has pending cells and cannot run.
    """
    planned_jobs = prepare_all(jobs)
    plan = SweepPlan(jobs=planned_jobs, finished=finished_cells(store) if store else frozenset())
    for planned in planned_jobs:
        check_runnable(planned, plan.pending)
    return plan


def check_runnable(planned: PlannedJob, pending: frozenset[str]) -> None:
    """Check that the model of a job can run here; a job without pending cells need not."""
    if pending.intersection(planned.cell_keys.values()):
        planned.job.model.check(device=planned.job.device)


def prepare_all(
    jobs: Sequence[Job], *, on_error: Callable[[Job, UserError], None] | None = None
) -> tuple[PlannedJob, ...]:
    """Prepare every job; jobs of the same source share one dataset in memory.

    Raises:
        UserError: For the first job that cannot be prepared. With ``on_error``, that is called instead,
            and the job is left out.
    """
    datasets: dict[str, Dataset] = {}
    planned_jobs = []
    for job in jobs:
        source = repr(job.source)
        try:
            planned = prepare(job, datasets.get(source), check=False)
        except UserError as error:
            if on_error is None:
                raise
            on_error(job, error)
            continue
        datasets[source] = planned.dataset
        planned_jobs.append(planned)
    return tuple(planned_jobs)


def finished_cells(store: Store) -> frozenset[str]:
    """Keys of the cells that have a finished run."""
    return frozenset(run.tags[CELL_KEY] for run in search_runs(store, FINISHED_EVALUATIONS))


def sweep_destination(jobs: Sequence[Job]) -> tuple[str | None, str]:
    """Tracking URI and experiment of a sweep, on which its jobs must agree."""
    destinations = {(job.tracking_uri, job.experiment) for job in jobs}
    if len(destinations) > 1:
        raise ConfigError(
            "A sweep over tracking would spread its results over several stores.",
            fix="run one sweep for each tracking.uri or tracking.experiment.",
        )
    return destinations.pop()
