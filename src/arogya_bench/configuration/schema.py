"""Validates composed configs and builds typed jobs, before any work starts."""

import dataclasses
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, TypeVar, cast

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from arogya_bench.augmentations.conditions import AugmentationSpec, expand_conditions
from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.evaluation.job import DatasetSource, Job
from arogya_bench.measurement.protocol import MeasurementProtocol
from arogya_bench.metrics.plugins import MIN_RESAMPLES, MetricSpec, load_plugin_metrics
from arogya_bench.runtime.redaction import find_secrets, register_secrets
from arogya_bench.scoring.tasks import TASKS
from arogya_bench.types import Model, Training

MINIMUMS = {"image_size": 8, "limit": 1, "batch_size": 1, "threads": 1, "seed": 0, "image_cache_gb": 0}
CHOICES = {"calibration": ("none", "temperature"), "gate": ("stop", "warn")}
MODEL_ATTRIBUTES = ("fit", "load", "check", "adapter_name", "adapter_version", "task", "extra")
MAX_SEED = 2**32 - 1  # NumPy and scikit-learn take no more

Typed = TypeVar("Typed")
# Jobs of a sweep have most of their parts in common; sharing them is safe, since they are frozen.
_VALIDATED: dict[tuple[type, str, str], object] = {}


def build_job(config: DictConfig, choices: Mapping[str, str], overrides: tuple[str, ...] = ()) -> Job:
    """Turn one composed config, without Hydra's own node, into a typed job.

    ``choices`` names the option that was chosen for each config group.

    Raises:
        ConfigError: For the first invalid name, type or value.
    """
    _check_root(config)
    resolved = cast("Mapping[str, Any]", OmegaConf.to_container(config, resolve=True))
    register_secrets(find_secrets(resolved))
    model = cast("Model", build_adapter(config.model, "model", MODEL_ATTRIBUTES))
    return Job(
        model_name=str(choices.get("model")),
        model=_with_image_size(model, config.image_size),
        source=cast("DatasetSource", build_adapter(config.dataset, "dataset", ("load",))),
        training_name=str(choices.get("training")),
        training=validate(Training, config.training, "training"),
        conditions=expand_conditions(
            {
                name: validate(AugmentationSpec, spec, f"augmentation.{name}")
                for name, spec in config.augmentation.items()
            }
        ),
        split=validate(SplitPolicy, config.split, "split"),
        seed=config.seed,
        device=config.device,
        limit=config.limit,
        batch_size=config.batch_size,
        resamples=config.statistics.resamples,
        resume=config.sweep.resume,
        tracking_uri=config.tracking.uri,
        experiment=config.tracking.experiment,
        config=resolved,
        threads=config.threads,
        calibration=config.calibration,
        gate=config.gate,
        image_cache_gb=config.image_cache_gb,
        metrics=load_plugin_metrics(
            {str(k): validate(MetricSpec, v, f"metric.{k}") for k, v in config.metric.items()},
            reserved_names={name for task in TASKS.values() for name in task.metrics},
        ),
        exclusive=config.sweep.exclusive,
        measure_name=str(choices.get("measure")),
        measure=validate(MeasurementProtocol, config.measure, "measure") if config.measure else None,
        overrides=overrides,
    )


def build_adapter(node: DictConfig, path: str, methods: Sequence[str]) -> object:
    """Build the frozen dataclass that ``_target_`` names.

    Hydra's ``instantiate`` calls whatever a config names; this builds dataclasses only, which must
    have ``methods`` as attributes. ``path`` is the key of the node, for error messages.

    Raises:
        ConfigError: If the target does not exist or is not an adapter, or a field is invalid.
    """
    target = node.get("_target_")
    if not target:
        raise ConfigError(
            f"{path} has no _target_.",
            fix=f"write `_target_: package.module.Class` into its YAML, or choose another {path}.",
        )
    module, _, name = str(target).rpartition(".")
    try:
        adapter_class = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{path}._target_ names {target!r}, which cannot be imported: {error}.",
            fix="correct the dotted path, or install the package that provides it.",
        ) from error
    missing = [method for method in methods if not hasattr(adapter_class, method)]
    if not dataclasses.is_dataclass(adapter_class) or missing:
        raise ConfigError(
            f"{path}._target_ names {target!r}, which is not an adapter"
            f"{' (it has no ' + ', '.join(missing) + ')' if missing else ''}.",
            fix="name a frozen dataclass with these methods; docs/developer-guide.md has an example.",
        )
    return validate(cast("type[object]", adapter_class), _adapter_fields(node), path)


def _adapter_fields(node: DictConfig) -> DictConfig:
    """Copy the fields of an adapter with interpolations resolved, which needs the whole config."""
    keys = [key for key in node if key not in ("_target_", "_convert_")]
    values = {key: MISSING if OmegaConf.is_missing(node, key) else node[key] for key in keys}
    return OmegaConf.create(values)


