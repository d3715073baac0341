"""Cases to predictions to numbers to MLflow: one job from start to end. Read this first."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.datasets.splits import with_dataset
from arogya_bench.errors import TrackingError
from arogya_bench.evaluation import fitting
from arogya_bench.evaluation.inference import detect, predict
from arogya_bench.evaluation.job import (
    Job,
    PlannedJob,
    dataset_input,
    job_params,
    job_tags,
    prepare,
    provenance_files,
)
from arogya_bench.figures.box_examples import draw_box_examples
from arogya_bench.images.decoded_cache import with_decoded_cache
from arogya_bench.models.temperature import apply_temperature, fit_temperature
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.locks import cell_lock
from arogya_bench.runtime.threads import use_threads
from arogya_bench.scoring import box_labels as labelling
from arogya_bench.scoring import tasks
from arogya_bench.scoring.scores import (
    EvaluationScores,
    compute_scores,
    per_class_table,
    point_scores,
    render_figures,
)
from arogya_bench.tracking.items import (
    Item,
    ModelInput,
    Params,
    ParquetTable,
    Picture,
    Scalars,
    TableView,
    Tags,
    Text,
)
from arogya_bench.tracking.runs import (
    close_on_error,
    finish_run,
    search_runs,
    start_run,
    write_items,
)
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import (
    AUGMENTATION,
    CALIBRATION,
    CELL_KEY,
    CONDITION,
    FIT_KEY,
    FIT_RUN_ID,
    INTERVALS_UNAVAILABLE,
    KIND,
    LABEL_RULE,
    METRIC_FLAGS,
    RESAMPLING_DIGEST,
    SEVERITY,
    SEVERITY_LEVEL,
    UNDEFINED_METRICS,
    metric_tags,
)
from arogya_bench.types import BoxPredictions, Detector, Predictions, Predictor


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One condition of a job, judged.

    Attributes:
        run_id: Of the MLflow run that holds it.
        cell_key: The key of everything that decides the numbers.
    """

    run_id: str
    cell_key: str
    model: str
    dataset: str
    condition: str
    predictions: Predictions | BoxPredictions
    scores: EvaluationScores


@dataclass(frozen=True, kw_only=True)
class ModelOutput:
    """What a model answered under one condition.

    Attributes:
        predictions: What the dataset asks for, and what is judged.
        boxes: What a detector found, where the dataset asks for labels.
        tags: How the answers were made from what the model gave.
        scalars: The numbers behind that.
    """

    predictions: Predictions | BoxPredictions
    boxes: BoxPredictions | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    scalars: Mapping[str, float] = field(default_factory=dict)


