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

from arogya_bench.errors import ArtifactGone, TrackingError
from arogya_bench.evaluation.fit_folder import Finished, State, Workshop, held
from arogya_bench.evaluation.inference import boxes_of, predictions_of
from arogya_bench.evaluation.job import Prepared, circumstances, dataset_input, params_of, tags_of
from arogya_bench.metrics.detection_operating import best_threshold
from arogya_bench.runtime.console import counted, say, working
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.memory import watched_memory
from arogya_bench.scoring import tasks
from arogya_bench.scoring.scores import point_scores
from arogya_bench.serving import describe
from arogya_bench.tracking import artifacts, logged_models
from arogya_bench.tracking import runs as tracking
from arogya_bench.tracking import store as stores
from arogya_bench.tracking.items import Curves, FittedModel, Item, Params, Scalars, Table, Tags
from arogya_bench.types import BoxPredictions, Detector, Predictions, Predictor

VALIDATION = "predictions_validation.parquet"


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A finished fit and where its files lie while it is in use."""

    run_id: str
    model_id: str
    weights: Path
    validation: Predictions | BoxPredictions


@dataclass(frozen=True, kw_only=True)
class Work:
    """What making a fit came to."""

    finished: Finished
    validation: Predictions | BoxPredictions
    interruptions: int


@contextmanager
def find_or_fit(prepared: Prepared, store: stores.Store, parent: str | None) -> Iterator[Fit]:
    """Give the newest finished fit with the key of the job, or make it.

    Processes that want the same fit at the same time wait for one of them to make it. A fit
    whose files are gone is named and made again.
    """
    gone: set[str] = set()
    with ExitStack() as stack:
        fit = _found(prepared, store, stack, gone)
        if fit is None:
            with held(_place(prepared, store)) as workshop:
                fit = _found(prepared, store, stack, gone)  # made while this process waited
                if fit is None:
                    _fit(prepared, store, parent, workshop)
                    fit = _found(prepared, store, stack, gone)
        if fit is None:
            raise TrackingError(
                f"The fit of {prepared.job.model_name} was logged, and its files are not found.",
                fix="see to the artifact store of the experiment: what is written must be there.",
            )
        yield fit


def _place(prepared: Prepared, store: stores.Store) -> str:
    """One place of work for each fit and store, since a store holds what it can find again."""
    where = digest_of({"uri": store.uri, "experiment": store.experiment})
    return f"{prepared.fit_key}-{where[:8]}"


def _found(prepared: Prepared, store: stores.Store, stack: ExitStack, gone: set[str]) -> Fit | None:
    """The newest finished fit with all its files; runs without them are said, and noted as gone."""
    finished = (run for run in _finished(prepared, store) if run.run_id not in gone)
    for run in reversed(list(finished)):
        try:
            weights = stack.enter_context(artifacts.model_files(run, store=store))
            with artifacts.artifact(run, VALIDATION, uri=store.uri) as path:
                validation = tasks.read(pd.read_parquet(path))
        except ArtifactGone as lost:
            say(f"[yellow]{lost.problem} It is fitted again.[/]")
            gone.add(run.run_id)
            continue
        model_id = run.tags[artifacts.MODEL_TAG]
        return Fit(run_id=run.run_id, model_id=model_id, weights=weights, validation=validation)
    return None


def _finished(prepared: Prepared, store: stores.Store) -> list[tracking.RunRecord]:
    return tracking.search(
        store,
        f"tags.`arogya.kind` = 'fit' and tags.`arogya.fit` = '{prepared.fit_key}' "
        "and attributes.status = 'FINISHED'",
    )


def _fit(prepared: Prepared, store: stores.Store, parent: str | None, workshop: Workshop) -> None:
    """Make a fit, or go on with one that was interrupted, in the run that it had."""
    run_id = _run(prepared, store, parent, workshop)
    state = workshop.enter(run_id)
    with tracking.closed_on_error(store, run_id):
        work = _work(prepared, workshop, state)
        fitted = _fitted(prepared, workshop.out)
        # The numbers come last: a run that has them is complete, and one that has not can be
        # taken up by a job with other devices or names, whose params MLflow would refuse.
        logged_models.log_model(store, run_id, fitted)
        tracking.write(store, run_id, _items(prepared, work))
        tracking.finish(store, run_id)
    workshop.clear()


def _run(prepared: Prepared, store: stores.Store, parent: str | None, workshop: Workshop) -> str:
    earlier = workshop.earlier()
    if earlier and tracking.reopen(store, earlier.run_id, parent=parent):
        say(f"Going on with a fit of {prepared.job.model_name} that was interrupted.")
        return earlier.run_id
    name = prepared.job.model_name
    tags = {**tags_of(prepared), "arogya.kind": "fit", "arogya.model": name}
    return tracking.start(store, f"{name} · fit", tags, parent=parent)


def _work(prepared: Prepared, workshop: Workshop, state: State) -> Work:
    finished = workshop.finished() or _trained(prepared, workshop, state)
    return Work(
        finished=finished,
        validation=_validation(prepared, workshop.out),
        interruptions=state.interruptions,
    )


def _trained(prepared: Prepared, workshop: Workshop, state: State) -> Finished:
    job = prepared.job
    with working(f"fitting {job.model_name}"), watched_memory() as peak:
        report = job.model.fit(
            prepared.split.train,
            prepared.split.validation,
            training=job.training,
            seed=job.seed,
            device=job.device,
            out=workshop.out,
        )
    seconds = state.spent + time.time() - state.began
    finished = Finished(report=report, seconds=seconds, ram_peak_mb=peak.ram_mb)
    workshop.keep(finished)
    return finished


def _fitted(prepared: Prepared, out: Path) -> FittedModel:
    model, classes = prepared.job.model, prepared.dataset.classes
    describe(model, classes, out)
    extra = f"[{model.extra}]" if model.extra else ""
    return FittedModel(
        path=out,
        classes=classes,
        task=model.task,
        requirement=f"arogya-bench{extra}=={version('arogya-bench')}",
    )


def _validation(prepared: Prepared, weights: Path) -> Predictions | BoxPredictions:
    """Predict the validation split, from which thresholds and calibration come."""
    job, cases = prepared.job, prepared.split.validation
    model = job.model.load(weights, classes=cases.classes, device=job.device)
    if job.model.task != "detection":
        return predictions_of(cast("Predictor", model), cases, batch_size=job.batch_size)
    boxes = boxes_of(cast("Detector", model), cases, batch_size=job.batch_size)
    threshold = best_threshold(boxes.truth, boxes.found, classes=boxes.classes)
    return replace(boxes, threshold=threshold)


def _items(prepared: Prepared, work: Work) -> Iterator[Item]:
    yield Params(values={**params_of(prepared), "model": prepared.job.model_name})
    yield Curves(epochs=work.finished.report.curves)
    yield Scalars(values=_scalars(work))
    notes = [*work.finished.report.notes, *prepared.dataset.notes]
    if work.interruptions:
        notes.append(f"interrupted and resumed {counted(work.interruptions, 'time')}")
    if notes:
        yield Tags(values={"arogya.notes": "; ".join(notes)})
    yield dataset_input(prepared, "train")  # MLflow keeps one context per dataset and run
    yield Table(file=VALIDATION, rows=tasks.kept(work.validation))
    yield from circumstances(prepared)


def _scalars(work: Work) -> dict[str, float]:
    """What the fit cost and how it did on validation; what does not exist is absent."""
    report = work.finished.report
    costs = {
        "fit_seconds": work.finished.seconds,
        "fit_ram_peak_mb": work.finished.ram_peak_mb,
        "fit_gpu_peak_mb": report.gpu_peak_mb,
        "best_epoch": report.best_epoch,
    }
    scores = point_scores(work.validation)
    every = {**costs, **{f"validation_{name}": value for name, value in scores.items()}}
    known = {name: float(value) for name, value in every.items() if value is not None}
    return {name: value for name, value in known.items() if np.isfinite(value)}
