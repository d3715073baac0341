"""A sweep launched again and again, until nothing is missing that could still be made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.markup import escape

from arogya_bench.errors import ERROR, WorkerLost
from arogya_bench.runtime.console import counted, say
from arogya_bench.runtime.redaction import disguised
from arogya_bench.sweeps import cleanup as closing
from arogya_bench.sweeps.messages import Report
from arogya_bench.sweeps.plan import Plan, Wish, finished_cells
from arogya_bench.tracking import runs as tracking
from arogya_bench.tracking import store as stores

PATIENCE = 2  # rounds in a row that may break without a cell made
Launch = Callable[[Sequence[Wish]], Sequence[Report]]


@dataclass(kw_only=True)
class Sweep:
    """A sweep under way; what is known of failures grows.

    Attributes:
        causes: Why jobs did not make all their cells, as far as they could say, by fit and cells.
    """

    store: stores.Store
    parent: str
    plan: Plan
    causes: dict[str, Report] = field(default_factory=dict)

    def settled(self) -> frozenset[str]:
        """Cells that are made or given up; one whose worker was lost is neither."""
        runs = tracking.children(self.store, self.parent)
        ended = {
            run.tags.get("arogya.cell", "")
            for run in runs
            if run.status == "FINISHED" or run.tags.get(ERROR) != WorkerLost.__name__
        }
        return frozenset(ended | set(self.causes)) | self._made_elsewhere()

    def without_run(self) -> frozenset[str]:
        """Cells that no run of this sweep tells of."""
        runs = tracking.children(self.store, self.parent)
        left = self.plan.todo - {run.tags.get("arogya.cell", "") for run in runs}
        return left - self._made_elsewhere() if left else left

    def _made_elsewhere(self) -> frozenset[str]:
        """What other sweeps made meanwhile counts, unless everything was to be made anew."""
        return finished_cells(self.store) if self.plan.resumes else frozenset()


def work_through(sweep: Sweep, launch: Launch) -> None:
    """Launch what is missing until each job has had its turn, and leave a run for every cell.

    A launcher that breaks, because a worker was killed or a machine went away, is started again
    with what is missing. When that helps no more, each job is launched alone: whose launch
    breaks then is the one that kills its workers, and it stays KILLED.

    Args:
        sweep: What is wished for, and where it goes.
        launch: Runs jobs and comes back when all have ended, or raises.
    """
    owed, idle = sweep.plan.todo, 0
    while owed:
        broken = _launched(sweep, launch, sweep.plan.owing(owed))
        if broken is None:
            break
        left = owed - sweep.settled()
        idle = idle + 1 if left == owed else 0
        owed = left
        if idle == PATIENCE:
            if tracking.children(sweep.store, sweep.parent):
                _one_by_one(sweep, launch, owed)
            else:  # this launcher does not work at all
                sweep.causes.update(dict.fromkeys(owed, broken))
            break
        say(f"{counted(len(owed), 'cell')} to make again.")
    # Nobody works any more: what is open was left by a job that was preempted, or by a store
    # that was away when it should have been closed.
    silent = WorkerLost("Its process ended without a word.", fix=closing.GO_ON)
    closing.close_open(sweep.store, sweep.parent, silent)
    _record(sweep)


def _launched(sweep: Sweep, launch: Launch, wishes: Sequence[Wish]) -> Report | None:
    """Launch jobs; give the cause if the launcher broke, with all that it left open closed."""
    try:
        for wish, report in zip(wishes, launch(wishes), strict=True):
            if report.cause:
                cells = wish.prepared.cells.values()
                sweep.causes.update(dict.fromkeys(cells, report))
    except (Exception, SystemExit) as error:  # noqa: BLE001  (jobs never raise: a launcher broke)
        told = disguised(str(error) or type(error).__name__)
        first = told.strip().partition("\n")[0][:300]
        say(f"[red]Hydra's launcher broke:[/] {escape(type(error).__name__)}: {escape(first)}")
        lost = WorkerLost(f"{type(error).__name__}: {first}", fix=closing.GO_ON)
        lost.__cause__ = error
        closing.close_open(sweep.store, sweep.parent, lost)
        return _report(lost, sweep)
    return None


def _one_by_one(sweep: Sweep, launch: Launch, owed: frozenset[str]) -> None:
    for wish in sweep.plan.owing(owed):
        broken = _launched(sweep, launch, [wish])
        if broken is not None:
            left = frozenset(wish.prepared.cells.values()) & owed
            sweep.causes.update(dict.fromkeys(left - sweep.settled(), broken))


def _record(sweep: Sweep) -> None:
    """Leave a run for each cell that has none, with the cause that its job gave."""
    silent = _report(WorkerLost("No process spoke for this cell.", fix=closing.GO_ON), sweep)
    left = sweep.without_run()
    for wish in sweep.plan.owing(left):
        for key in left & set(wish.prepared.cells.values()):
            report = sweep.causes.get(key, silent)
            closing.record(sweep.store, sweep.parent, wish, [key], report)


def _report(error: WorkerLost, sweep: Sweep) -> Report:
    cause = tracking.error_tags(error, sweep.store.uri)
    return Report(name="", seed=0, made=0, seconds=0.0, cause=cause, killed=True)