def validate(schema_class: type[Typed], node: DictConfig, path: str) -> Typed:
    """Build a dataclass from a config node, and enforce its field types; ``path`` is the key of the node.

    Raises:
        ConfigError: For an unknown or missing field, or a value of the wrong type.
    """
    if not isinstance(node, DictConfig):
        raise ConfigError(
            f"{path} is {node!r}, but must be a group of fields.", fix=f"set its fields: {path}.KEY=VALUE"
        )
    try:
        plain = repr(OmegaConf.to_container(node, resolve=True))
    except OmegaConfBaseException:
        return _build_dataclass(schema_class, node, path)  # raises an error that names the field
    key = (schema_class, path, plain)
    if key not in _VALIDATED:
        _VALIDATED[key] = _build_dataclass(schema_class, node, path)
    return cast("Typed", _VALIDATED[key])


def _build_dataclass(schema_class: type[Typed], node: DictConfig, path: str) -> Typed:
    try:
        schema = OmegaConf.structured(schema_class)
        OmegaConf.set_readonly(schema, False)
        merged = OmegaConf.merge(schema, node)
        missing = sorted(str(key) for key in OmegaConf.missing_keys(merged))
        values = {} if missing else OmegaConf.to_container(merged, resolve=True)
    except OmegaConfBaseException as error:
        raise _field_error(error, schema_class, path) from error
    if missing:
        raise ConfigError(
            f"{path}.{missing[0]} has no value and no default.", fix=f"add {path}.{missing[0]}=... to the command."
        )
    return schema_class(**{str(key): value for key, value in cast("dict[str, Any]", values).items()})


def parse_settings(overrides: Sequence[str], groups: Sequence[str]) -> dict[str, DictConfig]:
    """Parse settings such as ``split.method=group``, for commands that compose no config.

    Returns:
        The settings of each group, possibly empty.

    Raises:
        ConfigError: If a setting is malformed or belongs to another group.
    """
    for override in overrides:
        key, equals, _ = override.partition("=")
        group, dot, _ = key.partition(".")
        if not equals or not dot or group not in groups:
            raise ConfigError(
                f"{override!r} is not a setting of {' or '.join(groups)}.{did_you_mean(group, groups)}",
                fix=f"write {groups[0]}.key=value",
            )
    settings = OmegaConf.from_dotlist(list(overrides))
    return {group: settings.get(group) or OmegaConf.create() for group in groups}


def _field_error(error: OmegaConfBaseException, schema_class: type, path: str) -> ConfigError:
    types = {field.name: field.type for field in dataclasses.fields(schema_class)}
    key = str(error.full_key or error.key or "")
    name = key.partition(".")[0].partition("[")[0]
    if name not in types:
        return ConfigError(
            f"{path} has no field {key!r}.{did_you_mean(key, types)}",
            fix=f"choose one of: {', '.join(types)}" if types else "remove it; there are no fields.",
        )
    first = str(error.msg or error).splitlines()[0].rstrip(".")
    field_type = types[name]
    type_name = field_type.__name__ if isinstance(field_type, type) else field_type
    return ConfigError(f"{path}.{key}: {first}.", fix=f"give {path}.{name} a value of type {type_name}.")


def _with_image_size(model: Model, image_size: int | None) -> Model:
    """Apply the root key to models that resize their input; others have no such field."""
    names = {field.name for field in dataclasses.fields(cast("Any", model))}
    if image_size is None or "image_size" not in names:
        return model
    return cast("Model", dataclasses.replace(cast("Any", model), image_size=image_size))


def _check_root(config: DictConfig) -> None:
    """Check the ranges of root keys, whose types Hydra has checked already."""
    for key, minimum in MINIMUMS.items():
        if config[key] is not None and config[key] < minimum:
            raise ConfigError(f"{key}={config[key]} is too small.", fix=f"set it to {minimum} or more.")
    if config.seed > MAX_SEED:
        raise ConfigError(f"seed={config.seed} is too large.", fix=f"set it to {MAX_SEED} or less.")
    _check_choices(config)
    if config.statistics.resamples < MIN_RESAMPLES:
        raise ConfigError(
            f"statistics.resamples={config.statistics.resamples} is too few for stable interval bounds.",
            fix=f"set it to {MIN_RESAMPLES} or more; the default is 10000.",
        )
    if OmegaConf.is_missing(config.tracking, "uri") or config.tracking.uri == "":
        raise ConfigError(
            "tracking.uri is empty.",
            fix="set it to the address of your server, such as tracking.uri=http://127.0.0.1:5000; "
            "unset MLFLOW_TRACKING_URI if that variable is empty.",
        )
    if not config.tracking.experiment:
        raise ConfigError("tracking.experiment is empty.", fix="name the experiment.")


def _check_choices(config: DictConfig) -> None:
    for key, known in CHOICES.items():
        if config[key] not in known:
            raise ConfigError(
                f"Unknown {key} {config[key]!r}.{did_you_mean(config[key], known)}",
                fix=f"set {key} to {' or '.join(known)}.",
            )
