"""How a sweep ended, for whoever asked for it from Python."""

from dataclasses import dataclass

from arogya_bench.comparison.missing_cells import missing_row
from arogya_bench.tracking.runs import FINISHED_EVALUATIONS, RunRecord, child_runs, search_runs
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import CELL_KEY, CONDITION, DATASET, KIND, SEED

FAILURE_COLUMNS = ("dataset", "model", "condition", "seed", "status", "cause", "message", "run_id")
LOCATION = {"dataset": DATASET, "condition": CONDITION, "seed": SEED}


@dataclass(frozen=True, kw_only=True)
class SweepEnd:
    """A sweep that has ended.

    Attributes:
        exit_code: That of the command: 0, or 3 if a job failed.
        store: Where its runs are.
        run_id: Of the sweep itself.
        cells: Keys of all its cells, also of those that were finished before.
    """

    exit_code: int
    store: Store
    run_id: str
    cells: frozenset[str]

    def evaluations(self) -> list[str]:
        """The run ids of its finished cells, also of those that were finished before; the newest run of each cell."""
        finished = search_runs(self.store, FINISHED_EVALUATIONS)
        newest = {run.tags[CELL_KEY]: run.run_id for run in finished if run.tags.get(CELL_KEY) in self.cells}
        return list(newest.values())

    def failures(self) -> list[dict[str, str]]:
        """The runs of this sweep that did not finish, and why; of a cell that another run finished, none."""
        runs = [run for run in child_runs(self.store, self.run_id) if run.tags.get(KIND) == "evaluation"]
        finished = {run.tags.get(CELL_KEY) for run in runs if run.status == "FINISHED"}
        return [
            _failure(run) for run in runs if run.status != "FINISHED" and run.tags.get(CELL_KEY, "") not in finished
        ]


def _failure(run: RunRecord) -> dict[str, str]:
    located = {name: run.tags[tag] for name, tag in LOCATION.items() if tag in run.tags}
    return {"dataset": "", **missing_row(run), **located, "run_id": run.run_id}
