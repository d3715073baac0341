"""One fit per model, training, dataset, split and seed: reused from MLflow, or trained."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from arogya_bench.api_models.model import ApiModel
from arogya_bench.errors import ArtifactMissing, TrackingError
from arogya_bench.evaluation.fit_folder import FitFolder, FitState, TrainingResult, lock_fit_folder
from arogya_bench.evaluation.inference import predict
from arogya_bench.evaluation.job import PlannedJob
from arogya_bench.evaluation.model_card import write_card
from arogya_bench.evaluation.run_items import dataset_input, job_params, job_tags, provenance_files
from arogya_bench.measurement.model_size import count_parameters
from arogya_bench.runtime.console import echo, plural
from arogya_bench.runtime.memory import track_peak_memory
from arogya_bench.runtime.progress import show_activity
from arogya_bench.scoring.scores import point_scores
from arogya_bench.scoring.task import AnyPredictions
from arogya_bench.scoring.tasks import TASKS, from_table, get_task
from arogya_bench.serving import write_adapter_file
from arogya_bench.tracking.artifacts import fetch_artifact, fetch_model_files, mlflow_model_folder
from arogya_bench.tracking.items import Curves, FittedModel, Item, Params, ParquetTable, Scalars, Tags
from arogya_bench.tracking.logged_models import log_model
from arogya_bench.tracking.runs import (
    FINISHED_FITS,
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

VALIDATION_FILE = "predictions_validation.parquet"


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A finished fit, and its files while they are in use.

    Attributes:
        model_folder: Of its MLflow model, in which ``weights`` lies.
        validation: Its predictions on the validation split; None if it predicts none.
        notes: What its run says about its numbers; empty for nothing.
    """

    run_id: str
    model_id: str
    model_folder: Path
    weights: Path
    validation: AnyPredictions | None
    notes: str = ""


@dataclass(frozen=True, kw_only=True)
class FitOutcome:
    """A training with its predictions on the validation split; None if it predicts none."""

    training: TrainingResult
    validation: AnyPredictions | None
    parameters: int | None
    interruptions: int


@contextmanager
def find_or_fit(planned: PlannedJob, store: Store, parent: str | None) -> Iterator[Fit]:
    """Yield the newest finished fit with the key of the job; train it if there is none.

    Processes that need the same fit at the same time wait for one of them to train it. A fit
    whose files are missing is reported and trained again.
    """
    incomplete: set[str] = set()  # run ids of fits without files
    with ExitStack() as stack:
        fit = _find_fit(planned, store, stack, incomplete)
        if fit is None:
            # A fit is only reused within its store.
            with lock_fit_folder(f"{planned.fit_key}-{store.digest[:8]}") as fit_folder:
                # Another process may have trained it while this one waited.
                fit = _find_fit(planned, store, stack, incomplete)
                if fit is None:
                    _run_fit(planned, store, parent, fit_folder)
                    fit = _find_fit(planned, store, stack, incomplete)
        if fit is None:
            raise TrackingError(
                f"The fit of {planned.job.model_name} was logged, but its files are missing.",
                fix="check the artifact store of the experiment: what is written there must be readable.",
            )
        yield fit


@contextmanager
def fetch_fit(planned: PlannedJob, store: Store) -> Iterator[Fit]:
    """Yield the newest finished fit with the key of the job, without training it.

    Raises:
        TrackingError: If there is none, or its files are missing.
    """
    with ExitStack() as stack:
        fit = _find_fit(planned, store, stack, set())
        if fit is None:
            raise TrackingError(
                f"There is no finished fit of {planned.job.row_name} with these settings in the experiment "
                f"{store.experiment!r}.",
                fix="run the same settings with `arogya-bench run` first.",
            )
        yield fit


def _find_fit(planned: PlannedJob, store: Store, stack: ExitStack, incomplete: set[str]) -> Fit | None:
    """Fetch the newest finished fit that has all its files; add the others to ``incomplete``."""
    runs = search_runs(store, f"{FINISHED_FITS} and tags.`{FIT_KEY}` = '{planned.fit_key}'")
    for run in reversed(runs):
        if run.run_id in incomplete:
            continue
        try:
            weights = stack.enter_context(fetch_model_files(run, store=store))
            validation = _fetch_validation(run, store) if predicts_validation(planned) else None
        except ArtifactMissing as error:
            echo(f"[yellow]{error.problem} It is fitted again.[/]")
            incomplete.add(run.run_id)
            continue
        return Fit(
            run_id=run.run_id,
            model_id=run.tags[MODEL_ID],
            model_folder=mlflow_model_folder(weights),
            weights=weights,
            validation=validation,
            notes=run.tags.get(NOTES, ""),
        )
    return None


def predicts_validation(planned: PlannedJob) -> bool:
    """Whether a fit predicts the validation split: not an API, which is paid by the image, nor without such cases."""
    return len(planned.split.validation) > 0 and not isinstance(planned.job.model, ApiModel)


