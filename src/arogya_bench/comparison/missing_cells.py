"""The cells of a comparison that have no finished run, and why."""

from collections.abc import Mapping, Sequence
from itertools import product

from arogya_bench.analysis.conditions import StoredCondition
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import CONDITION, ERROR, ERROR_MESSAGE, MODEL, MODEL_CONFIG_DIGEST, SEED

NEVER_RUN = "never run"

CellKey = tuple[str, str, str]  # row, condition, seed


def cell_key(run: RunRecord) -> CellKey:
    """Key of a mapping; runs are listed oldest first, so the newest run of a cell stays."""
    return run.tags[MODEL_CONFIG_DIGEST], run.tags[CONDITION], run.tags[SEED]


def missing_cells(
    runs: Sequence[RunRecord],
    finished: Mapping[CellKey, RunRecord],
    names: Mapping[str, str],
    conditions: Sequence[StoredCondition],
) -> list[Mapping[str, str]]:
    """List the combinations of a row, a condition and a seed of that row without a finished run."""
    latest = {cell_key(run): run for run in runs}
    seeds = sorted({(row, seed) for row, _, seed in latest})
    missing: list[Mapping[str, str]] = []
    for row, condition, seed in product(names, conditions, sorted({seed for _, seed in seeds})):
        if (row, seed) not in seeds:
            continue  # rows may have different numbers of seeds
        key = (row, condition.name, seed)
        if key in finished:
            continue
        cell = {"model": names[row], "condition": condition.name, "seed": seed}
        run = latest.get(key)
        missing.append({**missing_row(run), **cell} if run else {**cell, "status": NEVER_RUN})
    return missing


def missing_row(run: RunRecord) -> Mapping[str, str]:
    """How a run ended that did not finish; of a job that failed before it read its data, for all conditions."""
    message = run.tags.get(ERROR_MESSAGE, "")
    return {
        "model": run.tags.get(MODEL, run.name),
        "condition": "all",
        "seed": "",
        "status": run.status,
        "cause": run.tags.get(ERROR, ""),
        "message": message.splitlines()[0] if message else "",
    }
