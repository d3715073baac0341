"""One fit per model, training, data, split and seed: found again in MLflow, or made."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from arogya_bench.errors import ArtifactMissing, TrackingError
from arogya_bench.evaluation.fit_folder import FitFolder, FitState, TrainingResult, lock_fit_folder
from arogya_bench.evaluation.inference import detect_clean, predict_clean
from arogya_bench.evaluation.job import (
    PlannedJob,
    dataset_input,
    job_params,
    job_tags,
    provenance_files,
)
from arogya_bench.metrics.detection_operating import best_threshold
from arogya_bench.runtime.console import echo, plural, spinner
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.memory import track_peak_memory
from arogya_bench.scoring import tasks
from arogya_bench.scoring.scores import point_scores
from arogya_bench.serving import write_adapter_file
from arogya_bench.tracking import artifacts, logged_models
from arogya_bench.tracking.items import (
    Curves,
    FittedModel,
    Item,
    Params,
    ParquetTable,
    Scalars,
    Tags,
)
from arogya_bench.tracking.runs import (
    RunRecord,
    close_on_error,
    finish_run,
    reopen_run,
    search_runs,
    start_run,
    write_items,
)
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import FIT_KEY, KIND, MODEL, MODEL_ID, NOTES
from arogya_bench.types import BoxPredictions, Detector, Predictions, Predictor

VALIDATION_FILE = "predictions_validation.parquet"


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A finished fit and where its files lie while it is in use."""

    run_id: str
    model_id: str
    weights: Path
    validation: Predictions | BoxPredictions


@dataclass(frozen=True, kw_only=True)
class FitOutcome:
    """What making a fit came to."""

    result: TrainingResult
    validation: Predictions | BoxPredictions
    interruptions: int


@contextmanager
def find_or_fit(planned: PlannedJob, store: Store, parent: str | None) -> Iterator[Fit]:
    """Give the newest finished fit with the key of the job, or make it.

    Processes that want the same fit at the same time wait for one of them to make it. A fit
    whose files are gone is named and made again.
    """
    gone: set[str] = set()
    with ExitStack() as stack:
        fit = _find_fit(planned, store, stack, gone)
        if fit is None:
            with lock_fit_folder(_fit_folder_name(planned, store)) as workshop:
                fit = _find_fit(planned, store, stack, gone)  # made while this process waited
                if fit is None:
                    _run_fit(planned, store, parent, workshop)
                    fit = _find_fit(planned, store, stack, gone)
        if fit is None:
            raise TrackingError(
                f"The fit of {planned.job.model_name} was logged, and its files are not found.",
                fix="see to the artifact store of the experiment: what is written must be there.",
            )
        yield fit


def _fit_folder_name(planned: PlannedJob, store: Store) -> str:
    """One place of work for each fit and store, since a store holds what it can find again."""
    where = digest_of({"uri": store.uri, "experiment": store.experiment})
    return f"{planned.fit_key}-{where[:8]}"


def _find_fit(planned: PlannedJob, store: Store, stack: ExitStack, gone: set[str]) -> Fit | None:
    """The newest finished fit with all its files; runs without them are said, and noted as gone."""
    finished = (run for run in _finished_fits(planned, store) if run.run_id not in gone)
    for run in reversed(list(finished)):
        try:
            weights = stack.enter_context(artifacts.fetch_model_files(run, store=store))
            with artifacts.fetch_artifact(run, VALIDATION_FILE, uri=store.uri) as path:
                validation = tasks.from_table(pd.read_parquet(path))
        except ArtifactMissing as lost:
            echo(f"[yellow]{lost.problem} It is fitted again.[/]")
            gone.add(run.run_id)
            continue
        model_id = run.tags[MODEL_ID]
        return Fit(run_id=run.run_id, model_id=model_id, weights=weights, validation=validation)
    return None


def _finished_fits(planned: PlannedJob, store: Store) -> list[RunRecord]:
    return search_runs(
        store,
        f"tags.`{KIND}` = 'fit' and tags.`{FIT_KEY}` = '{planned.fit_key}' "
        "and attributes.status = 'FINISHED'",
    )


