"""Checks of a composed config that Hydra leaves out: several options of one group, and keys that nothing reads."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

from omegaconf import DictConfig, OmegaConf

from arogya_bench.errors import ConfigError, did_you_mean

# Of ``augmentation`` and ``metric`` several options make sense: their entries are merged.
GROUPS_OF_ONE = ("model", "dataset", "training", "measure", "prices", "tracking", "experiment", "hydra/launcher")
SHARED_BY_JOBS = ("experiment", "tracking", "prices", "hydra/launcher")


def check_lists(overrides: Iterable[str]) -> None:
    """Check that no override gives a list of options to a group that holds one: Hydra would merge their fields.

    Raises:
        ConfigError: For the first list.
    """
    for line in overrides:
        group, _, value = line.lstrip("+").partition("=")
        if group in GROUPS_OF_ONE and value.startswith("["):
            options = [name for part in value.strip("[]").split(",") if (name := part.strip())]
            raise _list_error(group, line, options)


def check_defaults(config: DictConfig, configs_used: Callable[[], Iterable[str | None]]) -> None:
    """Check that no file gives a list of options to a group that holds one.

    Args:
        config: With Hydra's own node.
        configs_used: Lists the names of all files that the config is composed of, such as ``model/prior``.

    Raises:
        ConfigError: For the first list.
    """
    choices = config.hydra.runtime.choices
    without_choice = [group for group in GROUPS_OF_ONE if group not in choices]
    if not without_choice:  # Hydra records no choice for a list, nor for a group that a file spells out
        return
    names = [name for name in configs_used() if name]
    for group in without_choice:
        options = [name.rpartition("/")[2] for name in names if name.rpartition("/")[0] == group]
        if len(options) > 1:
            raise _list_error(group, f"{group}: [{', '.join(options)}] in the defaults of a config", options)


def _list_error(group: str, given: str, options: Sequence[str]) -> ConfigError:
    problem = f"{given} is a list, but {group} holds one option at a time."
    if len(options) < 2:
        return ConfigError(problem, fix=f"write {group}={options[0] if options else 'NAME'} without brackets.")
    if group in SHARED_BY_JOBS:
        return ConfigError(problem, fix=f"run the command once for each, such as with {group}={options[0]}.")
    return ConfigError(problem, fix=f"write -m {group}={','.join(options)} to run one after the other.")


def check_added_keys(config: DictConfig, overrides: Iterable[str]) -> None:
    """Check that overrides such as ``+seed_=1``, which Hydra always takes, add keys that are read.

    Raises:
        ConfigError: For the first key that is not one of its group.
    """
    for line in overrides:
        key, equals, _ = line.partition("=")
        if not key.startswith("+") or not equals:
            continue
        name = key.lstrip("+")
        if name.startswith("hydra."):
            _check_added_key(config.hydra, name.removeprefix("hydra."), "hydra.")
        elif "/" not in name or name in config:  # else it chose an option of a group
            _check_added_key(config, name.partition("@")[0], "")


def _check_added_key(node: DictConfig, key: str, path: str) -> None:
    """Follow a key down to the first group that has no schema, whose reader checks it."""
    for name in key.split("."):
        schema = OmegaConf.get_type(node) if isinstance(node, DictConfig) else None
        if not dataclasses.is_dataclass(schema) or path == "hydra.launcher.":
            return
        known = [field.name for field in dataclasses.fields(schema)]
        if name not in known:
            raise ConfigError(
                f"There is no config key '{path}{name}'.{did_you_mean(name, known)}",
                fix=f"choose one of: {', '.join(path + each for each in known)}",
            )
        node, path = node[name], f"{path}{name}."
