"""What the runs of imported predictions log: tags and items like those of evaluations and fits."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from arogya_bench.importing.cells import ImportedCell
from arogya_bench.importing.identity import EvaluatedOn, class_counts
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.environment import environment_json
from arogya_bench.scoring.scores import EvaluationScores, point_scores
from arogya_bench.scoring.task import AnyPredictions
from arogya_bench.scoring.tasks import TASKS, get_task
from arogya_bench.tracking import tags
from arogya_bench.tracking.items import DatasetInput, Item, Params, ParquetTable, Scalars, TableView, Tags, Text
from arogya_bench.types import BoxPredictions

TRAINING = "imported"  # stands for the training settings, which are not known
NO_RESAMPLES = "no interval: imported with --resamples 0"


@dataclass(frozen=True, kw_only=True)
class ImportSource:
    """Where predictions come from.

    Attributes:
        name: File name, or run and artifact; no path.
        digest: Of its content.
        notes: What was concluded or changed, one sentence each.
    """

    name: str
    digest: str
    notes: tuple[str, ...]


def cell_key(cell: ImportedCell, on: EvaluatedOn, *, resamples: int) -> str:
    """The digest of everything that determines the numbers of a cell, the predictions among it."""
    facts = {**_row_facts(cell, on), "condition": cell.condition, "resamples": resamples, "seeded": cell.seeded}
    return digest_of({**facts, "metrics": f"{on.task} {TASKS[on.task].version}", "content": _content(cell.predictions)})


def fit_key(cell: ImportedCell, on: EvaluatedOn) -> str:
    """The digest of the fit that validation predictions stand for."""
    return digest_of({**_row_facts(cell, on), "validation": _content(cell.predictions)})


def row_digest(model: str) -> str:
    """The digest of the leaderboard row."""
    return digest_of({"name": model, "imported": True})


def _row_facts(cell: ImportedCell, on: EvaluatedOn) -> dict[str, object]:
    return {"row": row_digest(cell.model), "seed": cell.seed, "dataset": on.digest, "split": on.split_digest}


def _content(predictions: AnyPredictions) -> str:
    """A digest of ids and predictions."""
    text = hashlib.sha256()
    if isinstance(predictions, BoxPredictions):
        text.update(repr((predictions.classes, predictions.case_ids, predictions.threshold)).encode())
        for found in predictions.detections:
            for array in (found.boxes, found.scores, found.labels):
                text.update(array.tobytes() + b";")
    else:
        facts = (predictions.classes, predictions.case_ids, predictions.group_ids, predictions.labels_only)
        text.update(repr(facts).encode())
        text.update(predictions.targets.tobytes() + predictions.probabilities.tobytes())
        text.update(repr(sorted(predictions.metadata.items())).encode())
    return text.hexdigest()


def shared_tags(cell: ImportedCell, on: EvaluatedOn, source: ImportSource) -> dict[str, str]:
    """The tags of every imported run, whatever its kind."""
    return {
        tags.MODEL: cell.model,
        tags.MODEL_CONFIG_DIGEST: row_digest(cell.model),
        **tags.model_params_tag({"training": TRAINING}),
        tags.TRAINING: TRAINING,
        tags.DATASET: on.name,
        tags.DATASET_DIGEST: on.digest,
        tags.TASK: on.task,
        tags.SPLIT: on.split,
        tags.SPLIT_DIGEST: on.split_digest,
        tags.GROUPED: str(on.grouped).lower(),
        tags.SEED: cell.seed,
        tags.SEEDED: str(cell.seeded).lower(),
        tags.IMPORTED_FROM: source.name,
        tags.IMPORTED_DIGEST: source.digest,
        tags.NOTES: " ".join(source.notes),
        **tags.environment_tags(),
    }


def evaluation_tags(cell: ImportedCell, on: EvaluatedOn, source: ImportSource, *, key: str) -> dict[str, str]:
    """The tags of an evaluation, as those of a sweep."""
    severity = {}
    if cell.severity is not None:
        severity = {tags.SEVERITY: f"{cell.severity:g}", tags.SEVERITY_LEVEL: str(cell.level)}
    return {
        **shared_tags(cell, on, source),
        tags.KIND: "evaluation",
        tags.AUGMENTATION: cell.augmentation,
        tags.CONDITION: cell.condition,
        tags.CELL_KEY: key,
        **severity,
    }


def evaluation_items(
    cell: ImportedCell, on: EvaluatedOn, source: ImportSource, scores: EvaluationScores
) -> Iterator[Item]:
    """Everything that an imported evaluation logs, except for the tags that its run starts with."""
    task = get_task(cell.predictions)
    missing = scores.missing_intervals() or _unresampled(task.interval_metrics, scores)
    yield Params(values={**_params(cell, on, source), "condition": cell.condition})
    yield Scalars(values={**_threshold(cell.predictions), **scores.scalars()})
    yield Tags(
        values={
            tags.UNDEFINED_METRICS: json.dumps(scores.undefined),
            tags.METRIC_FLAGS: json.dumps(scores.flags),
            tags.INTERVALS_UNAVAILABLE: json.dumps(missing),
            tags.RESAMPLING_DIGEST: " ".join(scores.resampling_digests),
        }
    )
    yield _dataset_input(cell, on, "test")
    yield ParquetTable(file="predictions.parquet", rows=task.to_table(cell.predictions))
    yield TableView(file="predictions.json", rows=task.to_preview(cell.predictions))
    yield TableView(file="per_class.json", rows=task.per_class_table(cell.predictions))
    yield Text(file="environment.json", text=environment_json())


def fit_items(cell: ImportedCell, on: EvaluatedOn, source: ImportSource) -> Iterator[Item]:
    """What a fit logs that is known by its validation predictions only."""
    scores = point_scores(cell.predictions)
    yield Params(values=_params(cell, on, source))
    yield Scalars(values={f"validation_{name}": value for name, value in scores.items()})
    yield _dataset_input(cell, on, "validation")
    table = get_task(cell.predictions).to_table(cell.predictions)
    yield ParquetTable(file="predictions_validation.parquet", rows=table)


def _params(cell: ImportedCell, on: EvaluatedOn, source: ImportSource) -> dict[str, object]:
    return {
        "model": cell.model,
        "training": TRAINING,
        "dataset": on.name,
        "seed": cell.seed,
        "imported_from": source.name,
    }


def _threshold(predictions: AnyPredictions) -> dict[str, float]:
    return {"score_threshold": predictions.threshold} if isinstance(predictions, BoxPredictions) else {}


def _unresampled(names: Sequence[str], scores: EvaluationScores) -> dict[str, str]:
    return {} if scores.resampling_digests else {name: NO_RESAMPLES for name in names if name in scores.values}


def _dataset_input(cell: ImportedCell, on: EvaluatedOn, part: str) -> DatasetInput:
    return DatasetInput(
        name=on.name,
        digest=on.digest,
        source=on.source,
        context=part,
        profile={
            "cases": len(cell.predictions.case_ids),
            "groups": len(set(cell.predictions.group_ids)),
            "classes": class_counts(cell.predictions),
            "split": on.split,
            "split_digest": on.split_digest,
            "licence": on.licence,
        },
    )
