"""What is to be said of measurements: those that are not shown, that failed, or that differ in their conditions."""

from collections.abc import Iterable, Mapping, Sequence

from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.measurement_choice import Runs, is_usable, machine_of, session_of
from arogya_bench.statistics.notes import join_notes
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import DEVICE, ERROR, ERROR_MESSAGE, GRADE, MACHINE, MEASURE, MODEL_CONFIG_DIGEST

NOT_MEASURED = "not measured"
OTHER_SESSIONS = (
    "The models were not measured in one session: their latencies are not paired by round, and a difference may be "
    "one of the machine's state."
)
Options = Mapping[str, object]  # of a protocol


def row_notes(
    block: ComparableRuns, runs: Sequence[RunRecord], on_machine: Sequence[RunRecord], taken: Runs
) -> dict[str, str]:
    """What is to be said of the measurement of each row; nothing if no run exists.

    Args:
        block: With the rows.
        runs: All, finished or not, from the oldest to the newest.
        on_machine: The finished ones of the machine that is compared.
        taken: Those that are shown.
    """
    if not runs:
        return {}
    notes = {}
    for row, name in block.row_names.items():
        of_row = [run for run in runs if run.tags[MODEL_CONFIG_DIGEST] == row]
        if row in taken:
            here = [run for run in of_row if machine_of(run) == machine_of(taken[row])]
            notes[name] = join_notes(_superseding(on_machine, here, taken[row]), _failure("a newer", here))
        else:
            notes[name] = join_notes(NOT_MEASURED, _failure("its", of_row))
    return {name: note for name, note in notes.items() if note}


def _superseding(on_machine: Sequence[RunRecord], of_row: Sequence[RunRecord], taken: RunRecord) -> str:
    """Why the newest finished measurement of a row is not shown, if it is not."""
    newest = [run for run in of_row if run.status == "FINISHED"][-1]
    if newest.run_id == taken.run_id:
        return ""
    session = session_of(taken)
    if is_usable(taken) and not is_usable(newest):
        reason = f"its grade is {newest.tags.get(GRADE) or 'unknown'}"
    elif _rows_of(on_machine, session_of(newest)) == _rows_of(on_machine, session):
        reason = f"session {session} has better grades"
    else:
        reason = f"that of session {session} holds every model"
    return f"a newer measurement is not shown, since {reason}"


def _rows_of(runs: Iterable[RunRecord], session: str) -> set[str]:
    return {run.tags[MODEL_CONFIG_DIGEST] for run in runs if session_of(run) == session}


def _failure(which: str, of_row: Sequence[RunRecord]) -> str:
    """How the newest measurement of a row ended, unless it is finished."""
    if not of_row or of_row[-1].status == "FINISHED":
        return ""
    return f"{which} measurement {_describe_end(of_row[-1])}"


def _describe_end(run: RunRecord) -> str:
    message = run.tags.get(ERROR_MESSAGE, "").splitlines()
    cause = ": ".join(part for part in (run.tags.get(ERROR, ""), *message[:1]) if part)
    end = "is not finished" if run.status == "RUNNING" else run.status.lower()
    return f"{end} ({cause})" if cause else end


def other_machines(block: ComparableRuns, finished: Iterable[RunRecord], machine: str | None) -> list[str]:
    """Name the measurements that are not shown since they are of another machine."""
    others: dict[str, tuple[str, dict[str, None]]] = {}
    for run in finished:
        if machine_of(run) != machine:
            where = run.tags.get(MACHINE, "an unnamed machine")
            others.setdefault(machine_of(run), (where, {}))[1][block.row_names[run.tags[MODEL_CONFIG_DIGEST]]] = None
    return [
        f"Measurements of {', '.join(names)} on {where} are not shown: latencies of different machines are not "
        "compared."
        for where, names in others.values()
    ]


def unequal_conditions(taken: Mapping[str, RunRecord], options: Mapping[str, Options]) -> list[str]:
    """What differs between the measurements that are shown: sessions, devices, threads, protocols and their options.

    Args:
        taken: Display name to run.
        options: Display name to the options of the protocol, as far as they are known.
    """
    caveats = [OTHER_SESSIONS] if len(set(map(session_of, taken.values()))) > 1 else []
    for what, values in (
        ("on different devices", {name: run.tags.get(DEVICE) or "unknown" for name, run in taken.items()}),
        ("with different threads", {name: run.params.get("threads", "unknown") for name, run in taken.items()}),
        ("with different protocols", {name: run.tags.get(MEASURE, "unknown") for name, run in taken.items()}),
        ("with different options of their protocol", _differing(options)),
    ):
        if len(set(values.values())) > 1:
            caveats.append(f"The models were measured {what}: {_group_by_value(values)}.")
    return caveats


def other_options(session: str, options: Options, shown: Options) -> list[str]:
    """Name a session that is not shown and was measured with other options; empty if they are equal or unknown."""
    if not options or not shown or options == shown:
        return []
    differing = _differing({session: options, "": shown})
    return [
        f"Session {session} is not shown: it was measured with {differing[session]}, and what is shown with "
        f"{differing['']}."
    ]


def _differing(options: Mapping[str, Options]) -> dict[str, str]:
    """The options that are not the same for all, in words."""
    keys = dict.fromkeys(key for values in options.values() for key in values)
    unequal = [key for key in keys if len({repr(values.get(key)) for values in options.values()}) > 1]
    return {
        name: ", ".join(f"{key}={values.get(key, 'unknown')}" for key in unequal) for name, values in options.items()
    }


def _group_by_value(values: Mapping[str, str]) -> str:
    names: dict[str, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    return "; ".join(f"{value} ({', '.join(group)})" for value, group in names.items())
