"""One cell from a notebook: a model on a condition of a dataset, logged like any other."""

import json
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass, replace
from typing import Any, cast

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.configuration import compose
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.evaluation import evaluation
from arogya_bench.evaluation.job import DatasetSource, Job
from arogya_bench.tracking.store import open_store
from arogya_bench.types import Model


def evaluate(
    model: str | Model,
    dataset: str | DatasetSource,
    *,
    augmentation: str = "clean",
    seed: int = 42,
    tracking_uri: str | None = None,
    overrides: Sequence[str] = (),
) -> evaluation.Evaluation:
    """Evaluate one cell from a notebook; it is logged like any other.

    Args:
        model: A name of the config group ``model``, or an adapter.
        dataset: A name of the config group ``dataset``, or what one builds.
        augmentation: A name of the config group ``augmentation`` with one severity at most, or
            a condition such as ``gaussian_noise_0.1``.
        seed: Of the fit.
        tracking_uri: The store; default: ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` here.
        overrides: More of Hydra's, such as ``image_size=64``.

    Returns:
        The evaluation; made anew even if MLflow holds the cell, since its predictions are wanted.

    Raises:
        Fixable: If a name, the data or the store is wrong.
    """
    words = [f"augmentation={_augmentation_option(augmentation)}", f"seed={seed}", *overrides]
    words += [
        f"{key}={value}"
        for key, value in (("model", model), ("dataset", dataset))
        if isinstance(value, str)
    ]
    (job,) = compose.compose_jobs(compose.RunRequest(overrides=(*words, "sweep.resume=false")))
    if not isinstance(model, str):
        config = {**job.config, "model": _adapter_config(model)}
        job = replace(job, model=model, model_name=type(model).__name__, config=config)
    if not isinstance(dataset, str):
        config = {**job.config, "dataset": _adapter_config(dataset)}
        job = replace(job, source=dataset, config=config)
    job = replace(job, conditions=_select_condition(job, augmentation))
    store = open_store(tracking_uri or job.tracking_uri, job.experiment, create=True)
    (made,) = evaluation.run_job(job, store, None)
    return made


def _adapter_config(adapter: Model | DatasetSource) -> dict[str, Any]:
    """What stands in the config of an adapter that came without one."""
    facts: dict[str, Any] = asdict(cast("Any", adapter)) if is_dataclass(adapter) else {}
    kind = type(adapter)
    plain = json.loads(json.dumps(facts, default=str))
    return {"_target_": f"{kind.__module__}.{kind.__qualname__}", **plain}


def _augmentation_option(name: str) -> str:
    """The config that holds a condition: its severity, if any, is the last part of its name."""
    stem, _, severity = name.rpartition("_")
    return stem if stem and severity.replace(".", "").isdigit() else name


def _select_condition(job: Job, name: str) -> tuple[Condition, ...]:
    found = [each for each in job.conditions if each.name == name]
    if len(job.conditions) == 1 and _augmentation_option(name) == name:
        found = list(job.conditions)
    if len(found) != 1:
        names = [each.name for each in job.conditions]
        raise ConfigError(
            f"{name!r} is not one condition.{did_you_mean(name, names)}",
            fix=f"choose one of: {', '.join(names)}",
        )
    return tuple(found)
