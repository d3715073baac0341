"""What a fitted model says of itself in MLflow: architecture, size, data, date and licence."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from arogya_bench.evaluation.job import PlannedJob
from arogya_bench.measurement.model_size import folder_size_mb
from arogya_bench.runtime.digests import model_identity
from arogya_bench.tracking import tags
from arogya_bench.tracking.items import ModelCard

MODEL_URI = re.compile(r"(models|runs):/")


def write_card(planned: PlannedJob, weights: Path, *, parameters: int | None) -> ModelCard:
    """Describe the fit in the folder ``weights``; ``parameters`` is None for what is no neural network."""
    settings = {name: _without_folder(value) for name, value in model_identity(planned.job.model).items()}
    size = {"size_mb": _format_size(folder_size_mb(weights))}
    if parameters is not None:
        size["parameters"] = str(parameters)
    params = {**{name: _format(value) for name, value in settings.items()}, **size}
    source = _source(planned)
    return ModelCard(params=params, tags=source, text="\n".join(_lines(planned, params, source)) + "\n")


def _source(planned: PlannedJob) -> dict[str, str]:
    """Where the fit comes from, in the tags that runs have too."""
    job = planned.job
    source = {
        tags.MODEL: job.model_name,
        tags.TASK: job.model.task,
        tags.TRAINING: job.training_name,
        tags.DATASET: planned.dataset.name,
        tags.DATASET_DIGEST: planned.dataset.digest,
        tags.SPLIT: planned.split.name,
        tags.SPLIT_DIGEST: planned.split.digest,
        tags.SEED: str(job.seed),
        tags.VERSION: version("arogya-bench"),
    }
    licence = getattr(job.model, "licence", None)
    return source | ({tags.LICENCE: licence} if licence else {})


def _lines(planned: PlannedJob, params: Mapping[str, str], source: Mapping[str, str]) -> Iterator[str]:
    rest = {name: value for name, value in params.items() if name not in ("parameters", "size_mb")}
    parameters = params.get("parameters")
    today = datetime.now(UTC).date().isoformat()
    yield f"# {planned.job.model_name}"
    yield ""
    yield f"A model for {planned.job.model.task}, fitted on {today} by arogya-bench {source[tags.VERSION]}."
    yield ""
    yield from _table(
        {
            "Architecture": f"{rest.pop('adapter')}, version {rest.pop('adapter_version')}",
            "Parameters": f"{int(parameters):,}" if parameters else "no neural network, or not counted",
            "Size on disk": f"{params['size_mb']} MB",
            "Training data": f"{source[tags.DATASET]}, digest {source[tags.DATASET_DIGEST]}",
            "Split": f"{source[tags.SPLIT]}, digest {source[tags.SPLIT_DIGEST]}",
            "Training": f"{source[tags.TRAINING]}, seed {source[tags.SEED]}",
            **({"Licence": source[tags.LICENCE]} if tags.LICENCE in source else {}),
        }
    )
    yield from ("", "## Classes, in the order of the outputs", "")
    yield from (f"{number}. {name}" for number, name in enumerate(planned.dataset.classes, start=1))
    if rest:
        yield from ("", "## Settings", "")
        yield from _table(rest)


def _table(rows: Mapping[str, str]) -> Iterator[str]:
    yield from ("| | |", "|---|---|")
    yield from (f"| {name} | {value.replace('|', chr(92) + '|')} |" for name, value in rows.items())


def _without_folder(value: object) -> object:
    """Keep the last part of a path; a name or an address of MLflow stays as it is."""
    if isinstance(value, str) and not MODEL_URI.match(value):
        return re.split(r"[/\\]", value.rstrip("/\\"))[-1]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_without_folder(each) for each in value]
    return value


def _format(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _format_size(size_mb: float) -> str:
    return f"{size_mb:.2f}" if size_mb >= 1 else f"{size_mb:.2g}"
