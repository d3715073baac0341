"""Keys that only some options of a swept group have, such as ``model.uri`` in a sweep of ``prior`` and ``pyfunc``."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, cast

from omegaconf import DictConfig, OmegaConf

from arogya_bench.errors import ConfigError, did_you_mean

JobOverrides = tuple[str, ...]
NAME_KEY = "model.name"  # every model has it, and a name is that of one row


class AssignedKeys(NamedTuple):
    """The overrides of each job, and which of them went to some options only, in words."""

    jobs: list[JobOverrides]
    notes: list[str]


def assign_keys(jobs: Sequence[JobOverrides], compose: Callable[[list[str]], DictConfig]) -> AssignedKeys:
    """Leave out of each job the keys that its option of a swept group lacks, if another option has them.

    Jobs that are equal without them are one job.

    Raises:
        ConfigError: If no option has a key.
    """
    notes: list[str] = []
    assigned = list(jobs)
    for group in _swept_groups(jobs):
        keys = sorted({_key(line) for job in jobs for line in job if line.lstrip("~").startswith(f"{group}.")})
        if keys:
            configs = {_option(job, group): compose(_choices(job))[group] for job in _first_of_each(jobs, group)}
            lacking_options = {key: _options_without(key, configs) for key in keys}
            if NAME_KEY in lacking_options:
                lacking_options[NAME_KEY] = _options_not_named(lacking_options, configs)
            for key, lacking in lacking_options.items():
                notes += [f"{key} goes to {_others(configs, lacking)} alone, not to {', '.join(lacking)}."] * bool(
                    lacking
                )
                assigned = [_without(job, key) if _option(job, group) in lacking else job for job in assigned]
    return AssignedKeys(jobs=list(dict.fromkeys(assigned)) if notes else list(jobs), notes=notes)


def check_studies(jobs: Sequence[JobOverrides], compose: Callable[[list[str]], DictConfig]) -> None:
    """Check that a sweep over ``experiment`` has none that is a sweep itself: Hydra would ignore what it sweeps.

    Raises:
        ConfigError: For the first one.
    """
    if "experiment" not in _swept_groups(jobs):
        return
    for job in _first_of_each(jobs, "experiment"):
        name = _option(job, "experiment")
        if compose(_choices(job)).hydra.sweeper.params:
            raise ConfigError(
                f"experiment={name} is a sweep itself, so it cannot be one of several.",
                fix=f"run the command once for each, such as with experiment={name}.",
            )


def _swept_groups(jobs: Sequence[JobOverrides]) -> list[str]:
    """Keys without a dot that differ between jobs; a plain key is among them, and has no keys below it."""
    lines = {line: None for job in jobs for line in job if "." not in _key(line)}
    keys = [_key(line) for line in lines]
    return [key for key in dict.fromkeys(keys) if keys.count(key) > 1]


def _options_without(key: str, configs: dict[str, DictConfig]) -> list[str]:
    group, _, path = key.partition(".")
    lacking = [option for option, config in configs.items() if not _has(config, path)]
    if len(lacking) == len(configs):
        known = sorted({f"{group}.{name}" for config in configs.values() for name in _names(config) if name[0] != "_"})
        raise ConfigError(
            f"No {group} of this sweep has the key {key!r}: {', '.join(configs)}.{did_you_mean(key, known)}",
            fix=f"choose one of: {', '.join(known)}",
        )
    return lacking


def _options_not_named(lacking: Mapping[str, Sequence[str]], options: Collection[str]) -> list[str]:
    """The models that ``model.name`` is not for: all but that which alone has keys of its own among the overrides."""
    owners = {option for others in lacking.values() if others for option in options if option not in others}
    return [option for option in options if option not in owners] if len(owners) == 1 else []


def _has(config: object, path: str) -> bool:
    name, _, rest = path.partition(".")
    if name not in _names(config):
        return False
    node = cast("DictConfig", config)
    closed = OmegaConf.is_missing(node, name) or OmegaConf.is_interpolation(node, name)  # reading it may fail
    return not rest or (not closed and _has(node[name], rest))


def _names(config: object) -> list[str]:
    return [str(name) for name in config] if isinstance(config, DictConfig) else []


def _first_of_each(jobs: Sequence[JobOverrides], group: str) -> list[JobOverrides]:
    return list({_option(job, group): job for job in reversed(jobs)}.values())[::-1]


def _option(job: JobOverrides, group: str) -> str:
    return next((line.partition("=")[2] for line in job if _key(line) == group), "")


def _choices(job: JobOverrides) -> list[str]:
    return [line for line in job if "." not in _key(line)]


def _without(job: JobOverrides, key: str) -> JobOverrides:
    return tuple(line for line in job if _key(line) != key)


def _others(options: dict[str, DictConfig], lacking: Sequence[str]) -> str:
    return ", ".join(option for option in options if option not in lacking)


def _key(line: str) -> str:
    """The key of an override; an added one keeps its sign, since it is no key of an option."""
    return line.partition("=")[0].lstrip("~")
