"""The table of runs: which evaluations a comparison rests on, and what it read of them."""

from datetime import UTC, datetime

from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import FIT_RUN_ID, IMPORTED_FROM, SPLIT

RUN_COLUMNS = (
    "dataset", "model", "condition", "seed", "split", "run_id", "fit_run_id", "digest", "experiment_id", "finished",
    "note",
)  # fmt: skip
NOT_CHOSEN = "not read: validation chose another variant"
WITHOUT_CLEAN = "not read: the model has no finished run on clean images"


def run_rows(block: ComparableRuns) -> list[TableRow]:
    """One row per finished evaluation of a block, by model, condition and seed; of pooled folds one per fold.

    ``digest`` is the SHA-256 of the file ``predictions.parquet`` as it was read; None if it was not, and ``note`` says
    why. Call it after everything that reads predictions.
    """
    rows, conditions = [*block.row_names, *block.tried], [condition.name for condition in block.conditions]
    keys = sorted(block.runs, key=lambda key: (rows.index(key[0]), conditions.index(key[1]), key[2]))
    names = {**block.row_names, **block.tried}
    return [
        {
            "dataset": block.dataset,
            "model": names[row],
            "condition": condition,
            "seed": seed,
            **_describe(run),
            "digest": block.read_digests.get(run.run_id),
            "experiment_id": run.experiment_id,
            "finished": utc_time(run.end_time),
            "note": _note(block, row, run),
        }
        for row, condition, seed in keys
        for run in block.parts((row, condition, seed))
    ]


def utc_time(milliseconds: int | None) -> str | None:
    """A time in ms since 1970 in ISO format, in UTC and to the second; None for None."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds // 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _describe(run: RunRecord) -> TableRow:
    return {"split": run.tags.get(SPLIT, ""), "run_id": run.run_id, "fit_run_id": run.tags.get(FIT_RUN_ID)}


def _note(block: ComparableRuns, row: str, run: RunRecord) -> str:
    if run.run_id not in block.read_digests:
        return NOT_CHOSEN if row in block.tried else WITHOUT_CLEAN
    return f"imported from {run.tags[IMPORTED_FROM]}" if IMPORTED_FROM in run.tags else ""
