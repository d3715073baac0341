"""What the runs of a job log: pure functions from a job and its results to tags and items."""

import json
from collections.abc import Iterator

import numpy as np
import yaml

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.augmentations.declaration import severity_scale
from arogya_bench.datasets.positive_class import positive_class
from arogya_bench.datasets.split_files import split_to_csv
from arogya_bench.evaluation.job import Job, PlannedJob
from arogya_bench.evaluation.model_output import ModelOutput
from arogya_bench.evaluation.thumbnails import thumbnail_table
from arogya_bench.figures.box_overlay import draw_box_examples
from arogya_bench.figures.run_figures import render_label_figures, render_mlflow_figures
from arogya_bench.gate.findings import GateReport
from arogya_bench.images.thumbnails import ALLOWED, DENIED, THUMBNAILS_FILE
from arogya_bench.runtime.digests import model_identity
from arogya_bench.runtime.environment import environment_json
from arogya_bench.runtime.redaction import redact_config
from arogya_bench.runtime.threads import available_threads
from arogya_bench.scoring.scores import EvaluationScores
from arogya_bench.scoring.task import AnyPredictions
from arogya_bench.scoring.tasks import get_task
from arogya_bench.tracking import tags
from arogya_bench.tracking.items import (
    DatasetInput,
    Item,
    Params,
    ParquetTable,
    Picture,
    Scalars,
    TableView,
    Tags,
    Text,
)
from arogya_bench.types import BoxPredictions, Subset

SECTIONS_NOT_LOGGED = ("tracking", "sweep", "prices")  # of the config; the first may hold a password


def job_tags(planned: PlannedJob) -> dict[str, str]:
    """The tags of every run of a job, whatever its kind."""
    job, dataset = planned.job, planned.dataset
    return {
        tags.MODEL: job.row_name,
        tags.MODEL_CONFIG_DIGEST: planned.model_config_digest,
        **tags.model_params_tag({"training": job.training_name, **_model_params(planned)}),
        tags.TRAINING: job.training_name,
        tags.DATASET: dataset.name,
        tags.DATASET_DIGEST: dataset.digest,
        tags.TASK: dataset.task,
        tags.SPLIT: planned.split.name,
        tags.SPLIT_DIGEST: planned.split.digest,
        tags.GROUPED: str(dataset.grouped).lower(),
        **({tags.POSITIVE_CLASS: positive} if (positive := positive_class(dataset)) else {}),
        tags.SEED: str(job.seed),
        tags.SEEDED: str(getattr(job.model, "seeded", True)).lower(),
        tags.FIT_KEY: planned.fit_key,
        **_licence_tags(planned),
        **gate_tags(planned.gate_report),
        **({tags.CASES_LEFT_OUT: str(dataset.excluded)} if dataset.excluded else {}),
        **training_data_tags(job),
        **tags.environment_tags(),
    }


def gate_tags(report: GateReport) -> dict[str, str]:
    """What the gate found in the data, and which of it the user accepted."""
    overridden = {}
    if report.errors:
        codes = ", ".join(f"{finding.code} {finding.title}" for finding in report.errors)
        overridden = {tags.GATE_OVERRIDDEN: codes, tags.EXCLUDED_CASES: str(len(report.unusable))}
    return {tags.GATE: report.summary(), **overridden}


def training_data_tags(job: Job) -> dict[str, str]:
    """Which datasets the weights of a model are declared to be fitted on; empty if none are."""
    declared = list(getattr(job.model, "trained_on", ()))
    return {tags.TRAINED_ON: json.dumps(declared)} if declared else {}


def _licence_tags(planned: PlannedJob) -> dict[str, str]:
    """What the adapter declares of its licence, and of commercial use."""
    licence, commercial = (getattr(planned.job.model, name, None) for name in ("licence", "commercial_use"))
    declared = {} if commercial is None else {tags.COMMERCIAL_USE: "yes" if commercial else "no"}
    return declared | ({tags.LICENCE: licence} if licence else {})


def cell_tags(planned: PlannedJob, condition: Condition) -> dict[str, str]:
    """The tags of an evaluation; a condition without severity has no tag of it."""
    severity = {}
    if condition.severity is not None:
        severity = {tags.SEVERITY: f"{condition.severity:g}", tags.SEVERITY_LEVEL: str(condition.level)}
        scale = severity_scale(condition.function)
        severity |= {tags.SEVERITY_SCALE: scale} if scale else {}
    return {
        **job_tags(planned),
        tags.KIND: "evaluation",
        tags.AUGMENTATION: condition.augmentation,
        tags.CONDITION: condition.name,
        tags.CELL_KEY: planned.cell_keys[condition.name],
        tags.THUMBNAILS: ALLOWED if planned.job.thumbnails else DENIED,
        **severity,
        **tags.metric_tags(planned.job.metrics),
    }


