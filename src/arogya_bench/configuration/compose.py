"""From a command line to jobs: Hydra composes here, and its errors become advice."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from hydra import compose, initialize_config_dir, initialize_config_module
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException
from rich.markup import escape

from arogya_bench.configuration.advice import (
    COMPOSE_ERRORS,
    composition_error,
    first_line,
    option_error,
)
from arogya_bench.configuration.loader import CachingConfigLoader
from arogya_bench.configuration.root import register_schema
from arogya_bench.configuration.schema import build_job
from arogya_bench.errors import ConfigError
from arogya_bench.evaluation.job import Job
from arogya_bench.runtime import config_packages
from arogya_bench.runtime.console import echo
from arogya_bench.runtime.gc_pause import gc_paused

CONFIG_MODULE = "arogya_bench.conf"


@dataclass(frozen=True, kw_only=True)
class RunRequest:
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


@dataclass(frozen=True, kw_only=True)
class Composition:
    """One job of a sweep.

    Attributes:
        overrides: What tells it from the bare config, in Hydra's language, without Hydra's own keys.
        job: What they came to, checked.
    """

    overrides: tuple[str, ...]
    job: Job


@dataclass(frozen=True, kw_only=True)
class Study:
    """Everything that a request asks for, composed.

    Attributes:
        compositions: In Hydra's order.
        config: Of the sweep itself, with Hydra's own keys, among them the launcher.
        loader: Hydra's, with which launchers compose each job again where it runs.
    """

    compositions: tuple[Composition, ...]
    config: DictConfig
    loader: ConfigLoader


@contextmanager
def compose_sweep(request: RunRequest) -> Iterator[Study]:
    """Compose and check every job that a request asks for; Hydra stays open meanwhile.

    Raises:
        ConfigError: At the first name, type or value that is wrong.
    """
    with _open_hydra(request):
        parsed = _parse_overrides(request.overrides)
        plain = [each.input_line for each in parsed if not each.is_sweep_override()]
        base = _compose_config(request, [line for line in plain if line])
        multirun = request.multirun or str(base.hydra.mode) == "RunMode.MULTIRUN"
        lines = list((base.hydra.sweeper.params or {}).items()) if multirun else []
        from_config = _parse_overrides([f"{key}={value}" for key, value in lines])
        _check_grid(base, [*from_config, *parsed])
        combinations = _combinations([*from_config, *parsed], multirun=multirun)
        with gc_paused():
            compositions = tuple(_compose_job(request, each) for each in combinations)
        yield Study(
            compositions=compositions,
            config=base,
            loader=GlobalHydra.instance().config_loader(),
        )


def compose_jobs(request: RunRequest) -> tuple[Job, ...]:
    """Compose and check every job that a request asks for.

    Raises:
        ConfigError: At the first name, type or value that is wrong.
    """
    with compose_sweep(request) as study:
        return tuple(each.job for each in study.compositions)


def _compose_job(request: RunRequest, overrides: Sequence[str]) -> Composition:
    """Compose one job.

    Raises:
        ConfigError: If it cannot be, or makes no sense.
    """
    config = _compose_config(request, list(overrides))
    kept = tuple(word for word in overrides if not _is_hydra_key(word))
    return Composition(overrides=kept, job=_build_job(config))


def _is_hydra_key(override: str) -> bool:
    return override.lstrip("+~").startswith(("hydra.", "hydra/"))


def _check_grid(config: DictConfig, overrides: Sequence[Override]) -> None:
    """Refuse what would search instead of comparing, and a sweep over Hydra's own keys."""
    sweeper = str(config.hydra.sweeper.get("_target_"))
    if not sweeper.endswith(".BasicSweeper"):
        raise ConfigError(
            f"hydra/sweeper {sweeper} searches; a benchmark compares everything with everything.",
            fix="leave hydra/sweeper out.",
        )
    own = [
        each for each in overrides if each.is_sweep_override() and _is_hydra_key(each.input_line)
    ]
    if own:
        raise ConfigError(
            f"{own[0].input_line} is Hydra's own key, and one sweep has one of each.",
            fix=f"give {own[0].get_key_element()} one value.",
        )


