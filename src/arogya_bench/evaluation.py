"""Cases to predictions to numbers to MLflow: one job from start to end. Read this first."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from arogya_bench import fitting, stores, tracking
from arogya_bench.augmentations.conditions import Condition
from arogya_bench.items import Item, Params, Scalars, Table, TableView, Tags, Text
from arogya_bench.jobs import Job, Prepared, config_file, dataset_input, params_of, prepare, tags_of
from arogya_bench.predicting import predict
from arogya_bench.provenance import environment
from arogya_bench.scoring import Scores, figures, per_class_table, scores
from arogya_bench.tables import predictions_table, predictions_view
from arogya_bench.types import Predictions


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
    predictions: Predictions
    scores: Scores


def run_job(job: Job, store: stores.Store, parent: str | None) -> list[Evaluation]:
    """Fit or find the fit, predict every condition that is not in MLflow yet, write the runs.

    Returns:
        The evaluations that were made now, in the order of the conditions.
    """
    prepared = prepare(job)
    todo = missing(prepared, store)
    if not todo:
        return []
    with fitting.find_or_fit(prepared, store, parent) as fit:
        predictor = job.model.load(fit.weights, classes=prepared.dataset.classes, device=job.device)
        predicted = predict(predictor, prepared.split.test, todo, batch_size=job.batch_size)
    return [
        _record(prepared, condition, predicted[condition.name], fit.run_id, store, parent)
        for condition in todo
    ]


def missing(prepared: Prepared, store: stores.Store) -> list[Condition]:
    """The conditions of a job without a finished run in MLflow."""
    if not prepared.job.resume:
        return list(prepared.job.conditions)
    found = tracking.search(
        store,
        f"tags.`arogya.kind` = 'evaluation' and tags.`arogya.fit` = '{prepared.fit_key}' "
        "and attributes.status = 'FINISHED'",
    )
    done = {run.tags.get("arogya.cell") for run in found}
    return [each for each in prepared.job.conditions if prepared.cells[each.name] not in done]


def items_of(
    prepared: Prepared, condition: Condition, predictions: Predictions, judged: Scores
) -> Iterator[Item]:
    """Everything that one evaluation leaves in MLflow, but for the tags of its start."""
    yield Params(values={**params_of(prepared), "condition": condition.name})
    yield Scalars(values=judged.scalars())
    yield Tags(
        values={
            "arogya.undefined": json.dumps(judged.undefined),
            "arogya.flags": json.dumps(judged.flags),
            "arogya.no_interval": json.dumps(judged.refused()),
            "arogya.draws": judged.draws,
        }
    )
    yield dataset_input(prepared, "test")
    yield Table(file="predictions.parquet", rows=predictions_table(predictions))
    yield TableView(file="predictions.json", rows=predictions_view(predictions))
    yield TableView(file="per_class.json", rows=per_class_table(predictions))
    yield config_file(prepared.job)
    yield Text(file="environment.json", text=environment())
    if condition.name == "clean":
        for name, svg in figures(predictions).items():
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
    }


def _record(
    prepared: Prepared,
    condition: Condition,
    predictions: Predictions,
    fit_run_id: str,
    store: stores.Store,
    parent: str | None,
) -> Evaluation:
    judged = scores(predictions, resamples=prepared.job.resamples, seed=prepared.split.digest)
    tags = {**cell_tags(prepared, condition), "arogya.fit_run_id": fit_run_id}
    name = f"{prepared.job.model_name} · {condition.name}"
    run_id = tracking.start(store, name, tags, parent=parent)
    with tracking.closed_on_error(store, run_id):
        tracking.write(store, run_id, items_of(prepared, condition, predictions, judged))
    tracking.finish(store, run_id)
    return Evaluation(
        run_id=run_id,
        cell=prepared.cells[condition.name],
        model=prepared.job.model_name,
        dataset=prepared.dataset.name,
        condition=condition.name,
        predictions=predictions,
        scores=judged,
    )