def _run_fit(planned: PlannedJob, store: Store, parent: str | None, fit_folder: FitFolder) -> None:
    """Make a fit, or go on with one that was interrupted, in the run that it had."""
    run_id = _start_run(planned, store, parent, fit_folder)
    state = fit_folder.begin(run_id)
    with close_on_error(store, run_id):
        work = _train_and_validate(planned, fit_folder, state)
        fitted = _package_model(planned, fit_folder.out)
        # The numbers come last: a run that has them is complete, and one that has not can be
        # taken up by a job with other devices or names, whose params MLflow would refuse.
        logged_models.log_model(store, run_id, fitted)
        write_items(store, run_id, _fit_items(planned, work))
        finish_run(store, run_id)
    fit_folder.clear()


def _start_run(planned: PlannedJob, store: Store, parent: str | None, fit_folder: FitFolder) -> str:
    earlier = fit_folder.interrupted()
    if earlier and reopen_run(store, earlier.run_id, parent=parent):
        echo(f"Going on with a fit of {planned.job.model_name} that was interrupted.")
        return earlier.run_id
    name = planned.job.model_name
    tags = {**job_tags(planned), KIND: "fit", MODEL: name}
    return start_run(store, f"{name} · fit", tags, parent=parent)


def _train_and_validate(planned: PlannedJob, fit_folder: FitFolder, state: FitState) -> FitOutcome:
    finished = fit_folder.load_result() or _train(planned, fit_folder, state)
    return FitOutcome(
        result=finished,
        validation=_predict_validation(planned, fit_folder.out),
        interruptions=state.interruptions,
    )


def _train(planned: PlannedJob, fit_folder: FitFolder, state: FitState) -> TrainingResult:
    job = planned.job
    with spinner(f"fitting {job.model_name}"), track_peak_memory() as peak:
        report = job.model.fit(
            planned.split.train,
            planned.split.validation,
            training=job.training,
            seed=job.seed,
            device=job.device,
            out=fit_folder.out,
        )
    seconds = state.previous_seconds + time.time() - state.started_at
    finished = TrainingResult(report=report, seconds=seconds, ram_peak_mb=peak.ram_mb)
    fit_folder.save_result(finished)
    return finished


def _package_model(planned: PlannedJob, out: Path) -> FittedModel:
    model, classes = planned.job.model, planned.dataset.classes
    write_adapter_file(model, classes, out)
    extra = f"[{model.extra}]" if model.extra else ""
    return FittedModel(
        path=out,
        classes=classes,
        task=model.task,
        requirement=f"arogya-bench{extra}=={version('arogya-bench')}",
    )


def _predict_validation(planned: PlannedJob, weights: Path) -> Predictions | BoxPredictions:
    """Predict the validation split, from which thresholds and calibration come."""
    job, cases = planned.job, planned.split.validation
    model = job.model.load(weights, classes=cases.classes, device=job.device)
    if job.model.task != "detection":
        return predict_clean(cast("Predictor", model), cases, batch_size=job.batch_size)
    boxes = detect_clean(cast("Detector", model), cases, batch_size=job.batch_size)
    threshold = best_threshold(boxes.truth, boxes.detections, classes=boxes.classes)
    return replace(boxes, threshold=threshold)


def _fit_items(planned: PlannedJob, outcome: FitOutcome) -> Iterator[Item]:
    yield Params(values={**job_params(planned), "model": planned.job.model_name})
    yield Curves(epochs=outcome.result.report.curves)
    yield Scalars(values=_fit_scalars(outcome))
    notes = [*outcome.result.report.notes, *planned.dataset.notes]
    if outcome.interruptions:
        notes.append(f"interrupted and resumed {plural(outcome.interruptions, 'time')}")
    if notes:
        yield Tags(values={NOTES: "; ".join(notes)})
    yield dataset_input(planned, "train")  # MLflow keeps one context per dataset and run
    yield ParquetTable(file=VALIDATION_FILE, rows=tasks.to_table(outcome.validation))
    yield from provenance_files(planned)


def _fit_scalars(outcome: FitOutcome) -> dict[str, float]:
    """What the fit cost and how it did on validation; what does not exist is absent."""
    report = outcome.result.report
    costs = {
        "fit_seconds": outcome.result.seconds,
        "fit_ram_peak_mb": outcome.result.ram_peak_mb,
        "fit_gpu_peak_mb": report.gpu_peak_mb,
        "best_epoch": report.best_epoch,
    }
    scores = point_scores(outcome.validation)
    every = {**costs, **{f"validation_{name}": value for name, value in scores.items()}}
    known = {name: float(value) for name, value in every.items() if value is not None}
    return {name: value for name, value in known.items() if np.isfinite(value)}
