"""Jobs with a model or a dataset that is given as an object in Python, and not by the name of its config."""

import json
from dataclasses import asdict, is_dataclass, replace
from typing import Any, cast

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.evaluation.job import DatasetSource, Job
from arogya_bench.images.thumbnails import ALLOWED
from arogya_bench.types import Dataset, Model

THUMBNAILS_KEY = "dataset.thumbnails"
ADAPTER_MEMBERS = ("adapter_name", "adapter_version", "task", "check", "fit", "load")


def check_model(model: object) -> None:
    """Raise ConfigError if an object is neither a name nor an adapter."""
    if isinstance(model, str):
        return
    if isinstance(model, type):
        raise _not_built("model", model)
    missing = [name for name in ADAPTER_MEMBERS if not hasattr(model, name)]
    if missing:
        raise ConfigError(
            f"model is {_describe(model)}, which is no adapter: it has no {missing[0]!r}.",
            fix="give the name of a model such as 'opencv', log yours with MLflow and give 'pyfunc' with "
            "overrides=['model.uri=models:/NAME/1'], or write an adapter (docs/developer-guide.md).",
        )


def check_dataset(dataset: object) -> None:
    """Raise ConfigError if an object is neither a name, nor a path, nor a source."""
    if isinstance(dataset, type):
        raise _not_built("dataset", dataset)
    if not callable(getattr(dataset, "load", None)):
        loaded = " A source loads it." if isinstance(dataset, Dataset) else ""
        raise ConfigError(
            f"dataset is {_describe(dataset)}, which is no source of cases: it has no 'load'.{loaded}",
            fix="give the name of a dataset such as 'synthetic', the folder that holds the class folders, or a source "
            "such as arogya_bench.datasets.image_folder.ImageFolder(path='images', licence='CC0-1.0').",
        )


def with_model(job: Job, model: Model) -> Job:
    """The job with an adapter that was given as an object."""
    config = {**job.config, "model": _object_config(model)}
    return replace(job, model=model, model_name=type(model).__name__, config=config)


def with_source(job: Job, source: DatasetSource) -> Job:
    """The job with a dataset source that was given as an object; what the default dataset allows says nothing of it."""
    allowed = f"{THUMBNAILS_KEY}={ALLOWED}" in job.overrides
    config = {**job.config, "dataset": _object_config(source)}
    return replace(job, source=source, thumbnails=allowed, config=config)


def augmentation_option(name: str) -> str:
    """The config option of a condition: its name without the severity.

    Raises:
        ConfigError: If it is no text.
    """
    if not isinstance(name, str):
        raise ConfigError(
            f"augmentation is {_describe(name)}, and evaluate tests one condition.",
            fix="give its name, such as 'gaussian_noise_0.1'; run takes a list of augmentations.",
        )
    stem, _, severity = name.rpartition("_")
    return stem if stem and severity.replace(".", "").isdigit() else name


def with_condition(job: Job, name: str) -> Job:
    """The job with one of its conditions, by name; ConfigError if it has none of that name."""
    return replace(job, conditions=(_select_condition(job, name),))


def _select_condition(job: Job, name: str) -> Condition:
    if len(job.conditions) == 1 and augmentation_option(name) == name:
        return job.conditions[0]
    for condition in job.conditions:
        if condition.name == name:
            return condition
    names = [condition.name for condition in job.conditions]
    raise ConfigError(
        f"{name!r} is not one condition.{did_you_mean(name, names)}", fix=f"choose one of: {', '.join(names)}"
    )


def _object_config(given: Model | DatasetSource) -> dict[str, Any]:
    """The config to log for an object that was not built from one."""
    fields: dict[str, Any] = asdict(cast("Any", given)) if is_dataclass(given) else {}
    plain = json.loads(json.dumps(fields, default=str))
    return {"_target_": f"{type(given).__module__}.{type(given).__qualname__}", **plain}


def _not_built(key: str, given: type) -> ConfigError:
    return ConfigError(
        f"{key} is the class {given.__name__}, and not an object of it.",
        fix=f"build one, and give that: {given.__name__}(...).",
    )


def _describe(given: object) -> str:
    """What an object is, without its address."""
    if callable(given) and hasattr(given, "__name__"):
        return "a function" if given.__name__ == "<lambda>" else f"the function {given.__name__}"
    return f"a value of the type {type(given).__name__}"