def _fetch_validation(run: RunRecord, store: Store) -> AnyPredictions:
    with fetch_artifact(run, VALIDATION_FILE, uri=store.uri) as path:
        return from_table(pd.read_parquet(path))


def _run_fit(planned: PlannedJob, store: Store, parent: str | None, fit_folder: FitFolder) -> None:
    """Train and log a fit, or resume an interrupted one in its own run."""
    run_id = _open_run(planned, store, parent, fit_folder)
    state = fit_folder.begin(run_id)
    with close_on_error(store, run_id):
        training = fit_folder.load_result() or _train(planned, fit_folder, state)
        validation, parameters = _predict_validation(planned, fit_folder.out)
        outcome = FitOutcome(
            training=training, validation=validation, parameters=parameters, interruptions=state.interruptions
        )
        # The params come last: an interrupted run may be resumed by a job with another device or
        # name, and MLflow refuses to change a param.
        log_model(store, run_id, _package_model(planned, fit_folder.out, outcome))
        write_items(store, run_id, _fit_items(planned, outcome))
        finish_run(store, run_id)
    fit_folder.clear()


def _open_run(planned: PlannedJob, store: Store, parent: str | None, fit_folder: FitFolder) -> str:
    name = planned.job.model_name
    interrupted = fit_folder.read_interrupted_state()
    if interrupted and reopen_run(store, interrupted.run_id, parent=parent):
        echo(f"Resuming an interrupted fit of {name}.")
        return interrupted.run_id
    tags = {**job_tags(planned), KIND: "fit", MODEL: name}
    name = planned.job.display_name
    return start_run(store, f"{name} · fit · seed {planned.job.seed} · {planned.dataset.name}", tags, parent=parent)


def _train(planned: PlannedJob, fit_folder: FitFolder, state: FitState) -> TrainingResult:
    job = planned.job
    with show_activity(f"fitting {job.model_name}"), track_peak_memory() as peak:
        report = job.model.fit(
            planned.split.train,
            planned.split.validation,
            training=job.training,
            seed=job.seed,
            device=job.device,
            out=fit_folder.out,
        )
    seconds = state.previous_seconds + time.time() - state.started_at
    result = TrainingResult(report=report, seconds=seconds, ram_increase_mb=peak.increase_mb)
    fit_folder.save_result(result)
    return result


def _package_model(planned: PlannedJob, out: Path, outcome: FitOutcome) -> FittedModel:
    model, classes = planned.job.model, planned.dataset.classes
    write_adapter_file(model, classes, out)
    extra = f"[{model.extra}]" if model.extra else ""
    return FittedModel(
        name=planned.job.model_name,
        path=out,
        classes=classes,
        task=model.task,
        requirement=f"arogya-bench{extra}=={version('arogya-bench')}",
        card=write_card(planned, out, parameters=outcome.parameters),
    )


def _predict_validation(planned: PlannedJob, weights: Path) -> tuple[AnyPredictions | None, int | None]:
    """Predict the validation split, on which thresholds and calibration are fitted; and count the parameters.

    An API is paid by the image, and nothing is fitted on its answers: it is not asked.
    """
    job, cases = planned.job, planned.split.validation
    if isinstance(job.model, ApiModel):
        return None, None
    task = TASKS[job.model.task]
    model = job.model.load(weights, classes=cases.classes, device=job.device)
    if not predicts_validation(planned):
        return None, count_parameters(model)
    predicted = predict(model, cases, task=task, batch_size=job.batch_size)
    predictions: AnyPredictions = task.choose_threshold(predicted)
    return predictions, count_parameters(model)


def _fit_items(planned: PlannedJob, outcome: FitOutcome) -> Iterator[Item]:
    yield Params(values={**job_params(planned), "model": planned.job.model_name})
    yield Curves(epochs=outcome.training.report.curves)
    yield Scalars(values=_fit_scalars(outcome))
    notes = [*outcome.training.report.notes, *planned.dataset.notes]
    if outcome.interruptions:
        notes.append(f"interrupted and resumed {plural(outcome.interruptions, 'time')}")
    if notes:
        yield Tags(values={NOTES: "; ".join(notes)})
    yield dataset_input(planned, "train")  # MLflow keeps one context per dataset and run
    if outcome.validation is not None:
        table = get_task(outcome.validation).to_table(outcome.validation)
        yield ParquetTable(file=VALIDATION_FILE, rows=table)
    yield from provenance_files(planned)


def _fit_scalars(outcome: FitOutcome) -> dict[str, float]:
    """Cost of the fit and its scores on the validation split, if it was predicted; unknown values are left out."""
    report = outcome.training.report
    scalars = {
        "fit_seconds": outcome.training.seconds,
        "fit_ram_increase_mb": outcome.training.ram_increase_mb,
        "fit_gpu_peak_mb": report.gpu_peak_mb,
        "best_epoch": report.best_epoch,
    }
    scores = {} if outcome.validation is None else point_scores(outcome.validation)
    scalars |= {f"validation_{name}": value for name, value in scores.items()}
    return {name: float(value) for name, value in scalars.items() if value is not None and np.isfinite(value)}
