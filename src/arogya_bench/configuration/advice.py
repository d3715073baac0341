"""Turns the errors of Hydra and OmegaConf into messages that say what to change."""

import re
import shlex
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from arogya_bench.errors import ConfigError, UserError, did_you_mean, missing_extras
from arogya_bench.runtime.config_packages import group_configs

LAUNCHER_EXTRAS = {"joblib": "joblib", "ray": "ray", "submitit_slurm": "slurm", "submitit_local": "slurm"}
LAUNCHER_MODULES = {"joblib": "hydra_joblib_launcher", "ray": "hydra_ray_launcher", "slurm": "hydra_submitit_launcher"}
PRINT_CONFIG = "arogya-bench run --cfg job prints the config; docs/user-guide.md documents the keys."
NO_OPTION = "Config group override must be a string or a list"
LIST_FOR_VALUE = re.compile(r"Value '\[(.*)\]' of type '\w+' could not be|Cannot convert 'list' to string: '\[(.*)\]'")
# How OmegaConf calls types, in words.
TYPES = {"Integer": "a whole number", "Float": "a number", "Boolean": "true or false"}
# What Hydra and the YAML parser raise for configs and overrides that do not compose.
COMPOSE_ERRORS = (HydraException, OmegaConfBaseException, YAMLError, ValueError)


def option_error(error: MissingConfigException) -> UserError:
    """Convert an unknown option of a config group, naming the valid ones and the closest match.

    One that an extra brings, such as the launcher that ``pool`` stands on, is missing and not unknown.
    """
    group, _, name = str(error.missing_cfg_file or "").rpartition("/")
    options = sorted(error.options or (group and GlobalHydra.instance().config_loader().get_group_options(group)) or ())
    fix = f"choose one of: {', '.join(options)}" if options else "correct the name."
    if group == "hydra/launcher" and name in LAUNCHER_EXTRAS:
        return missing_extras([LAUNCHER_EXTRAS[name]], [LAUNCHER_MODULES[LAUNCHER_EXTRAS[name]]])
    if group == "dataset" and Path(name).exists():
        return path_error(name)
    suggestion = did_you_mean(name, options)
    return ConfigError(f"There is no {group or 'config'} {name!r}.{suggestion}", fix=fix)


def path_error(path: str) -> ConfigError:
    """Build the error for a folder or file in the place of the option that reads it."""
    setting = shlex.quote(f"dataset.path={path}")
    return ConfigError(
        f"dataset names {path!r}, which is a path and no dataset.",
        fix=f"name what reads it, and then the path: image_folder {setting} for a folder of classes. In run and "
        f"measure, write dataset=image_folder {setting}.",
    )


def composition_error(error: Exception, name: str, overrides: list[str]) -> ConfigError:
    """Convert any other of the ``COMPOSE_ERRORS``, naming the key and the file that caused it."""
    text = f"{error}\n{error.__cause__ or ''}"
    file = re.search(r"In '([^']+)'", text)
    location = f" in {file[1]}" if file else ""
    key_match = re.search(r"full_key: (\S+)|Could not override '([\w.]+)'", text)
    if present := re.search(r"An item is already at '([\w.]+)'|Multiple values for ([\w/]+)", text):
        key = present[1] or present[2]
        return ConfigError(f"{key} is set already, so +{key} cannot add it.", fix=f"write {key}=VALUE, without +.")
    reason = first_line(error.__cause__ or error)
    if NO_OPTION in reason:
        return _no_option_error(overrides)
    if not key_match:
        return ConfigError(f"The config does not compose{location}: {reason}.", fix=PRINT_CONFIG)
    key = key_match[1] or key_match[2]
    if re.search(r"not in|No match", text):
        return _unknown_key_error(key, location, _known_keys(name, key, overrides))
    if values := LIST_FOR_VALUE.search(reason):
        listed = re.sub(r"[\s']", "", values[1] or values[2])
        fix = f"write -m {shlex.quote(f'{key}={listed}')} for a sweep over them, or give it one value."
        return ConfigError(f"{key}{location} takes one value, not a list.", fix=fix)
    wanted = next((words for kind, words in TYPES.items() if f"to {kind}" in reason), "a value of that type")
    return ConfigError(f"{key}{location}: {reason}.", fix=f"give {key} {wanted}.")


def _no_option_error(overrides: Sequence[str]) -> ConfigError:
    lines = [line for line in overrides if line.partition("=")[2].strip().lower() in ("null", "~")]
    key = lines[-1].partition("=")[0] if lines else "the group"
    return ConfigError(
        f"{lines[-1] if lines else 'An override'} names no option.",
        fix=f"name one, which arogya-bench run --help lists, or leave {key} out.",
    )


def _unknown_key_error(key: str, location: str, known: Sequence[str]) -> ConfigError:
    """Suggest a key of the same group, or else one of a similar name in another group."""
    group, _, name = key.rpartition(".")
    if not key.startswith("hydra"):
        known = [other for other in known if not other.startswith("hydra.")]
    siblings = [other for other in known if other.rpartition(".")[0] == group]
    others = _options_with(group, name)
    suggestion = f" These options of {group} have it: {', '.join(others)}." if others else ""
    for keys in (known, siblings) if not others else ():
        by_name = {other.rpartition(".")[2]: other for other in keys}
        matches = get_close_matches(name, by_name, n=1)
        suggestion = f" Did you mean {by_name[matches[0]]!r}?" if matches else suggestion
    fix = f"choose one of: {', '.join(siblings)}" if siblings else PRINT_CONFIG
    if others:
        chosen = f"{group}={others[0] if len(others) == 1 else 'NAME'}"
        fix = f"choose {chosen} that has it{f', or {fix}' if siblings else '.'}"
    if group == "sweep.resources":  # its keys are names of models, which no schema lists
        fix = f"add it: +{key}=VALUE"
    return ConfigError(f"There is no config key {key!r}{location}.{suggestion}", fix=fix)


def _options_with(group: str, name: str) -> list[str]:
    """The options of a config group whose files have a key."""
    files = group_configs(group) if re.fullmatch(r"\w+", group) else ()
    return [
        file.name.removesuffix(".yaml")
        for file in files
        if re.search(rf"^{re.escape(name)}:", file.read_text("utf-8"), re.MULTILINE)
    ]


def _known_keys(name: str, wrong_key: str, overrides: Sequence[str]) -> list[str]:
    """List the config keys, composed with as many of the other overrides as possible."""
    others = [line for line in overrides if not line.lstrip("+~").startswith(wrong_key)]
    groups = [line for line in others if "." not in line.partition("=")[0]]
    for remaining in (others, groups, []):
        try:
            return sorted(_keys(compose(name, remaining, return_hydra_config=True), ""))
        except COMPOSE_ERRORS:  # another mistake, which the next attempt will report
            continue
    return []


def _keys(node: DictConfig, prefix: str) -> Iterator[str]:
    for key in map(str, node):
        if not key.startswith("_"):
            yield f"{prefix}{key}"
        if OmegaConf.is_missing(node, key) or OmegaConf.is_interpolation(node, key):
            continue  # it has no keys of its own, and reading it may fail
        child = node[key]
        if isinstance(child, DictConfig):
            yield from _keys(child, f"{prefix}{key}.")


def first_line(error: BaseException) -> str:
    """The reason of an error, without the text that Hydra wraps around it."""
    if isinstance(error, YAMLError):  # file and line number are not on its first line
        return " ".join(str(error).split())
    text = str(error).rpartition("raised while composing config:\n")[2]
    return text.splitlines()[0].rstrip(".")
