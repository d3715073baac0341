"""What Hydra raises for configs that do not compose, turned into advice."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from hydra import compose
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from arogya_bench.errors import ConfigError, did_you_mean

LAUNCHER_EXTRAS = {
    "joblib": "joblib",
    "ray": "ray",
    "submitit_slurm": "slurm",
    "submitit_local": "slurm",
}
PRINT_CONFIG = "arogya-bench run --cfg job prints the config; docs/user-guide.md lists the keys."
# What Hydra and the YAML reader raise for configs and overrides that cannot be composed.
COMPOSE_ERRORS = (HydraException, OmegaConfBaseException, YAMLError, ValueError)


def option_error(error: MissingConfigException) -> ConfigError:
    """Name the options that there are, and the one that may have been meant."""
    group, _, name = str(error.missing_cfg_file or "").rpartition("/")
    options = sorted(error.options or [])
    fix = f"choose one of: {', '.join(options)}" if options else "correct the name."
    if group == "hydra/launcher" and name in LAUNCHER_EXTRAS:
        fix = f"pip install 'arogya-bench[{LAUNCHER_EXTRAS[name]}]', or {fix}"
    meant = did_you_mean(name, options)
    return ConfigError(f"There is no {group or 'config'} {name!r}.{meant}", fix=fix)


def composition_error(error: Exception, name: str, overrides: list[str]) -> ConfigError:
    """Name the key and the file that Hydra stumbled over."""
    text = f"{error}\n{error.__cause__ or ''}"
    file = re.search(r"In '([^']+)'", text)
    place = f" in {file[1]}" if file else ""
    found = re.search(r"full_key: (\S+)|Could not override '([\w.]+)'", text)
    reason = first_line(error.__cause__ or error)
    if not found:
        return ConfigError(
            f"The config does not compose{place}: {reason}.",
            fix=PRINT_CONFIG,
        )
    key = found[1] or found[2]
    if re.search(r"not in|No match", text):
        return _key_error(key, place, _known_keys(name, key, overrides))
    return ConfigError(f"{key}{place}: {reason}.", fix=f"give {key} a value of that type.")


def _key_error(key: str, place: str, known: Sequence[str]) -> ConfigError:
    """Say which key may have been meant: one of the same group, else one of that name elsewhere."""
    group, _, name = key.rpartition(".")
    siblings = [each for each in known if each.rpartition(".")[0] == group]
    meant = ""
    for keys in (known, siblings):
        names = {each.rpartition(".")[2]: each for each in keys}
        close = get_close_matches(name, names, n=1)
        meant = f" Did you mean {names[close[0]]!r}?" if close else meant
    fix = f"choose one of: {', '.join(siblings)}" if siblings else PRINT_CONFIG
    if group == "sweep.resources":  # of a model, whose name nobody knew before
        fix = f"add it: +{key}=VALUE"
    return ConfigError(f"There is no config key {key!r}{place}.{meant}", fix=fix)


def _known_keys(name: str, wrong_key: str, overrides: Sequence[str]) -> list[str]:
    """Every key of the config without the wrong one, or else of its groups, or of the bare one."""
    others = [line for line in overrides if not line.lstrip("+~").startswith(wrong_key)]
    groups = [line for line in others if "." not in line.partition("=")[0]]
    for words in (others, groups, []):
        try:
            return sorted(_keys(compose(name, words, return_hydra_config=True), ""))
        except COMPOSE_ERRORS:  # a second mistake: the next message will be about that one
            continue
    return []


def _keys(node: DictConfig, prefix: str) -> Iterator[str]:
    for key in map(str, node):
        child = node._get_node(key)
        if not key.startswith("_"):
            yield f"{prefix}{key}"
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            yield from _keys(child, f"{prefix}{key}.")


def first_line(error: BaseException) -> str:
    """The reason of an error, without what Hydra puts around it."""
    if isinstance(error, YAMLError):  # its first line lacks the file and the place in it
        return " ".join(str(error).split())
    text = str(error).rpartition("raised while composing config:\n")[2]
    return text.splitlines()[0].rstrip(".")
