"""The values and bounds that evaluations logged, straight from their runs: nothing is computed or downloaded."""

import pandas as pd

from arogya_bench.comparison.missing_cells import cell_key
from arogya_bench.comparison.selection import Selection, block_key, nothing_finished, search_query
from arogya_bench.tracking.runs import RunRecord, search_runs
from arogya_bench.tracking.store import Store, with_experiments
from arogya_bench.tracking.tags import (
    CONDITION,
    DATASET,
    DATASET_DIGEST,
    MODEL,
    MODEL_CONFIG_DIGEST,
    SEED,
    SEVERITY,
    SPLIT,
    SPLIT_DIGEST,
    TASK,
    TRAINING,
    VERSION,
)

COLUMN_TAGS = {
    "dataset": DATASET,
    "dataset_digest": DATASET_DIGEST,
    "split": SPLIT,
    "split_digest": SPLIT_DIGEST,
    "task": TASK,
    "model": MODEL,
    "model_config_digest": MODEL_CONFIG_DIGEST,
    "training": TRAINING,
    "seed": SEED,
    "condition": CONDITION,
    "severity": SEVERITY,
    "version": VERSION,
}
EVALUATION_COLUMNS = ("run_id", "experiment_id", *COLUMN_TAGS)


def logged_values(store: Store, selection: Selection) -> pd.DataFrame:
    """One row per cell: the newest finished run, who was evaluated on what, and its metrics with their bounds.

    Rows of one dataset may stand on different cases or have been logged by different versions: the digests and the
    version tell them apart. ``compare`` is what compares them.

    Raises:
        TrackingError: If there is none, or the filter is invalid.
    """
    store = with_experiments(store, selection.experiments)
    query, fix = search_query(selection)
    runs = search_runs(store, f"attributes.status = 'FINISHED' and {query}", fix=fix)
    newest = {(block_key(run), cell_key(run)): run for run in runs if SPLIT_DIGEST in run.tags}
    if not newest:
        raise nothing_finished(store, selection, [])
    rows = sorted(newest.values(), key=_order)
    identity = pd.DataFrame([_identity(run) for run in rows], columns=list(EVALUATION_COLUMNS))
    identity["severity"] = pd.to_numeric(identity["severity"])
    if identity["seed"].str.isdecimal().all():  # those of imported runs may be names
        identity["seed"] = identity["seed"].astype("int64")
    return pd.concat([identity, _metrics(rows)], axis="columns")


def _order(run: RunRecord) -> tuple[str, ...]:
    return tuple(run.tags.get(tag, "") for tag in (DATASET, SPLIT, MODEL, CONDITION, SEED))


def _identity(run: RunRecord) -> list[str | None]:
    return [run.run_id, run.experiment_id, *(run.tags.get(tag) for tag in COLUMN_TAGS.values())]


def _metrics(runs: list[RunRecord]) -> pd.DataFrame:
    """Metrics of the runs by name; NaN where a run has none."""
    names = dict.fromkeys(name for run in runs for name in run.metrics)
    missing = float("nan")
    return pd.DataFrame({name: [run.metrics.get(name, missing) for run in runs] for name in sorted(names)})
