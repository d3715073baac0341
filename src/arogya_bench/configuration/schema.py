"""Validates composed configs and builds typed jobs, before any work starts."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, cast

from omegaconf import MISSING, DictConfig, OmegaConf
from yaml import YAMLError

from arogya_bench.augmentations.conditions import AugmentationSpec, expand_conditions
from arogya_bench.configuration.advice import first_line
from arogya_bench.configuration.overrides import as_typed
from arogya_bench.configuration.path_values import is_path_override, read_path
from arogya_bench.configuration.prices import build_price_list
from arogya_bench.configuration.required_fields import check_required_fields
from arogya_bench.configuration.validation import validate
from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.evaluation.given_objects import THUMBNAILS_KEY
from arogya_bench.evaluation.job import DatasetSource, Job
from arogya_bench.images.thumbnails import ALLOWED, DENIED
from arogya_bench.measurement.protocol import MeasurementProtocol
from arogya_bench.metrics.plugins import MIN_RESAMPLES, MetricSpec, load_plugin_metrics
from arogya_bench.runtime.redaction import find_secrets, register_secrets
from arogya_bench.scoring.tasks import TASKS
from arogya_bench.types import Model, Training

MINIMUMS = {"image_size": 8, "limit": 1, "batch_size": 1, "threads": 1, "seed": 0, "image_cache_gb": 0}
CHOICES = {
    "calibration": ("none", "temperature"),
    "training.monitor": ("f1_macro", "val_loss"),
    "gate": ("stop", "warn"),
    "sweep.missing": ("skip", "stop"),
    "dataset.external_api": ("denied", "allowed"),
    THUMBNAILS_KEY: (DENIED, ALLOWED),
}
DATASET_KEYS = ("positive", "thumbnails")  # of the group dataset: they hold for every reader
MODEL_ATTRIBUTES = ("fit", "load", "check", "adapter_name", "adapter_version", "task", "extra")
MAX_NAME_LENGTH = 80  # of a row, in characters; tables and charts show it whole
MAX_SEED = 2**32 - 1  # NumPy and scikit-learn take no more


def build_job(config: DictConfig, choices: Mapping[str, str], overrides: tuple[str, ...] = ()) -> Job:
    """Turn one composed config, without Hydra's own node, into a typed job.

    ``choices`` names the option that was chosen for each config group.

    Raises:
        ConfigError: For the first invalid name, type or value.
    """
    _check_root(config)
    for group in ("model", "dataset"):
        if isinstance(config[group], DictConfig):
            check_required_fields(config[group], group, choices.get(group) or "")
    resolved = cast("Mapping[str, Any]", OmegaConf.to_container(config, resolve=True))
    register_secrets(find_secrets(resolved))
    model = cast("Model", build_adapter(config.model, "model", MODEL_ATTRIBUTES, other_keys=("name",)))
    return Job(
        model_name=choices.get("model") or type(model).__name__,  # without a choice, a file spells the model out
        name=_check_row_name(OmegaConf.select(config, "model.name")),
        model=_with_image_size(model, config.image_size),
        source=cast("DatasetSource", build_adapter(config.dataset, "dataset", ("load",), other_keys=DATASET_KEYS)),
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
        prices=build_price_list(resolved["prices"]) if config.get("prices") else None,
        api_budget=config.budget.usd,
        positive=_class_name(config.dataset.get("positive")),
        thumbnails=config.dataset.get("thumbnails") == ALLOWED,
    )


def _class_name(value: object) -> str | None:
    return None if value is None else str(value)


def _check_row_name(value: object) -> str | None:
    """Check ``model.name``, the name that a user gives a leaderboard row; None if there is none."""
    if value is None:
        return None
    name = str(value).strip()
    is_text = isinstance(value, str | int) and not isinstance(value, bool)
    if not is_text or not name or not name.isprintable() or len(name) > MAX_NAME_LENGTH:
        raise ConfigError(
            f"model.name={value} is no name for a row of the leaderboard.",
            fix=f"give it one line of 1 to {MAX_NAME_LENGTH} characters, such as \"model.name='my model'\".",
        )
    return name


def build_adapter(node: DictConfig, path: str, methods: Sequence[str], *, other_keys: Sequence[str] = ()) -> object:
    """Build the frozen dataclass that ``_target_`` names.

    Hydra's ``instantiate`` calls whatever a config names; this builds dataclasses only, which must
    have ``methods`` as attributes. ``path`` is the key of the node, for error messages; ``other_keys``
    are keys of the node that are no fields.

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
    return validate(cast("type[object]", adapter_class), _adapter_fields(node, other_keys), path)


def _adapter_fields(node: DictConfig, other_keys: Sequence[str]) -> DictConfig:
    """Copy the fields of an adapter with interpolations resolved, which needs the whole config."""
    keys = [key for key in node if key not in ("_target_", "_convert_", *other_keys)]
    values = {key: MISSING if OmegaConf.is_missing(node, key) else node[key] for key in keys}
    return OmegaConf.create(values)


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
    settings = cast("DictConfig", OmegaConf.merge({}, *map(_parse_setting, overrides)))
    return {group: settings.get(group) or OmegaConf.create() for group in groups}


def _parse_setting(override: str) -> DictConfig:
    if is_path_override(override):
        path = OmegaConf.create()
        OmegaConf.update(path, override.partition("=")[0], read_path(override))
        return path
    try:
        return OmegaConf.from_dotlist([override])
    except YAMLError as error:
        key, _, value = override.partition("=")
        raise ConfigError(
            f"{override!r} is not a valid setting: {first_line(error)}.",
            fix=f"write {as_typed(key, value)} if the value is text.",
        ) from error


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
    usd = config.budget.usd
    if usd is not None and not 0 <= usd < math.inf:
        raise ConfigError(f"budget.usd={usd:g} is no amount.", fix="give it in USD, 0 or more, or null for no limit.")


def _check_choices(config: DictConfig) -> None:
    if not set(config.model) - {"name"}:
        raise ConfigError("model has no value.", fix="choose one, such as model=prior.")
    for key, known in CHOICES.items():
        value = OmegaConf.select(config, key)
        if value is not None and value not in known:  # a dataset of another package may have no such field
            raise ConfigError(
                f"Unknown {key} {value!r}.{did_you_mean(str(value), known)}", fix=f"set {key} to {' or '.join(known)}."
            )