def run_job(job: Job, store: Store, parent: str | None) -> list[Evaluation]:
    """Fit or find the fit, then make every cell that is not in MLflow yet, one after the other.

    A cell that fails is a FAILED run, and the others are made all the same.

    Returns:
        The evaluations that were made now, in the order of the conditions.

    Raises:
        Exception: The first failure, once every cell had its turn; at once if a failure is one
            of the machine or the store, which the other cells would meet too.
    """
    planned = prepare(job)
    todo = missing_conditions(planned, store, parent)
    if not todo:
        return []
    use_threads(job.threads)
    planned = _with_decoded_images(planned)
    made: list[Evaluation | None] = []
    failures: list[Exception] = []
    with fitting.find_or_fit(planned, store, parent) as fit:
        answering = _load_predictor(planned, fit)
        for condition in todo:
            try:
                made.append(_evaluate_condition(planned, condition, answering, fit, store, parent))
            except (TrackingError, OSError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001  (it is in the run, and is raised below)
                failures.append(error)
    if failures:
        raise failures[0]
    return [each for each in made if each is not None]


def _with_decoded_images(planned: PlannedJob) -> PlannedJob:
    """Decode every image once for all jobs; a quick look at some cases does not."""
    job = planned.job
    if job.limit is not None:
        return planned
    dataset = with_decoded_cache(planned.dataset, limit_gb=job.image_cache_gb)
    return replace(planned, dataset=dataset, split=with_dataset(planned.split, dataset))


def _load_predictor(planned: PlannedJob, fit: fitting.Fit) -> Callable[[Condition], ModelOutput]:
    """Load the fitted model once, for any number of conditions."""
    job, cases, kept = planned.job, planned.split.test, fit.validation
    model = job.model.load(fit.weights, classes=cases.classes, device=job.device)

    def predict_boxes(condition: Condition) -> ModelOutput:
        boxes = detect(
            cast("Detector", model),
            cases,
            [condition],
            batch_size=job.batch_size,
            threshold=cast("BoxPredictions", kept).threshold,
        )
        return _labels_from_boxes(planned, boxes[condition.name])

    def predict_labels(condition: Condition) -> ModelOutput:
        rows = predict(cast("Predictor", model), cases, [condition], batch_size=job.batch_size)
        if temperature is None:
            return ModelOutput(predictions=rows[condition.name])
        return _calibrated(rows[condition.name], temperature)

    if isinstance(kept, BoxPredictions):
        return predict_boxes
    calibrated = job.calibration == "temperature"
    temperature = fit_temperature(kept.probabilities, kept.targets) if calibrated else None
    return predict_labels


def _calibrated(rows: Predictions, temperature: float) -> ModelOutput:
    return ModelOutput(
        predictions=replace(rows, probabilities=apply_temperature(rows.probabilities, temperature)),
        tags={CALIBRATION: "temperature, fitted on the validation split"},
        scalars={"temperature": temperature},
    )


def _labels_from_boxes(planned: PlannedJob, predictions: BoxPredictions) -> ModelOutput:
    """Boxes as they are, or the labels that follow from them where the dataset asks for labels."""
    scalars = {"score_threshold": predictions.threshold}
    if planned.dataset.task == "detection":
        return ModelOutput(predictions=predictions, scalars=scalars)
    counts = np.bincount(planned.split.train.targets, minlength=len(predictions.classes))
    labels = labelling.labels_from_boxes(
        predictions, planned.split.test.targets, counts / counts.sum()
    )
    return ModelOutput(
        predictions=labels,
        boxes=predictions,
        tags={LABEL_RULE: labelling.LABEL_RULE},
        scalars={**scalars, **point_scores(predictions)},
    )


def missing_conditions(
    planned: PlannedJob, store: Store, parent: str | None = None
) -> list[Condition]:
    """The conditions of a job without a finished run in MLflow.

    Without ``resume``, only what this sweep itself has finished counts as there.
    """
    where = f"tags.`{FIT_KEY}` = '{planned.fit_key}' and attributes.status = 'FINISHED'"
    done = _finished_cells(planned, store, parent, where)
    return [each for each in planned.job.conditions if planned.cell_keys[each.name] not in done]


def _finished_cells(planned: PlannedJob, store: Store, parent: str | None, where: str) -> set[str]:
    if not planned.job.resume:
        if parent is None:
            return set()
        where += f" and tags.`mlflow.parentRunId` = '{parent}'"
    runs = search_runs(store, f"tags.`{KIND}` = 'evaluation' and {where}")
    return {run.tags[CELL_KEY] for run in runs}


def build_run_items(
    planned: PlannedJob, condition: Condition, output: ModelOutput, scores: EvaluationScores
) -> Iterator[Item]:
    """Everything that one evaluation leaves in MLflow, but for the tags of its start."""
    yield Params(values={**job_params(planned), "condition": condition.name})
    yield Scalars(values={**output.scalars, **scores.scalars()})
    yield Tags(
        values={
            UNDEFINED_METRICS: json.dumps(scores.undefined),
            METRIC_FLAGS: json.dumps(scores.flags),
            INTERVALS_UNAVAILABLE: json.dumps(scores.missing_intervals()),
            RESAMPLING_DIGEST: scores.resampling_digest,
            **output.tags,
        }
    )
    yield dataset_input(planned, "test")
    yield ParquetTable(file="predictions.parquet", rows=tasks.to_table(output.predictions))
    yield TableView(file="predictions.json", rows=tasks.to_preview(output.predictions))
    yield TableView(file="per_class.json", rows=per_class_table(output.predictions))
    yield from provenance_files(planned)
    if output.boxes is not None:
        yield ParquetTable(file="boxes.parquet", rows=tasks.to_table(output.boxes))
        yield TableView(file="per_class_boxes.json", rows=per_class_table(output.boxes))
    if condition.name == "clean":
        yield from _figure_items(planned, output)


def _figure_items(planned: PlannedJob, output: ModelOutput) -> Iterator[Item]:
    found = output.boxes or output.predictions
    if isinstance(found, BoxPredictions):
        sheet = draw_box_examples(found, planned.split.test)
        yield Picture(file="figures/boxes.png", content=sheet)
    if isinstance(output.predictions, Predictions):
        for name, svg in render_figures(output.predictions).items():
            yield Text(file=f"figures/{name}.svg", text=svg)


def cell_tags(planned: PlannedJob, condition: Condition) -> dict[str, str]:
    """What tells one cell from another; a condition without severity has no such tag."""
    severity = (
        {}
        if condition.severity is None
        else {SEVERITY: f"{condition.severity:g}", SEVERITY_LEVEL: str(condition.level)}
    )
    return {
        **job_tags(planned),
        KIND: "evaluation",
        AUGMENTATION: condition.augmentation,
        CONDITION: condition.name,
        CELL_KEY: planned.cell_keys[condition.name],
        **severity,
        **metric_tags(planned.job.metrics),
    }


def _evaluate_condition(
    planned: PlannedJob,
    condition: Condition,
    predict_condition: Callable[[Condition], ModelOutput],
    fit: fitting.Fit,
    store: Store,
    parent: str | None,
) -> Evaluation | None:
    """Make one cell, from a run that is open to a run that is complete.

    Returns:
        The evaluation; None if another process made the cell meanwhile.
    """
    cell = planned.cell_keys[condition.name]
    where = f"tags.`{CELL_KEY}` = '{cell}' and attributes.status = 'FINISHED'"
    with cell_lock(digest_of({"cell": cell, "uri": store.uri, "experiment": store.experiment})):
        if _finished_cells(planned, store, parent, where):
            return None
        tags = {**cell_tags(planned, condition), FIT_RUN_ID: fit.run_id}
        name = f"{planned.job.row_name} · {condition.name}"
        run_id = start_run(store, name, tags, parent=parent)
        with close_on_error(store, run_id):
            answers = predict_condition(condition)
            judged = compute_scores(
                answers.predictions,
                resamples=planned.job.resamples,
                seed=planned.split.digest,
                plugin_metrics=planned.job.metrics,
            )
            found = build_run_items(planned, condition, answers, judged)
            write_items(store, run_id, [ModelInput(model_id=fit.model_id), *found])
            finish_run(store, run_id)
    return Evaluation(
        run_id=run_id,
        cell_key=cell,
        model=planned.job.row_name,
        dataset=planned.dataset.name,
        condition=condition.name,
        predictions=answers.predictions,
        scores=judged,
    )
