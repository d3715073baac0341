"""What a sweep wishes for, what MLflow holds of it already, and what is left to do."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from arogya_bench.configuration.compose import Composition
from arogya_bench.errors import UserError
from arogya_bench.evaluation.job import PlannedJob, prepare
from arogya_bench.runtime.console import plural
from arogya_bench.tracking.runs import search_runs
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import CELL_KEY, KIND
from arogya_bench.types import Dataset

EVALUATIONS_FILTER = f"tags.`{KIND}` = 'evaluation' and attributes.status = 'FINISHED'"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One job of a sweep with its cells named."""

    composition: Composition
    planned: PlannedJob


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """A sweep against what is there.

    Attributes:
        jobs: Every job.
        finished: Keys of the cells that a store held when the plan was made.
    """

    jobs: tuple[Wish, ...]
    finished: frozenset[str]

    @property
    def cells(self) -> frozenset[str]:
        """Keys of all cells that are wished for."""
        return frozenset(key for wish in self.jobs for key in wish.planned.cell_keys.values())

    @property
    def reused(self) -> frozenset[str]:
        """Those that are there, and are left as they are."""
        return frozenset(
            key
            for wish in self.jobs
            if wish.planned.job.resume
            for key in wish.planned.cell_keys.values()
            if key in self.finished
        )

    @property
    def resumes(self) -> bool:
        """Whether cells that are there are left as they are."""
        return all(wish.planned.job.resume for wish in self.jobs)

    @property
    def pending(self) -> frozenset[str]:
        """Those that are to be made."""
        return self.cells - self.reused

    def jobs_with(self, cells: Iterable[str]) -> list[Wish]:
        """The jobs that cells are owed by; each cell is asked of the first job that has it."""
        left, owing = set(cells), []
        for wish in self.jobs:
            own = left & set(wish.planned.cell_keys.values())
            if own:
                owing.append(wish)
                left -= own
        return owing

    def summary(self) -> str:
        """The plan in one line."""
        fits = len({wish.planned.fit_key for wish in self.jobs})
        jobs, fitted = plural(len(self.jobs), "job"), plural(fits, "fit")
        todo = plural(len(self.pending), "cell")
        return f"{jobs}, {fitted}, {todo} to do, {len(self.reused)} found in MLflow."


def plan_sweep(compositions: Sequence[Composition], store: Store | None) -> SweepPlan:
    """Prepare every job, and ask the store once for all cells.

    Args:
        compositions: The jobs.
        store: None where there is none yet.

    Raises:
        Fixable: At the first job that cannot run, if a cell of it is missing.
    """
    wishes = prepare_all(compositions)
    plan = SweepPlan(jobs=wishes, finished=finished_cells(store) if store else frozenset())
    for wish in wishes:
        check_runnable(wish, plan.pending)
    return plan


def check_runnable(wish: Wish, pending: frozenset[str]) -> None:
    """Check that the model of a job can run here, unless the job has nothing to do.

    Raises:
        Fixable: If it lacks something.
    """
    if pending.intersection(wish.planned.cell_keys.values()):
        wish.planned.job.model.check(device=wish.planned.job.device)


def prepare_all(
    compositions: Sequence[Composition],
    *,
    on_error: Callable[[Composition, UserError], None] | None = None,
) -> tuple[Wish, ...]:
    """Prepare every job; jobs of the same source share one dataset in memory.

    Args:
        compositions: The jobs.
        on_error: Called with each job that cannot run, which is then left out.

    Raises:
        Fixable: At the first job that cannot run, where nobody takes refusals.
    """
    loaded: dict[str, Dataset] = {}
    wishes = []
    for composition in compositions:
        source = repr(composition.job.source)
        try:
            planned = prepare(composition.job, loaded.get(source), check=False)
        except UserError as error:
            if on_error is None:
                raise
            on_error(composition, error)
            continue
        loaded[source] = planned.dataset
        wishes.append(Wish(composition=composition, planned=planned))
    return tuple(wishes)


def finished_cells(store: Store) -> frozenset[str]:
    """Keys of the cells that have a finished run."""
    return frozenset(run.tags[CELL_KEY] for run in search_runs(store, EVALUATIONS_FILTER))
