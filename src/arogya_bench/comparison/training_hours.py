"""How long the fits behind the rows of a block took."""

from collections.abc import Mapping

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.measurements import BlockMeasurements, Measurement
from arogya_bench.tracking.runs import FINISHED_FITS, RunRecord, search_runs
from arogya_bench.tracking.tags import CPU, DATASET_DIGEST, FIT_RUN_ID, GPU

Hours = tuple[float, ...]  # of each fit


def training_hours(block: ComparableRuns, measured: BlockMeasurements) -> dict[str, Hours]:
    """The hours of the fits of all seeds of each measured row, by row digest.

    A row is absent if a fit or its duration is not in the store, or if it was fitted on other hardware or another
    device than it was measured on: the price of one hour holds for one machine.
    """
    if not measured.by_row:
        return {}
    query = f"{FINISHED_FITS} and tags.`{DATASET_DIGEST}` = '{block.digest}'"
    fits = {run.run_id: run for run in search_runs(block.store, query)}
    found = {row: _hours(block, row, measurement, fits) for row, measurement in measured.by_row.items()}
    return {row: hours for row, hours in found.items() if hours}


def _hours(block: ComparableRuns, row: str, measurement: Measurement, fits: Mapping[str, RunRecord]) -> Hours:
    runs = [run for seed in block.seeds(row, CLEAN) for run in block.parts((row, CLEAN, seed))]
    used = {run.tags.get(FIT_RUN_ID, "") for run in runs}
    if not all(fit in fits and "fit_seconds" in fits[fit].metrics for fit in used):
        return ()
    if any(_hardware(fits[fit]) != _hardware(measurement.run) for fit in used):
        return ()
    return tuple(fits[fit].metrics["fit_seconds"] / 3600 for fit in sorted(used))


def _hardware(run: RunRecord) -> tuple[str | None, ...]:
    return run.tags.get(CPU), run.tags.get(GPU), run.params.get("device")
