"""Items as MLflow stores them: files, metrics, inputs and tags."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlflow import entities

from arogya_bench.runtime.redaction import REDACTED, is_secret, redact
from arogya_bench.tracking.items import (
    Curves,
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
from arogya_bench.tracking.tag_values import redact_value, shorten_value

PARAM_LIMIT = 6000
TAG_LIMIT = 8000  # characters; MLflow truncates longer values without a word


def dataset_entity(item: DatasetInput) -> entities.DatasetInput:
    """Build the input for MLflow's column of datasets."""
    dataset = entities.Dataset(
        name=item.name,
        digest=item.digest,
        source_type="arogya-bench",
        source=json.dumps({"source": item.source}),
        profile=json.dumps(item.profile),
    )
    return entities.DatasetInput(dataset, [entities.InputTag("mlflow.data.context", item.context)])


def write_file(folder: Path, item: ParquetTable | TableView | Text | Picture) -> None:
    """Write an item below a folder, from which it is uploaded."""
    path = folder / item.file
    path.parent.mkdir(parents=True, exist_ok=True)
    match item:
        case ParquetTable(rows=rows):
            rows.to_parquet(path, index=False)
        case TableView(rows=rows):  # the format of MLflow's own log_table
            path.write_text(rows.to_json(orient="split", index=False), encoding="utf-8")
        case Text(text=text):
            path.write_text(redact(text), encoding="utf-8")
        case Picture(content=content):
            path.write_bytes(content)


def metric_entities(item: Item, now: int) -> list[entities.Metric]:
    """Build the metrics of an item; ``now`` is in milliseconds since 1970."""
    match item:
        case Scalars(values=numbers):
            return [entities.Metric(key, value, now, 0) for key, value in numbers.items()]
        case Curves(epochs=epochs):
            return [
                entities.Metric(key, value, now, step)
                for step, epoch in enumerate(epochs, start=1)
                for key, value in epoch.items()
            ]
    return []


def param_entities(items: Sequence[Item]) -> list[entities.Param]:
    """Build the params of all items, without secrets."""
    return [
        entities.Param(key, REDACTED if is_secret(key) else shorten_value(redact(str(value)), PARAM_LIMIT))
        for item in items
        if isinstance(item, Params)
        for key, value in item.values.items()
    ]


def sanitise_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Remove secrets, and mark the values that are shortened; JSON stays JSON."""
    return {key: shorten_value(redact_value(value), TAG_LIMIT) for key, value in tags.items()}


def collect_tags(items: Sequence[Item]) -> dict[str, str]:
    """Merge all tags, and list the tables that ``mlflow ui`` should show."""
    tags: dict[str, str] = {}
    for item in items:
        if isinstance(item, Tags):
            tags |= item.values
    views = [{"path": item.file, "type": "table"} for item in items if isinstance(item, TableView)]
    if views:
        tags["mlflow.loggedArtifacts"] = json.dumps(views)
    return tags
