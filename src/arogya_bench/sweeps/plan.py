"""What a sweep wishes for, what MLflow holds of it already, and what is left to do."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from arogya_bench.configuration.compose import Composition
from arogya_bench.errors import Fixable
from arogya_bench.evaluation.job import Prepared, prepare
from arogya_bench.runtime.console import counted
from arogya_bench.tracking import runs as tracking
from arogya_bench.tracking import store as stores
from arogya_bench.types import Dataset

EVALUATIONS = "tags.`arogya.kind` = 'evaluation' and attributes.status = 'FINISHED'"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One job of a sweep with its cells named."""

    composition: Composition
    prepared: Prepared


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A sweep against what is there.

    Attributes:
        wishes: Every job.
        held: Keys of the cells that a store held when the plan was made.
    """

    wishes: tuple[Wish, ...]
    held: frozenset[str]

    @property
    def cells(self) -> frozenset[str]:
        """Keys of all cells that are wished for."""
        return frozenset(key for wish in self.wishes for key in wish.prepared.cells.values())

    @property
    def found(self) -> frozenset[str]:
        """Those that are there, and are left as they are."""
        return frozenset(
            key
            for wish in self.wishes
            if wish.prepared.job.resume
            for key in wish.prepared.cells.values()
            if key in self.held
        )

    @property
    def resumes(self) -> bool:
        """Whether cells that are there are left as they are."""
        return all(wish.prepared.job.resume for wish in self.wishes)

    @property
    def todo(self) -> frozenset[str]:
        """Those that are to be made."""
        return self.cells - self.found

    def owing(self, keys: Iterable[str]) -> list[Wish]:
        """The jobs that cells are owed by; each cell is asked of the first job that has it."""
        left, owing = set(keys), []
        for wish in self.wishes:
            own = left & set(wish.prepared.cells.values())
            if own:
                owing.append(wish)
                left -= own
        return owing

    def summary(self) -> str:
        """The plan in one line."""
        fits = len({wish.prepared.fit_key for wish in self.wishes})
        jobs, fitted = counted(len(self.wishes), "job"), counted(fits, "fit")
        todo = counted(len(self.todo), "cell")
        return f"{jobs}, {fitted}, {todo} to do, {len(self.found)} found in MLflow."


def planned(compositions: Sequence[Composition], store: stores.Store | None) -> Plan:
    """Prepare every job, and ask the store once for all cells.

    Args:
        compositions: The jobs.
        store: None where there is none yet.

    Raises:
        Fixable: At the first job that cannot run, if a cell of it is missing.
    """
    wishes = prepared_all(compositions)
    plan = Plan(wishes=wishes, held=finished_cells(store) if store else frozenset())
    for wish in wishes:
        require_able(wish, plan.todo)
    return plan


def require_able(wish: Wish, todo: frozenset[str]) -> None:
    """Check that the model of a job can run here, unless the job has nothing to do.

    Raises:
        Fixable: If it lacks something.
    """
    if todo.intersection(wish.prepared.cells.values()):
        wish.prepared.job.model.check(device=wish.prepared.job.device)


def prepared_all(
    compositions: Sequence[Composition],
    *,
    refuse: Callable[[Composition, Fixable], None] | None = None,
) -> tuple[Wish, ...]:
    """Prepare every job; jobs of the same source share one dataset in memory.

    Args:
        compositions: The jobs.
        refuse: Called with each job that cannot run, which is then left out.

    Raises:
        Fixable: At the first job that cannot run, where nobody takes refusals.
    """
    loaded: dict[str, Dataset] = {}
    wishes = []
    for composition in compositions:
        source = repr(composition.job.source)
        try:
            prepared = prepare(composition.job, loaded.get(source), check=False)
        except Fixable as error:
            if refuse is None:
                raise
            refuse(composition, error)
            continue
        loaded[source] = prepared.dataset
        wishes.append(Wish(composition=composition, prepared=prepared))
    return tuple(wishes)


def finished_cells(store: stores.Store) -> frozenset[str]:
    """Keys of the cells that have a finished run."""
    return frozenset(run.tags["arogya.cell"] for run in tracking.search(store, EVALUATIONS))
