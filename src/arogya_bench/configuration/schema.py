"""From configs to typed jobs: everything that can be wrong is said before any work starts."""

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
from arogya_bench.metrics.plugins import MIN_RESAMPLES, MetricSpec, load_plugin_metrics
from arogya_bench.runtime.redaction import find_secrets, register_secrets
from arogya_bench.scoring.tasks import TASKS
from arogya_bench.types import Model, Training

CALIBRATIONS = ("none", "temperature")
GATE_MODES = ("stop", "warn")
MODEL_ATTRIBUTES = ("fit", "load", "check", "adapter_name", "adapter_version", "task", "extra")
MAX_SEED = 2**32 - 1  # NumPy and scikit-learn take no more

Typed = TypeVar("Typed")
# The jobs of a sweep share most of their parts, which are frozen.
_VALIDATED: dict[tuple[type, str, str], object] = {}


def build_job(config: DictConfig, choices: Mapping[str, str]) -> Job:
    """Turn one composed config into a typed job.

    Args:
        config: The config without Hydra's own node.
        choices: Which option each group of the config was filled with.

    Raises:
        ConfigError: At the first name, type or value that is wrong.
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
    )


def build_adapter(node: DictConfig, path: str, methods: Sequence[str]) -> object:
    """Build the frozen dataclass that ``_target_`` names, which costs nothing.

    Hydra's ``instantiate`` would call whatever a config names; this builds dataclasses only.

    Raises:
        ConfigError: If the target does not exist, is not an adapter, or a field is wrong.
    """
    target = node.get("_target_")
    if not target:
        raise ConfigError(
            f"{path} has no _target_.",
            fix=f"write `_target_: package.module.Class` into its YAML, or choose another {path}.",
        )
    module, _, name = str(target).rpartition(".")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{path}._target_ names {target!r}, which cannot be imported: {error}.",
            fix="correct the dotted path, or install the package that holds it.",
        ) from error
    lacking = [each for each in methods if not hasattr(kind, each)]
    if not dataclasses.is_dataclass(kind) or lacking:
        raise ConfigError(
            f"{path}._target_ names {target!r}, which is not an adapter"
            f"{' (it has no ' + ', '.join(lacking) + ')' if lacking else ''}.",
            fix="name a frozen dataclass with these methods; docs/developer-guide.md shows one.",
        )
    return validate(cast("type[object]", kind), _adapter_fields(node), path)


def _adapter_fields(node: DictConfig) -> DictConfig:
    """The fields of an adapter with their interpolations resolved, which need the whole config."""
    keys = [key for key in node if key not in ("_target_", "_convert_")]
    values = {key: MISSING if OmegaConf.is_missing(node, key) else node[key] for key in keys}
    return OmegaConf.create(values)


def validate(schema_class: type[Typed], node: DictConfig, path: str) -> Typed:
    """Build a dataclass from a config node, with its field types enforced.

    Raises:
        ConfigError: Naming the key, its value, and the nearest valid name or the type.
    """
    if not isinstance(node, DictConfig):
        raise ConfigError(
            f"{path} is {node!r}, not a group of fields.", fix=f"set its fields: {path}.KEY=VALUE"
        )
    try:
        plain = repr(OmegaConf.to_container(node, resolve=True))
    except OmegaConfBaseException:
        return _validate(schema_class, node, path)  # which names the field
    key = (schema_class, path, plain)
    if key not in _VALIDATED:
        _VALIDATED[key] = _validate(schema_class, node, path)
    return cast("Typed", _VALIDATED[key])


def _validate(schema_class: type[Typed], node: DictConfig, path: str) -> Typed:
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
            f"{path}.{missing[0]} has no value, and it has no default.",
            fix=f"add {path}.{missing[0]}=... to the command.",
        )
    return schema_class(
        **{str(key): value for key, value in cast("dict[str, Any]", values).items()}
    )


def parse_settings(overrides: Sequence[str], groups: Sequence[str]) -> dict[str, DictConfig]:
    """Take settings such as ``split.method=group`` apart, for a command without a whole config.

    Args:
        overrides: ``group.key=value``, the values as YAML.
        groups: That are known.

    Returns:
        The settings of every group, some empty.

    Raises:
        ConfigError: If a word is none, or names another group.
    """
    for word in overrides:
        key, equals, _ = word.partition("=")
        group, dot, _ = key.partition(".")
        if not equals or not dot or group not in groups:
            raise ConfigError(
                f"{word!r} is no setting of {' or '.join(groups)}.{did_you_mean(group, groups)}",
                fix=f"write {groups[0]}.key=value",
            )
    found = OmegaConf.from_dotlist(list(overrides))
    return {group: found.get(group) or OmegaConf.create() for group in groups}


def _field_error(error: OmegaConfBaseException, schema_class: type, path: str) -> ConfigError:
    types = {each.name: each.type for each in dataclasses.fields(schema_class)}
    key = str(error.full_key or error.key or "")
    name = key.partition(".")[0].partition("[")[0]
    if name not in types:
        return ConfigError(
            f"{path} has no field {key!r}.{did_you_mean(key, types)}",
            fix=f"choose one of: {', '.join(types)}" if types else "leave it out; it has none.",
        )
    first = str(error.msg or error).splitlines()[0].rstrip(".")
    wanted = getattr(types[name], "__name__", "") if isinstance(types[name], type) else types[name]
    return ConfigError(
        f"{path}.{key}: {first}.", fix=f"give {path}.{name} a value of type {wanted}."
    )


def _with_image_size(model: Model, image_size: int | None) -> Model:
    """Apply the root key to a model that resizes; the others have no such field."""
    fields = {each.name for each in dataclasses.fields(cast("Any", model))}
    if image_size is None or "image_size" not in fields:
        return model
    return cast("Model", dataclasses.replace(cast("Any", model), image_size=image_size))


def _check_root(config: DictConfig) -> None:
    """Refuse values that have the right type and still make no sense."""
    for key, floor in (
        ("image_size", 8),
        ("limit", 1),
        ("batch_size", 1),
        ("threads", 1),
        ("seed", 0),
        ("image_cache_gb", 0),
    ):
        value = config[key]
        if value is not None and value < floor:
            raise ConfigError(f"{key}={value} is too small.", fix=f"give {floor} or more.")
    if config.seed > MAX_SEED:
        raise ConfigError(f"seed={config.seed} is too large.", fix=f"give {MAX_SEED} or less.")
    _check_choices(config)
    if config.statistics.resamples < MIN_RESAMPLES:
        raise ConfigError(
            f"statistics.resamples={config.statistics.resamples}: the ends of an interval are "
            "noise with so few.",
            fix=f"give {MIN_RESAMPLES} or more; 10000 is the default.",
        )
    if OmegaConf.is_missing(config.tracking, "uri") or config.tracking.uri == "":
        raise ConfigError(
            "tracking.uri is empty.",
            fix="give the address of your server, such as tracking.uri=http://127.0.0.1:5000; "
            "unset MLFLOW_TRACKING_URI if that is what is empty.",
        )
    if not config.tracking.experiment:
        raise ConfigError("tracking.experiment is empty.", fix="give the experiment a name.")


def _check_choices(config: DictConfig) -> None:
    for key, known in (("calibration", CALIBRATIONS), ("gate", GATE_MODES)):
        if config[key] not in known:
            raise ConfigError(
                f"Unknown {key} {config[key]!r}.{did_you_mean(config[key], known)}",
                fix=f"set {key} to {' or '.join(known)}.",
            )
