"""Launches a sweep repeatedly, until no cell is missing that could still be evaluated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.markup import escape

from arogya_bench.errors import WorkerLost
from arogya_bench.evaluation.job import PlannedJob
from arogya_bench.runtime.console import echo, plural
from arogya_bench.runtime.redaction import redact
from arogya_bench.sweeps.cleanup import RERUN_ADVICE, kill_open_runs, record_missing_cells
from arogya_bench.sweeps.job_result import JobResult, job_key
from arogya_bench.sweeps.plan import SweepPlan, finished_cells
from arogya_bench.tracking.runs import child_runs, error_tags
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import CELL_KEY, ERROR

MAX_IDLE_ROUNDS = 2  # launches in a row that may fail without a finished cell
Launch = Callable[[Sequence[PlannedJob]], Sequence[JobResult]]


@dataclass(kw_only=True)
class RunningSweep:
    """A sweep in progress.

    Attributes:
        parent: Run id of the sweep.
        failures: Results of failed jobs by cell key.
        job_seconds: Time of all jobs.
        paid: USD that the API calls of a job cost, by its key, where that is known.
    """

    store: Store
    parent: str
    plan: SweepPlan
    failures: dict[str, JobResult] = field(default_factory=dict)
    job_seconds: float = 0.0
    paid: dict[str, float] = field(default_factory=dict)

    def add(self, planned: PlannedJob, result: JobResult) -> None:
        """Take the result of a job."""
        self.job_seconds += result.seconds
        if result.api_usd is not None:
            key = job_key(planned.job.overrides)
            self.paid[key] = self.paid.get(key, 0.0) + result.api_usd
        if result.cause:
            self.failures.update(dict.fromkeys(planned.cell_keys.values(), result))

    def done_cells(self) -> frozenset[str]:
        """Keys of cells that finished or failed for good; losing a worker is neither."""
        ended = {
            run.tags.get(CELL_KEY, "")
            for run in child_runs(self.store, self.parent)
            if run.status == "FINISHED" or run.tags.get(ERROR) != WorkerLost.__name__
        }
        return frozenset(ended | set(self.failures)) | self._cells_finished_elsewhere()

    def unreported_cells(self) -> frozenset[str]:
        """Keys of pending cells for which this sweep has no run."""
        runs = child_runs(self.store, self.parent)
        missing = self.plan.pending - {run.tags.get(CELL_KEY, "") for run in runs}
        return missing - self._cells_finished_elsewhere() if missing else missing

    def _cells_finished_elsewhere(self) -> frozenset[str]:
        """Keys of cells that other sweeps finished meanwhile, unless all are to be recomputed."""
        return finished_cells(self.store) if self.plan.resumes else frozenset()


def run_until_done(sweep: RunningSweep, launch: Launch) -> None:
    """Launch pending jobs until each has run, and leave a run for every cell.

    A launcher that fails, because a worker was killed or a machine was lost, is started again with
    the cells that are missing. When that no longer helps, each job is launched alone: the job
    whose launch still fails is the one that kills its workers, and its cells are recorded KILLED.
    """
    missing, idle_rounds = sweep.plan.pending, 0
    while missing:
        failure = _try_launch(sweep, launch, sweep.plan.jobs_with(missing))
        if failure is None:
            break
        remaining = missing - sweep.done_cells()
        idle_rounds = idle_rounds + 1 if remaining == missing else 0
        missing = remaining
        if idle_rounds == MAX_IDLE_ROUNDS:
            if child_runs(sweep.store, sweep.parent):
                _launch_one_by_one(sweep, launch, missing)
            else:  # the launcher does not work at all
                sweep.failures.update(dict.fromkeys(missing, failure))
            break
        echo(f"Retrying {plural(len(missing), 'cell')}.")
    # No job runs any more. A run that is still open belongs to a job that was preempted, or the
    # store was not reachable when it should have been closed.
    error = WorkerLost("Its process ended unexpectedly.", fix=RERUN_ADVICE)
    kill_open_runs(sweep.store, sweep.parent, error)
    _record_unreported(sweep)


def _try_launch(sweep: RunningSweep, launch: Launch, jobs: Sequence[PlannedJob]) -> JobResult | None:
    """Launch jobs; if the launcher fails, close their open runs and return the cause."""
    try:
        for planned, result in zip(jobs, launch(jobs), strict=True):
            sweep.add(planned, result)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (jobs never raise: the launcher failed)
        message = redact(str(error) or type(error).__name__)
        first_line = message.strip().partition("\n")[0][:300]
        echo(f"[red]The launcher failed:[/] {escape(type(error).__name__)}: {escape(first_line)}")
        lost = WorkerLost(f"{type(error).__name__}: {first_line}", fix=RERUN_ADVICE)
        lost.__cause__ = error
        kill_open_runs(sweep.store, sweep.parent, lost)
        return _lost_result(lost, sweep)
    return None


def _launch_one_by_one(sweep: RunningSweep, launch: Launch, pending: frozenset[str]) -> None:
    for planned in sweep.plan.jobs_with(pending):
        failure = _try_launch(sweep, launch, [planned])
        if failure is not None:
            missing = frozenset(planned.cell_keys.values()) & pending
            sweep.failures.update(dict.fromkeys(missing - sweep.done_cells(), failure))


def _record_unreported(sweep: RunningSweep) -> None:
    """Log a run for each cell that has none, with the failure that its job reported, if any."""
    unexplained = _lost_result(WorkerLost("Its job ended without a run for this cell.", fix=RERUN_ADVICE), sweep)
    missing = sweep.unreported_cells()
    for planned in sweep.plan.jobs_with(missing):
        for key in missing & set(planned.cell_keys.values()):
            result = sweep.failures.get(key, unexplained)
            record_missing_cells(sweep.store, sweep.parent, planned, [key], result)


def _lost_result(error: WorkerLost, sweep: RunningSweep) -> JobResult:
    cause = error_tags(error, sweep.store.uri)
    return JobResult(name="", seed=0, evaluated=0, seconds=0.0, cause=cause, killed=True)