def job_params(planned: PlannedJob) -> dict[str, object]:
    """The settings that users search by; the whole config is an artifact."""
    job = planned.job
    return {
        "model": job.row_name,
        "training": job.training_name,
        "dataset": planned.dataset.name,
        **({"positive_class": positive} if (positive := positive_class(planned.dataset)) else {}),
        "seed": job.seed,
        "device": job.device,
        "threads": job.threads or available_threads(),
        "limit": "none" if job.limit is None else job.limit,
        **_model_params(planned),
    }


def _model_params(planned: PlannedJob) -> dict[str, object]:
    return {f"model.{key}": value for key, value in model_identity(planned.job.model).items()}


def dataset_input(planned: PlannedJob, part: str) -> DatasetInput:
    """One split of the dataset, for MLflow's column of datasets."""
    cases: Subset = getattr(planned.split, part)
    labels = [label for case in cases.cases for label in case.present_classes]
    counts = np.bincount(np.array(labels, dtype=np.int64), minlength=len(cases.classes))
    return DatasetInput(
        name=planned.dataset.name,
        digest=planned.dataset.digest,
        source=planned.dataset.source,
        context=part,
        profile={
            "cases": len(cases),
            "groups": len({case.group_id for case in cases.cases}),
            "classes": dict(zip(cases.classes, counts.tolist(), strict=True)),
            "split": planned.split.name,
            "split_digest": planned.split.digest,
            "licence": planned.dataset.licence,
            "version": planned.dataset.version,
            "citation": planned.dataset.citation,
        },
    )


def provenance_files(planned: PlannedJob) -> Iterator[Text]:
    """The files of every run of a job: its config without secrets, split, gate, environment."""
    config = {key: value for key, value in planned.job.config.items() if key not in SECTIONS_NOT_LOGGED}
    yield Text(file="config.yaml", text=yaml.safe_dump(redact_config(config), sort_keys=False))
    yield Text(file="split.csv", text=split_to_csv(planned.dataset, planned.split.parts))
    yield Text(file="gate.json", text=planned.gate_report.to_json())
    yield Text(file="environment.json", text=environment_json())


def evaluation_items(
    planned: PlannedJob, condition: Condition, output: ModelOutput, scores: EvaluationScores
) -> Iterator[Item]:
    """Everything that one evaluation logs, except for the tags that its run starts with."""
    yield Params(values={**job_params(planned), "condition": condition.name})
    yield Scalars(values={**output.scalars, **scores.scalars()})
    yield Tags(
        values={
            tags.UNDEFINED_METRICS: json.dumps(scores.undefined),
            tags.METRIC_FLAGS: json.dumps(scores.flags),
            tags.INTERVALS_UNAVAILABLE: json.dumps(scores.missing_intervals()),
            tags.RESAMPLING_DIGEST: " ".join(scores.resampling_digests),
            **output.tags,
        }
    )
    yield dataset_input(planned, "test")
    task = get_task(output.predictions)
    yield ParquetTable(file="predictions.parquet", rows=task.to_table(output.predictions))
    yield TableView(file="predictions.json", rows=task.to_preview(output.predictions))
    yield TableView(file="per_class.json", rows=task.per_class_table(output.predictions))
    yield from output.items
    yield from provenance_files(planned)
    if output.boxes is not None:
        task = get_task(output.boxes)
        yield ParquetTable(file="boxes.parquet", rows=task.to_table(output.boxes))
        yield TableView(file="per_class_boxes.json", rows=task.per_class_table(output.boxes))
    if condition.name == "clean":
        if output.boxes is not None:
            yield from _figure_items(output.boxes, planned.split.test)
        yield from _figure_items(output.predictions, planned.split.test)
        if planned.job.thumbnails:
            pictures = thumbnail_table(output.predictions, planned.split.test)
            yield ParquetTable(file=THUMBNAILS_FILE, rows=pictures)


def _figure_items(predictions: AnyPredictions, cases: Subset) -> Iterator[Item]:
    if isinstance(predictions, BoxPredictions):
        yield Picture(file="figures/boxes.png", content=draw_box_examples(predictions, cases))
    else:
        figures = render_label_figures(predictions)
        for name, svg in figures.items():
            yield Text(file=f"figures/{name}.svg", text=svg)
        for file, content in render_mlflow_figures(figures).items():
            yield Picture(file=file, content=content)
