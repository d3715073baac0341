"""Turns the errors of Hydra and OmegaConf into messages that say what to change."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from hydra import compose
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from arogya_bench.errors import ConfigError, did_you_mean

LAUNCHER_EXTRAS = {"joblib": "joblib", "ray": "ray", "submitit_slurm": "slurm", "submitit_local": "slurm"}
PRINT_CONFIG = "arogya-bench run --cfg job prints the config; docs/user-guide.md documents the keys."
# What Hydra and the YAML parser raise for configs and overrides that do not compose.
COMPOSE_ERRORS = (HydraException, OmegaConfBaseException, YAMLError, ValueError)


def option_error(error: MissingConfigException) -> ConfigError:
    """Convert an unknown option of a config group, naming the valid ones and the closest match."""
    group, _, name = str(error.missing_cfg_file or "").rpartition("/")
    options = sorted(error.options or [])
    fix = f"choose one of: {', '.join(options)}" if options else "correct the name."
    if group == "hydra/launcher" and name in LAUNCHER_EXTRAS:
        fix = f"pip install 'arogya-bench[{LAUNCHER_EXTRAS[name]}]', or {fix}"
    suggestion = did_you_mean(name, options)
    return ConfigError(f"There is no {group or 'config'} {name!r}.{suggestion}", fix=fix)


def composition_error(error: Exception, name: str, overrides: list[str]) -> ConfigError:
    """Convert any other of the ``COMPOSE_ERRORS``, naming the key and the file that caused it."""
    text = f"{error}\n{error.__cause__ or ''}"
    file = re.search(r"In '([^']+)'", text)
    location = f" in {file[1]}" if file else ""
    key_match = re.search(r"full_key: (\S+)|Could not override '([\w.]+)'", text)
    reason = first_line(error.__cause__ or error)
    if not key_match:
        return ConfigError(f"The config does not compose{location}: {reason}.", fix=PRINT_CONFIG)
    key = key_match[1] or key_match[2]
    if re.search(r"not in|No match", text):
        return _unknown_key_error(key, location, _known_keys(name, key, overrides))
    return ConfigError(f"{key}{location}: {reason}.", fix=f"give {key} a value of that type.")


def _unknown_key_error(key: str, location: str, known: Sequence[str]) -> ConfigError:
    """Suggest a key of the same group, or else one of a similar name in another group."""
    group, _, name = key.rpartition(".")
    siblings = [other for other in known if other.rpartition(".")[0] == group]
    suggestion = ""
    for keys in (known, siblings):
        by_name = {other.rpartition(".")[2]: other for other in keys}
        matches = get_close_matches(name, by_name, n=1)
        suggestion = f" Did you mean {by_name[matches[0]]!r}?" if matches else suggestion
    fix = f"choose one of: {', '.join(siblings)}" if siblings else PRINT_CONFIG
    if group == "sweep.resources":  # its keys are names of models, which no schema lists
        fix = f"add it: +{key}=VALUE"
    return ConfigError(f"There is no config key {key!r}{location}.{suggestion}", fix=fix)


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
