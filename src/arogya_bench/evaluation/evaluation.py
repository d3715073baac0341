"""Cases to predictions to numbers to MLflow: one job from start to end. Read this first."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.datasets.splits import with_images_of
from arogya_bench.errors import TrackingError
from arogya_bench.evaluation import fitting
from arogya_bench.evaluation.inference import detect, predict
from arogya_bench.evaluation.job import (
    Job,
    Prepared,
    circumstances,
    dataset_input,
    params_of,
    prepare,
    tags_of,
)
from arogya_bench.figures.box_examples import box_sheet
from arogya_bench.images.decoded_cache import with_decoded
from arogya_bench.metrics.plugins import metric_tags
from arogya_bench.models.temperature import fitted_temperature, tempered
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.locks import claimed
from arogya_bench.runtime.threads import use_threads
from arogya_bench.scoring import box_labels as labelling
from arogya_bench.scoring import tasks
from arogya_bench.scoring.scores import Scores, figures, per_class_table, point_scores, scores
from arogya_bench.tracking import runs as tracking
from arogya_bench.tracking import store as stores
from arogya_bench.tracking.items import (
    Item,
    ModelInput,
    Params,
    Picture,
    Scalars,
    Table,
    TableView,
    Tags,
    Text,
)
from arogya_bench.types import BoxPredictions, Detector, Predictions, Predictor


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One condition of a job, judged.

    Attributes:
        run_id: Of the MLflow run that holds it.
        cell: The key of everything that decides the numbers.
    """

    run_id: str
    cell: str
    model: str
    dataset: str
    condition: str
    predictions: Predictions | BoxPredictions
    scores: Scores


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a model answered under one condition.

    Attributes:
        asked: What the dataset asks for, and what is judged.
        boxes: What a detector found, where the dataset asks for labels.
        tags: How the answers were made from what the model gave.
        scalars: The numbers behind that.
    """

    asked: Predictions | BoxPredictions
    boxes: BoxPredictions | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    scalars: Mapping[str, float] = field(default_factory=dict)


def run_job(job: Job, store: stores.Store, parent: str | None) -> list[Evaluation]:
    """Fit or find the fit, then make every cell that is not in MLflow yet, one after the other.

    A cell that fails is a FAILED run, and the others are made all the same.

    Returns:
        The evaluations that were made now, in the order of the conditions.

    Raises:
        Exception: The first failure, once every cell had its turn; at once if a failure is one
            of the machine or the store, which the other cells would meet too.
    """
    prepared = prepare(job)
    todo = missing(prepared, store, parent)
    if not todo:
        return []
    use_threads(job.threads)
    prepared = _with_decoded_images(prepared)
    made: list[Evaluation | None] = []
    failures: list[Exception] = []
    with fitting.find_or_fit(prepared, store, parent) as fit:
        answering = _answering(prepared, fit)
        for condition in todo:
            try:
                made.append(_made(prepared, condition, answering, fit, store, parent))
            except (TrackingError, OSError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001  (it is in the run, and is raised below)
                failures.append(error)
    if failures:
        raise failures[0]
    return [each for each in made if each is not None]


def _with_decoded_images(prepared: Prepared) -> Prepared:
    """Decode every image once for all jobs; a quick look at some cases does not."""
    job = prepared.job
    if job.limit is not None:
        return prepared
    dataset = with_decoded(prepared.dataset, room_gb=job.decoded_gb)
    return replace(prepared, dataset=dataset, split=with_images_of(prepared.split, dataset))


def _answering(prepared: Prepared, fit: fitting.Fit) -> Callable[[Condition], Answers]:
    """Load the fitted model once, for any number of conditions."""
    job, cases, kept = prepared.job, prepared.split.test, fit.validation
    model = job.model.load(fit.weights, classes=cases.classes, device=job.device)

    def found(condition: Condition) -> Answers:
        boxes = detect(
            cast("Detector", model),
            cases,
            [condition],
            batch_size=job.batch_size,
            threshold=cast("BoxPredictions", kept).threshold,
        )
        return _from_boxes(prepared, boxes[condition.name])

    def labelled(condition: Condition) -> Answers:
        rows = predict(cast("Predictor", model), cases, [condition], batch_size=job.batch_size)
        if temperature is None:
            return Answers(asked=rows[condition.name])
        return _tempered(rows[condition.name], temperature)

    if isinstance(kept, BoxPredictions):
        return found
    calibrated = job.calibration == "temperature"
    temperature = fitted_temperature(kept.probabilities, kept.targets) if calibrated else None
    return labelled


def _tempered(rows: Predictions, temperature: float) -> Answers:
    return Answers(
        asked=replace(rows, probabilities=tempered(rows.probabilities, temperature)),
        tags={"arogya.calibration": "temperature, fitted on the validation split"},
        scalars={"temperature": temperature},
    )


def _from_boxes(prepared: Prepared, found: BoxPredictions) -> Answers:
    """Boxes as they are, or the labels that follow from them where the dataset asks for labels."""
    scalars = {"score_threshold": found.threshold}
    if prepared.dataset.task == "detection":
        return Answers(asked=found, scalars=scalars)
    counts = np.bincount(prepared.split.train.targets, minlength=len(found.classes))
    labels = labelling.labelled(found, prepared.split.test.targets, counts / counts.sum())
    return Answers(
        asked=labels,
        boxes=found,
        tags={"arogya.label_rule": labelling.RULE},
        scalars={**scalars, **point_scores(found)},
    )


def missing(prepared: Prepared, store: stores.Store, parent: str | None = None) -> list[Condition]:
    """The conditions of a job without a finished run in MLflow.

    Without ``resume``, only what this sweep itself has finished counts as there.
    """
    where = f"tags.`arogya.fit` = '{prepared.fit_key}' and attributes.status = 'FINISHED'"
    done = _finished(prepared, store, parent, where)
    return [each for each in prepared.job.conditions if prepared.cells[each.name] not in done]


def _finished(prepared: Prepared, store: stores.Store, parent: str | None, where: str) -> set[str]:
    if not prepared.job.resume:
        if parent is None:
            return set()
        where += f" and tags.`mlflow.parentRunId` = '{parent}'"
    runs = tracking.search(store, f"tags.`arogya.kind` = 'evaluation' and {where}")
    return {run.tags["arogya.cell"] for run in runs}


def items_of(
    prepared: Prepared, condition: Condition, answers: Answers, judged: Scores
) -> Iterator[Item]:
    """Everything that one evaluation leaves in MLflow, but for the tags of its start."""
    yield Params(values={**params_of(prepared), "condition": condition.name})
    yield Scalars(values={**answers.scalars, **judged.scalars()})
    yield Tags(
        values={
            "arogya.undefined": json.dumps(judged.undefined),
            "arogya.flags": json.dumps(judged.flags),
            "arogya.no_interval": json.dumps(judged.refused()),
            "arogya.draws": judged.draws,
            **answers.tags,
        }
    )
    yield dataset_input(prepared, "test")
    yield Table(file="predictions.parquet", rows=tasks.kept(answers.asked))
    yield TableView(file="predictions.json", rows=tasks.shown(answers.asked))
    yield TableView(file="per_class.json", rows=per_class_table(answers.asked))
    yield from circumstances(prepared)
    if answers.boxes is not None:
        yield Table(file="boxes.parquet", rows=tasks.kept(answers.boxes))
        yield TableView(file="per_class_boxes.json", rows=per_class_table(answers.boxes))
    if condition.name == "clean":
        yield from _figures(prepared, answers)


def _figures(prepared: Prepared, answers: Answers) -> Iterator[Item]:
    found = answers.boxes or answers.asked
    if isinstance(found, BoxPredictions):
        sheet = box_sheet(found, prepared.split.test)
        yield Picture(file="figures/boxes.png", content=sheet)
    if isinstance(answers.asked, Predictions):
        for name, svg in figures(answers.asked).items():
            yield Text(file=f"figures/{name}.svg", text=svg)


def cell_tags(prepared: Prepared, condition: Condition) -> dict[str, str]:
    """What tells one cell from another; a condition without severity has no such tag."""
    severity = (
        {}
        if condition.severity is None
        else {"arogya.severity": f"{condition.severity:g}", "arogya.level": str(condition.level)}
    )
    return {
        **tags_of(prepared),
        "arogya.kind": "evaluation",
        "arogya.augmentation": condition.augmentation,
        "arogya.condition": condition.name,
        "arogya.cell": prepared.cells[condition.name],
        **severity,
        **metric_tags(prepared.job.metrics),
    }


def _made(
    prepared: Prepared,
    condition: Condition,
    answering: Callable[[Condition], Answers],
    fit: fitting.Fit,
    store: stores.Store,
    parent: str | None,
) -> Evaluation | None:
    """Make one cell, from a run that is open to a run that is complete.

    Returns:
        The evaluation; None if another process made the cell meanwhile.
    """
    cell = prepared.cells[condition.name]
    where = f"tags.`arogya.cell` = '{cell}' and attributes.status = 'FINISHED'"
    with claimed(digest_of({"cell": cell, "uri": store.uri, "experiment": store.experiment})):
        if _finished(prepared, store, parent, where):
            return None
        tags = {**cell_tags(prepared, condition), "arogya.fit_run_id": fit.run_id}
        name = f"{prepared.job.row_name} · {condition.name}"
        run_id = tracking.start(store, name, tags, parent=parent)
        with tracking.closed_on_error(store, run_id):
            answers = answering(condition)
            judged = scores(
                answers.asked,
                resamples=prepared.job.resamples,
                seed=prepared.split.digest,
                added=prepared.job.metrics,
            )
            found = items_of(prepared, condition, answers, judged)
            tracking.write(store, run_id, [ModelInput(model_id=fit.model_id), *found])
            tracking.finish(store, run_id)
    return Evaluation(
        run_id=run_id,
        cell=cell,
        model=prepared.job.row_name,
        dataset=prepared.dataset.name,
        condition=condition.name,
        predictions=answers.asked,
        scores=judged,
    )
