"""Which measurement runs of a block are compared: those of one machine, of one session if there is one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import GRADE, MACHINE_DIGEST, MODEL_CONFIG_DIGEST, SESSION

UNUSABLE_GRADE = "D"
USABLE_GRADES = ("A", "B", "C")  # of numbers that a recommendation may rest on; no grade is as bad as D

Runs = Mapping[str, RunRecord]  # row digest to its run


def machine_of(run: RunRecord) -> str:
    """What two measurements must share to be compared; their devices are told apart in the tables."""
    return run.tags.get(MACHINE_DIGEST, "")


def session_of(run: RunRecord) -> str:
    """Shared by the models that were interleaved."""
    return run.tags.get(SESSION, run.run_id)


def is_usable(run: RunRecord) -> bool:
    """Whether a recommendation may rest on the run."""
    return run.tags.get(GRADE) in USABLE_GRADES


def choose_machine(runs: Sequence[RunRecord]) -> str | None:
    """The machine with most rows; of several, that of the newest run, which is the last."""
    rows: defaultdict[str, set[str]] = defaultdict(set)
    newest: dict[str, int] = {}
    for position, run in enumerate(runs):
        rows[machine_of(run)].add(run.tags[MODEL_CONFIG_DIGEST])
        newest[machine_of(run)] = position
    return max(newest, key=lambda machine: (len(rows[machine]), newest[machine]), default=None)


def choose_runs(runs: Sequence[RunRecord]) -> Runs:
    """One run per row, of runs from the oldest to the newest.

    Of the sessions that hold every row that with most usable grades, then the newest; the best run of each row by
    itself if there is no such session, or if more of these are usable.
    """
    best: dict[str, RunRecord] = {}
    for run in runs:
        row = run.tags[MODEL_CONFIG_DIGEST]
        if row not in best or is_usable(run) or not is_usable(best[row]):
            best[row] = run
    complete = [session for session in _sessions(runs) if session.keys() == best.keys()]
    if not complete:
        return best
    chosen = max(enumerate(complete), key=lambda entry: (_usable(entry[1]), entry[0]))[1]
    return chosen if _usable(chosen) >= _usable(best) else best


def _sessions(runs: Sequence[RunRecord]) -> list[Runs]:
    """The rows of each session, the newest session last."""
    sessions: dict[str, dict[str, RunRecord]] = {}
    for run in runs:
        session = session_of(run)
        sessions[session] = {**sessions.pop(session, {}), run.tags[MODEL_CONFIG_DIGEST]: run}
    return list(sessions.values())


def _usable(runs: Runs) -> int:
    return sum(map(is_usable, runs.values()))
