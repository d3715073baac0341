"""A sweep launched again and again, until nothing is missing that could still be made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.markup import escape

from arogya_bench.errors import WorkerLost
from arogya_bench.runtime.console import echo, plural
from arogya_bench.runtime.redaction import redact
from arogya_bench.sweeps import cleanup as closing
from arogya_bench.sweeps.messages import JobResult
from arogya_bench.sweeps.plan import SweepPlan, Wish, finished_cells
from arogya_bench.tracking.runs import child_runs, error_tags
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import CELL_KEY, ERROR

MAX_IDLE_ROUNDS = 2  # rounds in a row that may break without a cell made
Launch = Callable[[Sequence[Wish]], Sequence[JobResult]]


@dataclass(kw_only=True)
class RunningSweep:
    """A sweep under way; what is known of failures grows.

    Attributes:
        failures: Why jobs did not make all their cells, as far as they could say, by fit and cells.
    """

    store: Store
    parent: str
    plan: SweepPlan
    failures: dict[str, JobResult] = field(default_factory=dict)

    def done_cells(self) -> frozenset[str]:
        """Cells that are made or given up; one whose worker was lost is neither."""
        runs = child_runs(self.store, self.parent)
        ended = {
            run.tags.get(CELL_KEY, "")
            for run in runs
            if run.status == "FINISHED" or run.tags.get(ERROR) != WorkerLost.__name__
        }
        return frozenset(ended | set(self.failures)) | self._cells_finished_elsewhere()

    def unreported_cells(self) -> frozenset[str]:
        """Cells that no run of this sweep tells of."""
        runs = child_runs(self.store, self.parent)
        left = self.plan.pending - {run.tags.get(CELL_KEY, "") for run in runs}
        return left - self._cells_finished_elsewhere() if left else left

    def _cells_finished_elsewhere(self) -> frozenset[str]:
        """What other sweeps made meanwhile counts, unless everything was to be made anew."""
        return finished_cells(self.store) if self.plan.resumes else frozenset()


def run_until_done(sweep: RunningSweep, launch: Launch) -> None:
    """Launch what is missing until each job has had its turn, and leave a run for every cell.

    A launcher that breaks, because a worker was killed or a machine went away, is started again
    with what is missing. When that helps no more, each job is launched alone: whose launch
    breaks then is the one that kills its workers, and it stays KILLED.

    Args:
        sweep: What is wished for, and where it goes.
        launch: Runs jobs and comes back when all have ended, or raises.
    """
    owed, idle = sweep.plan.pending, 0
    while owed:
        broken = _try_launch(sweep, launch, sweep.plan.jobs_with(owed))
        if broken is None:
            break
        left = owed - sweep.done_cells()
        idle = idle + 1 if left == owed else 0
        owed = left
        if idle == MAX_IDLE_ROUNDS:
            if child_runs(sweep.store, sweep.parent):
                _launch_one_by_one(sweep, launch, owed)
            else:  # this launcher does not work at all
                sweep.failures.update(dict.fromkeys(owed, broken))
            break
        echo(f"{plural(len(owed), 'cell')} to make again.")
    # Nobody works any more: what is open was left by a job that was preempted, or by a store
    # that was away when it should have been closed.
    silent = WorkerLost("Its process ended without a word.", fix=closing.RERUN_ADVICE)
    closing.kill_open_runs(sweep.store, sweep.parent, silent)
    _record_unreported(sweep)


def _try_launch(sweep: RunningSweep, launch: Launch, wishes: Sequence[Wish]) -> JobResult | None:
    """Launch jobs; give the cause if the launcher broke, with all that it left open closed."""
    try:
        for wish, report in zip(wishes, launch(wishes), strict=True):
            if report.cause:
                cells = wish.planned.cell_keys.values()
                sweep.failures.update(dict.fromkeys(cells, report))
    except (Exception, SystemExit) as error:  # noqa: BLE001  (jobs never raise: a launcher broke)
        told = redact(str(error) or type(error).__name__)
        first = told.strip().partition("\n")[0][:300]
        echo(f"[red]Hydra's launcher broke:[/] {escape(type(error).__name__)}: {escape(first)}")
        lost = WorkerLost(f"{type(error).__name__}: {first}", fix=closing.RERUN_ADVICE)
        lost.__cause__ = error
        closing.kill_open_runs(sweep.store, sweep.parent, lost)
        return _lost_result(lost, sweep)
    return None


def _launch_one_by_one(sweep: RunningSweep, launch: Launch, pending: frozenset[str]) -> None:
    for wish in sweep.plan.jobs_with(pending):
        broken = _try_launch(sweep, launch, [wish])
        if broken is not None:
            left = frozenset(wish.planned.cell_keys.values()) & pending
            sweep.failures.update(dict.fromkeys(left - sweep.done_cells(), broken))


def _record_unreported(sweep: RunningSweep) -> None:
    """Leave a run for each cell that has none, with the cause that its job gave."""
    silent = _lost_result(
        WorkerLost("No process spoke for this cell.", fix=closing.RERUN_ADVICE), sweep
    )
    left = sweep.unreported_cells()
    for wish in sweep.plan.jobs_with(left):
        for key in left & set(wish.planned.cell_keys.values()):
            report = sweep.failures.get(key, silent)
            closing.record_missing_cells(sweep.store, sweep.parent, wish, [key], report)


def _lost_result(error: WorkerLost, sweep: RunningSweep) -> JobResult:
    cause = error_tags(error, sweep.store.uri)
    return JobResult(name="", seed=0, evaluated=0, seconds=0.0, cause=cause, killed=True)