def render_config(request: RunRequest, part: str = "job") -> str:
    """The composed config of a single run, as YAML with its interpolations.

    Args:
        request: What was asked for.
        part: ``job`` for our keys, ``hydra`` for Hydra's own, among them the launcher's.
    """
    with _open_hydra(request):
        several = [each for each in _parse_overrides(request.overrides) if each.is_sweep_override()]
        if several:
            raise ConfigError(
                f"{several[0].input_line} asks for several jobs, and --cfg {part} prints one.",
                fix=f"give {several[0].get_key_element()} one value.",
            )
        config = _compose_config(request, list(request.overrides))
        if part == "hydra":
            return OmegaConf.to_yaml(OmegaConf.masked_copy(config, "hydra"))
        return OmegaConf.to_yaml(_without_hydra(config))


def _build_job(config: DictConfig) -> Job:
    try:
        choices = dict(config.hydra.runtime.choices)
        return build_job(_without_hydra(config), choices)
    except OmegaConfBaseException as error:
        raise ConfigError(
            f"{error.full_key or 'The config'} has no value: {first_line(error)}.",
            fix=f"set {error.full_key or 'it'}; arogya-bench run --cfg job prints the config.",
        ) from error


def _without_hydra(config: DictConfig) -> DictConfig:
    """Take Hydra's own node out of a config that was composed here, without a copy."""
    with open_dict(config), read_write(config):
        del config["hydra"]
    return config


@contextmanager
def _open_hydra(request: RunRequest) -> Iterator[None]:
    """Open the configs for composing, without disturbing a Hydra that is open already."""
    register_schema()
    open_now = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with _open_primary_config(request.config_path):
            hydra = GlobalHydra.instance().hydra
            hydra.config_loader = CachingConfigLoader(hydra.config_loader.get_search_path())
            if request.config_dir:
                _add_search_path(f"file://{_resolve_folder('--config-dir', request.config_dir)}")
            _add_config_packages()
            yield
    finally:
        GlobalHydra.instance().hydra = open_now


def _open_primary_config(folder: str | None) -> "initialize_config_dir | initialize_config_module":
    if folder and not folder.startswith("pkg://"):
        return initialize_config_dir(_resolve_folder("--config-path", folder), version_base="1.3")
    module = (folder or CONFIG_MODULE).removeprefix("pkg://").replace("/", ".")
    return initialize_config_module(module, version_base="1.3")


def _resolve_folder(option: str, name: str) -> str:
    if not Path(name).is_dir():
        raise ConfigError(f"{option} {name} is not a folder.", fix="name a folder of YAML files.")
    return str(Path(name).resolve())


def _add_search_path(source: str) -> None:
    """Search a place after all others, as Hydra's own ``--config-dir`` does."""
    loader = GlobalHydra.instance().config_loader()
    path = loader.get_search_path()
    path.prepend("command-line", source, SearchPathQuery(provider="schema"))
    loader.repository.initialize_sources(path)


def _add_config_packages() -> None:
    """Search what other distributions bring, after ours, so that they add and replace nothing."""
    _add_search_path(
        f"pkg://{CONFIG_MODULE}"
    )  # it is not the first where the user has a root config of their own
    for package in config_packages.discover():
        if package.message:
            echo(f"[yellow]{escape(package.message)}[/]")
        if not package.error:
            _add_search_path(f"pkg://{package.name}")


def _parse_overrides(lines: Sequence[str]) -> list[Override]:
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    try:
        return list(parser.parse_overrides(list(lines)))
    except HydraException as error:
        noise = ("Error parsing", "See ", "^")
        reasons = (line for line in str(error).splitlines() if not line.strip().startswith(noise))
        raise ConfigError(
            f"{getattr(error, 'override', None)!r} is not in Hydra's language: {next(reasons)}.",
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
        choices.append(_sweep_values(each) if each.is_sweep_override() else [str(each.input_line)])
    yield from product(*choices)


def _sweep_values(override: Override) -> list[str]:
    key = override.get_key_element()
    try:
        values = [f"{key}={value}" for value in override.sweep_string_iterator()]
    except HydraException as error:  # an interval, which only a search could sweep
        raise ConfigError(
            f"{override.input_line} cannot be enumerated: {first_line(error)}.",
            fix=f"list the values, such as {key}=1,2, or give {key}=range(1,10).",
        ) from error
    if not values:
        raise ConfigError(f"{override.input_line} matches nothing.", fix="widen the pattern.")
    return values


def _compose_config(request: RunRequest, overrides: list[str]) -> DictConfig:
    try:
        config: DictConfig = compose(
            request.config_name, overrides=overrides, return_hydra_config=True
        )
    except MissingConfigException as error:
        raise option_error(error) from error
    except COMPOSE_ERRORS as error:
        raise composition_error(error, request.config_name, overrides) from error
    return config
