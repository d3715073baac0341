"""What earlier runs of an experiment took: durations, sizes, and finished cells and fits."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TypeVar

from arogya_bench.tracking.artifacts import local_folders
from arogya_bench.tracking.runs import FINISHED_EVALUATIONS, FINISHED_FITS, RunRecord, search_runs
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import CELL_KEY, DATASET_DIGEST, FIT_KEY, MODEL

Key = TypeVar("Key")


@dataclass(frozen=True, kw_only=True)
class History:
    """Durations and sizes of the finished runs of an experiment.

    Attributes:
        cells: Keys of finished cells.
        fits: Keys of finished fits.
        seconds_per_case: Median duration of an evaluation per test case, by leaderboard row.
        fit_seconds: Median duration of a fit, by model and dataset digest.
        cell_mb: Megabytes of the files of an evaluation, by leaderboard row.
        fit_mb: Megabytes of the files of a fit, by model.
    """

    cells: frozenset[str] = frozenset()
    fits: frozenset[str] = frozenset()
    seconds_per_case: Mapping[str, float] = field(default_factory=dict)
    fit_seconds: Mapping[tuple[str, str], float] = field(default_factory=dict)
    cell_mb: Mapping[str, float] = field(default_factory=dict)
    fit_mb: Mapping[str, float] = field(default_factory=dict)


def load_history(store: Store | None, *, sizes: bool = True) -> History:
    """Read the history of an experiment, with or without the sizes of its files; empty without a store."""
    if store is None:
        return History()
    cells, fits = search_runs(store, FINISHED_EVALUATIONS), search_runs(store, FINISHED_FITS)
    return History(
        cells=frozenset(run.tags[CELL_KEY] for run in cells),
        fits=frozenset(run.tags[FIT_KEY] for run in fits),
        seconds_per_case=_median_by_key((run.tags[MODEL], _seconds_per_case(run)) for run in cells),
        fit_seconds=_median_by_key(
            ((run.tags[MODEL], run.tags[DATASET_DIGEST]), run.metrics.get("fit_seconds")) for run in fits
        ),
        cell_mb=_megabytes_by_model(store, cells) if sizes else {},
        fit_mb=_megabytes_by_model(store, fits) if sizes else {},
    )


def _median_by_key(pairs: Iterable[tuple[Key, float | None]]) -> dict[Key, float]:
    values: dict[Key, list[float]] = defaultdict(list)
    for key, value in pairs:
        if value is not None:
            values[key].append(value)
    return {key: median(key_values) for key, key_values in values.items()}


def _seconds_per_case(run: RunRecord) -> float | None:
    cases = run.metrics.get("cases")
    if not cases or run.end_time is None:
        return None
    return (run.end_time - run.start_time) / 1000 / cases


def _megabytes_by_model(store: Store, runs: Iterable[RunRecord]) -> dict[str, float]:
    """Size of the files of the newest run of each model, where they are on this machine."""
    newest = {run.tags[MODEL]: run for run in runs}
    folders = {name: local_folders(run, store=store) for name, run in newest.items()}
    return {name: _size_in_bytes(paths) / 2**20 for name, paths in folders.items() if paths}


def _size_in_bytes(folders: Iterable[Path]) -> int:
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
