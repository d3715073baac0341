from dataclasses import dataclass, field

import pytest

from arogya_bench.errors import JobKilled
from arogya_bench.evaluation.job import prepare
from arogya_bench.evaluation.run_items import cell_tags
from arogya_bench.sweeps.job_result import JobResult
from arogya_bench.sweeps.plan import SweepPlan, finished_cells
from arogya_bench.sweeps.retry import MAX_IDLE_ROUNDS, RunningSweep, run_until_done
from arogya_bench.tracking.runs import child_runs, error_tags, finish_run, start_run


class NodeGone(Exception):
    """What a launcher raises when it loses a machine."""


@pytest.fixture(scope="module")
def jobs(job_of):
    """Three jobs of two cells each."""
    return tuple(prepare(job_of(noise=(0.1,), seed=seed, overrides=(f"seed={seed}",))) for seed in (1, 2, 3))


@pytest.fixture
def sweep(store, jobs):
    """A sweep that has begun, in a store without cells."""
    parent = start_run(store, "sweep", {"arogya.kind": "sweep"})
    return RunningSweep(store=store, parent=parent, plan=SweepPlan(jobs=jobs, finished=frozenset()))


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A launcher that makes cells in the store of a sweep, and notes what it was asked to launch.

    Attributes:
        deadly: Seeds of jobs that take the whole pool with them, each time they begin a cell.
        breaks_after: Jobs after which it breaks, call by call.
        launched: Seeds of the jobs of each call.
    """

    sweep: RunningSweep
    deadly: tuple[int, ...] = ()
    breaks_after: dict[int, int] = field(default_factory=dict)
    launched: list[list[int]] = field(default_factory=list)

    def __call__(self, jobs):
        """The deadly job dies before any other comes to its end."""
        call = len(self.launched)
        self.launched.append([seed_of(planned) for planned in jobs])
        for planned in jobs:
            if seed_of(planned) in self.deadly:
                begun(self.sweep, planned, *planned.job.conditions[:1])
                raise NodeGone("the node is gone\nand so are its logs")
        reports = []
        for planned in jobs:
            if self.breaks_after.get(call) == len(reports):
                raise NodeGone("the node is gone")
            made = cells_made(self.sweep, planned, planned.job.conditions)
            reports.append(report_of(planned, evaluated=len(made)))
        return reports


def seed_of(planned):
    return planned.job.seed


def report_of(planned, **fields):
    return JobResult(**{"name": "prior", "seed": seed_of(planned), "evaluated": 0, "seconds": 0.1, **fields})


def begun(sweep, planned, *conditions):
    return [start_run(sweep.store, each.name, cell_tags(planned, each), parent=sweep.parent) for each in conditions]


def cells_made(sweep, planned, conditions):
    runs = begun(sweep, planned, *conditions)
    for run_id in runs:
        finish_run(sweep.store, run_id)
    return runs


def runs_of(sweep):
    return child_runs(sweep.store, sweep.parent)


def statuses(sweep, planned):
    """The statuses of the runs of each cell of a job, oldest first."""
    cells = planned.cell_keys
    return {
        name: [run.status for run in runs_of(sweep) if run.tags["arogya.cell_key"] == key]
        for name, key in cells.items()
    }


def of_every_cell(planned, *found):
    return {name: list(found) for name in planned.cell_keys}


def test_a_launcher_that_works_is_called_once(sweep, jobs):
    pool = Pool(sweep=sweep)

    run_until_done(sweep, pool)

    assert pool.launched == [[1, 2, 3]]
    assert finished_cells(sweep.store) == sweep.plan.cells
    assert len(runs_of(sweep)) == 6


def test_a_sweep_of_which_everything_is_there_launches_nothing(store, jobs, sweep):
    pool = Pool(sweep=sweep)
    plan = SweepPlan(jobs=jobs, finished=sweep.plan.cells)

    run_until_done(RunningSweep(store=store, parent=sweep.parent, plan=plan), pool)

    assert pool.launched == []
    assert runs_of(sweep) == []


def test_a_launcher_that_breaks_is_called_again_with_what_is_missing(sweep, jobs, capsys):
    pool = Pool(sweep=sweep, breaks_after={0: 1, 1: 1})

    run_until_done(sweep, pool)

    said = capsys.readouterr().err
    assert pool.launched == [[1, 2, 3], [2, 3], [3]]
    assert [statuses(sweep, planned) for planned in jobs] == [of_every_cell(planned, "FINISHED") for planned in jobs]
    assert "The launcher failed: NodeGone: the node is gone\n" in said
    assert "Retrying 4 cells." in said
    assert "Retrying 2 cells." in said


def test_what_a_broken_launch_left_open_is_killed_with_its_cause_and_made_again(sweep, jobs):
    pool, first = Pool(sweep=sweep), jobs[0]

    def breaks_once(batch):
        if not pool.launched:
            pool.launched.append([])
            begun(sweep, first, *first.job.conditions[:1])
            raise NodeGone("the node is gone")
        return pool(batch)

    run_until_done(sweep, breaks_once)

    (killed,) = [run for run in runs_of(sweep) if run.status == "KILLED"]
    assert killed.tags["arogya.error"] == "WorkerLost"
    assert killed.tags["arogya.error_message"].startswith("NodeGone: the node is gone")
    assert statuses(sweep, first) == {"clean": ["KILLED", "FINISHED"]} | {
        name: ["FINISHED"] for name in first.cell_keys if name != "clean"
    }


def test_when_a_launcher_breaks_for_ever_its_jobs_are_launched_one_by_one(sweep, jobs):
    """Whose launch breaks then is the one that kills its workers; the others are made."""
    pool = Pool(sweep=sweep, deadly=(2,))

    run_until_done(sweep, pool)

    assert pool.launched == [*([[1, 2, 3]] * MAX_IDLE_ROUNDS), [1], [2], [3]]
    assert statuses(sweep, jobs[0]) == of_every_cell(jobs[0], "FINISHED")
    assert statuses(sweep, jobs[2]) == of_every_cell(jobs[2], "FINISHED")
    assert {run.status for run in runs_of(sweep) if run.tags["arogya.seed"] == "2"} == {"KILLED"}


def test_every_cell_of_a_job_that_kills_its_workers_says_why_it_is_missing(sweep, jobs):
    pool = Pool(sweep=sweep, deadly=(2,))

    run_until_done(sweep, pool)

    lost = [run for run in runs_of(sweep) if run.tags["arogya.seed"] == "2"]
    assert {run.tags["arogya.cell_key"] for run in lost} == set(jobs[1].cell_keys.values())
    assert {run.tags["arogya.error"] for run in lost} == {"WorkerLost"}
    assert all("NodeGone: the node is gone" in run.tags["arogya.error_message"] for run in lost)
    assert all("logs" not in run.tags["arogya.error_message"] for run in lost)


def test_a_round_that_makes_something_renews_the_patience(sweep):
    """Three launches break, never twice in a row without a cell made: nothing goes one by one."""
    pool = Pool(sweep=sweep, breaks_after={0: 1, 1: 0, 2: 1})

    run_until_done(sweep, pool)

    assert pool.launched == [[1, 2, 3], [2, 3], [2, 3], [3]]
    assert finished_cells(sweep.store) == sweep.plan.cells


def test_what_another_sweep_made_meanwhile_is_not_made_again(sweep, jobs):
    pool = Pool(sweep=sweep, breaks_after={0: 1})
    other = start_run(sweep.store, "sweep", {"arogya.kind": "sweep"})

    def launch(batch):
        try:
            return pool(batch)
        finally:
            if len(pool.launched) == 1:
                there = RunningSweep(store=sweep.store, parent=other, plan=sweep.plan)
                cells_made(there, jobs[2], jobs[2].job.conditions)

    run_until_done(sweep, launch)

    assert pool.launched == [[1, 2, 3], [2]]
    assert statuses(sweep, jobs[2]) == of_every_cell(jobs[2])


def test_a_job_that_says_why_it_made_nothing_is_not_launched_again(sweep, jobs):
    pool = Pool(sweep=sweep)
    killed = JobKilled("SIGKILL ended it.", fix="give it more memory.")
    cause = error_tags(killed, sweep.store.uri)

    def launch(batch):
        done = pool([planned for planned in batch if seed_of(planned) != 2])
        given_up = report_of(jobs[1], cause=cause, killed=True)
        return [done[0], given_up, done[1]]

    run_until_done(sweep, launch)

    lost = [run for run in runs_of(sweep) if run.tags["arogya.seed"] == "2"]
    assert pool.launched == [[1, 3]]
    assert statuses(sweep, jobs[1]) == of_every_cell(jobs[1], "KILLED")
    assert {run.tags["arogya.error"] for run in lost} == {"JobKilled"}


def test_a_cell_that_nobody_speaks_of_has_a_run_that_says_so(sweep, jobs):
    pool = Pool(sweep=sweep)

    def launch(batch):
        return [*pool(batch[:2]), report_of(batch[2])]

    run_until_done(sweep, launch)

    lost = [run for run in runs_of(sweep) if run.tags["arogya.seed"] == "3"]
    assert statuses(sweep, jobs[2]) == of_every_cell(jobs[2], "KILLED")
    assert all("Its job ended without a run for this cell." in run.tags["arogya.error_message"] for run in lost)


def test_a_run_that_its_process_left_open_is_closed_at_the_end(sweep, jobs):
    pool = Pool(sweep=sweep)

    def launch(batch):
        begun(sweep, batch[2], *batch[2].job.conditions)
        return [*pool(batch[:2]), report_of(batch[2])]

    run_until_done(sweep, launch)

    assert statuses(sweep, jobs[2]) == of_every_cell(jobs[2], "KILLED")
    assert {run.status for run in runs_of(sweep)} == {"FINISHED", "KILLED"}


def test_ctrl_c_is_no_fault_of_the_launcher(sweep):
    def launch(batch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_until_done(sweep, launch)
