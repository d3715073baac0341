"""Cells that sweeps skipped, since their row lacked a key, a consent or a service, read from the runs of the sweeps."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from arogya_bench.comparison.missing_cells import cell_key
from arogya_bench.errors import ArtifactMissing, RequirementMissing
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.runs import RunRecord, search_runs
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import DATASET_DIGEST, ERROR, ERROR_MESSAGE, KIND, MODEL, SKIPPED, SPLIT_DIGEST, TASK

SKIPPED_STATUS = "SKIPPED"
SKIPPED_FILE = "skipped.json"
SWEEPS_WITH_SKIPPED_CELLS = f"tags.`{KIND}` = 'sweep' and tags.`{SKIPPED}` != '0'"


def load_skipped_cells(store: Store, *, sweep: str | None = None) -> list[RunRecord]:
    """Read the skipped cells of all sweeps as if each had a run, which started with its sweep; oldest first.

    Of a cell that several sweeps skipped, the newest one counts. A sweep whose list of cells is missing from the store
    is one cell without a split, as is a job that failed before it read its data.

    Args:
        store: The store and its experiments.
        sweep: Run id of the only sweep to read; None for all.
    """
    cells: dict[tuple[str, ...], RunRecord] = {}
    for run in search_runs(store, SWEEPS_WITH_SKIPPED_CELLS):
        if sweep not in (None, run.run_id):
            continue
        for cell in _cells_of(store, run):
            key = _key(cell) if SPLIT_DIGEST in cell.tags else (run.run_id,)
            cells.pop(key, None)  # the newest one stands at the end
            cells[key] = cell
    return list(cells.values())


def _key(cell: RunRecord) -> tuple[str, ...]:
    return cell.tags[DATASET_DIGEST], cell.tags[SPLIT_DIGEST], cell.tags[TASK], *cell_key(cell)


def _cells_of(store: Store, sweep: RunRecord) -> Iterator[RunRecord]:
    try:
        with fetch_artifact(sweep, SKIPPED_FILE, uri=store.uri) as path:
            cells = json.loads(path.read_text(encoding="utf-8"))
    except ArtifactMissing as error:
        message = f"{sweep.tags[SKIPPED]} cells were skipped, and which is not known: {error.problem}"
        yield _as_run(sweep, {MODEL: sweep.tags[MODEL], ERROR: type(error).__name__, ERROR_MESSAGE: message})
        return
    for cell in cells:
        message = f"{cell.pop('requirement')} Fix: {cell.pop('fix')}"
        tags = {f"arogya.{name}": value for name, value in cell.items()}
        yield _as_run(sweep, {**tags, ERROR: RequirementMissing.__name__, ERROR_MESSAGE: message})


def _as_run(sweep: RunRecord, tags: Mapping[str, str]) -> RunRecord:
    return replace(sweep, run_id="", status=SKIPPED_STATUS, tags=tags, params={}, metrics={})
