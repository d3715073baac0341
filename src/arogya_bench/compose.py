"""From a command line to jobs: Hydra composes here, and its errors become advice."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_dir, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from arogya_bench.errors import ConfigError, nearest
from arogya_bench.jobs import Job
from arogya_bench.schema import job_of, register

CONFIGS = "arogya_bench.conf"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for on the command line.

    Attributes:
        overrides: In Hydra's language, such as ``model=a,b``.
        multirun: Whether commas mean a sweep; a config can ask for it too.
        config_dir: A folder of the user's own options, beside ours.
        config_path: A folder that holds the user's own primary config.
        config_name: The primary config.
    """

    overrides: tuple[str, ...] = ()
    multirun: bool = False
    config_dir: str | None = None
    config_path: str | None = None
    config_name: str = "config"


def jobs(request: Request) -> tuple[Job, ...]:
    """Compose and check every job that a request asks for.

    Raises:
        ConfigError: At the first name, type or value that is wrong.
    """
    with _hydra(request):
        parsed = _parsed(request.overrides)
        plain = [each.input_line for each in parsed if not each.is_sweep_override()]
        base = _composed(request, [line for line in plain if line])
        multirun = request.multirun or str(base.hydra.mode) == "RunMode.MULTIRUN"
        lines = list((base.hydra.sweeper.params or {}).items()) if multirun else []
        from_config = _parsed([f"{key}={value}" for key, value in lines])
        return tuple(
            _job(_composed(request, list(combination)))
            for combination in _combinations([*from_config, *parsed], multirun=multirun)
        )


def printed(request: Request) -> str:
    """The composed config of a single run, as YAML with its interpolations."""
    with _hydra(request):
        return OmegaConf.to_yaml(_without_hydra(_composed(request, list(request.overrides))))


def _job(config: DictConfig) -> Job:
    return job_of(_without_hydra(config), config.hydra.runtime.choices)


def _without_hydra(config: DictConfig) -> DictConfig:
    kept = [str(key) for key in config if key != "hydra"]
    return OmegaConf.masked_copy(config, cast("list[Any]", kept))


@contextmanager
def _hydra(request: Request) -> Iterator[None]:
    """Open the configs for composing, without disturbing a Hydra that is open already."""
    register()
    open_now = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    folder = request.config_path
    try:
        if folder and not folder.startswith("pkg://"):
            with initialize_config_dir(str(Path(folder).resolve()), version_base="1.3"):
                yield
        else:
            module = (folder or CONFIGS).removeprefix("pkg://").replace("/", ".")
            with initialize_config_module(module, version_base="1.3"):
                yield
    finally:
        GlobalHydra.instance().hydra = open_now


def _parsed(lines: Sequence[str]) -> list[Override]:
    try:
        return list(OverridesParser.create().parse_overrides(list(lines)))
    except HydraException as error:
        raise ConfigError(
            f"Not in Hydra's language: {str(error).splitlines()[0]}",
            fix="write overrides as key=value; quote what the shell would split: 'key=[a,b]'.",
        ) from error


def _combinations(overrides: Sequence[Override], *, multirun: bool) -> Iterator[tuple[str, ...]]:
    """Every combination of a sweep, in Hydra's order; later overrides win over earlier ones."""
    latest = {each.get_key_element(): each for each in overrides}
    choices: list[list[str]] = []
    for each in latest.values():
        if each.is_sweep_override() and not multirun:
            raise ConfigError(
                f"{each.input_line} names several values, and this is a single run.",
                fix="add -m to run all of them.",
            )
        if each.is_sweep_override():
            key = each.get_key_element()
            choices.append([f"{key}={value}" for value in each.sweep_string_iterator()])
        else:
            choices.append([str(each.input_line)])
    yield from product(*choices)


def _composed(request: Request, overrides: list[str]) -> DictConfig:
    if request.config_dir:
        if not Path(request.config_dir).is_dir():
            raise ConfigError(
                f"--config-dir {request.config_dir} is not a folder.", fix="name a folder of YAML."
            )
        overrides = [*overrides, f"hydra.searchpath=[file://{Path(request.config_dir).resolve()}]"]
    try:
        config: DictConfig = compose(
            request.config_name, overrides=overrides, return_hydra_config=True
        )
    except MissingConfigException as error:
        raise _option_error(error) from error
    except (ConfigCompositionException, OmegaConfBaseException, HydraException) as error:
        raise _key_error(error, request) from error
    return config


def _option_error(error: MissingConfigException) -> ConfigError:
    group, _, name = str(error.missing_cfg_file or "").rpartition("/")
    options = sorted(error.options or [])
    return ConfigError(
        f"There is no {group or 'config'} {name!r}.{nearest(name, options)}",
        fix=f"choose one of: {', '.join(options)}" if options else "correct the name.",
    )


def _key_error(error: Exception, request: Request) -> ConfigError:
    """Name the key that Hydra stumbled over, and the nearest one that exists."""
    text = str(error)
    found = re.search(r"(?:full_key: |Could not override '|Key ')([\w.@/]+)", text)
    cause = error.__cause__
    reason = str(cause).splitlines()[0] if cause else text.splitlines()[0]
    key = found.group(1) if found else ""
    if not key or "not in" not in text:
        return ConfigError(
            f"The config does not compose: {reason}",
            fix="arogya-bench run --cfg job prints the config; docs/user-guide.md lists the keys.",
        )
    known = _known_keys(request)
    group = key.rpartition(".")[0]
    siblings = [each for each in known if each.rpartition(".")[0] == group]
    return ConfigError(
        f"There is no config key {key!r}.{nearest(key, known)}",
        fix=f"keys here: {', '.join(siblings)}" if siblings else f"groups: {_groups(known)}",
    )


def _known_keys(request: Request) -> list[str]:
    config = compose(request.config_name, return_hydra_config=False)
    keys: list[str] = []
    stack: list[tuple[str, DictConfig]] = [("", config)]
    while stack:
        prefix, node = stack.pop()
        for key in map(str, node):
            keys.append(f"{prefix}{key}")
            if OmegaConf.is_dict(node) and OmegaConf.is_dict(node._get_node(key)):
                stack.append((f"{prefix}{key}.", cast("DictConfig", node[key])))
    return sorted(keys)


def _groups(known: Sequence[str]) -> str:
    return ", ".join(sorted({each.partition(".")[0] for each in known}))
