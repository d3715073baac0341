"""Read the predictions on the validation split that fits have stored."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from arogya_bench.models.temperature import apply_temperature
from arogya_bench.scoring.task import AnyPredictions
from arogya_bench.scoring.tasks import from_table
from arogya_bench.tracking.artifacts import find_artifacts
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import CALIBRATION, FIT_RUN_ID, LABEL_RULE
from arogya_bench.types import Predictions

VALIDATION_FILE = "predictions_validation.parquet"
VALIDATION_PREFIX = "validation_"  # of the metrics of a fit on its validation split


def load_validation(
    evaluations: Mapping[str, Sequence[RunRecord]], fits: Mapping[str, RunRecord], *, uri: str
) -> dict[str, tuple[AnyPredictions, ...]]:
    """Read the validation predictions behind some evaluations, one per run, with cases sorted by id.

    Probabilities that were calibrated for the evaluation are calibrated likewise. Absent is a row of which a fit
    stored none or has lost them, and a detector that is evaluated on labels: its fits stored boxes.

    Args:
        evaluations: Clean runs by row name, one per seed.
        fits: Runs of fits by their id.
        uri: Of the store.
    """
    usable = {name: runs for name, runs in evaluations.items() if runs and all(_is_usable(run, fits) for run in runs)}
    needed = list(dict.fromkeys(run.tags[FIT_RUN_ID] for runs in usable.values() for run in runs))
    read = find_artifacts([fits[fit] for fit in needed], VALIDATION_FILE, _parse, uri=uri)
    stored = {fit: predictions for fit, predictions in zip(needed, read, strict=True) if predictions is not None}
    return {
        name: tuple(_calibrated(stored[run.tags[FIT_RUN_ID]], run) for run in runs)
        for name, runs in usable.items()
        if all(run.tags[FIT_RUN_ID] in stored for run in runs)
    }


def _is_usable(run: RunRecord, fits: Mapping[str, RunRecord]) -> bool:
    fit = fits.get(run.tags.get(FIT_RUN_ID, ""))
    if fit is None or LABEL_RULE in run.tags or (CALIBRATION in run.tags and "temperature" not in run.metrics):
        return False
    return any(name.startswith(VALIDATION_PREFIX) for name in fit.metrics)


def _parse(path: Path) -> AnyPredictions:
    return from_table(pd.read_parquet(path).sort_values("case_id", kind="stable"))


def _calibrated(predictions: AnyPredictions, run: RunRecord) -> AnyPredictions:
    """Fits store probabilities before the temperature, which is fitted on them."""
    if CALIBRATION not in run.tags or not isinstance(predictions, Predictions):
        return predictions
    return replace(predictions, probabilities=apply_temperature(predictions.probabilities, run.metrics["temperature"]))
