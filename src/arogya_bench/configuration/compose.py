"""From a command line to typed jobs: Hydra composes the configs, and its errors become advice."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from hydra import compose, initialize_config_dir, initialize_config_module
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import MissingConfigException
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException
from rich.markup import escape

from arogya_bench.configuration.advice import COMPOSE_ERRORS, composition_error, first_line, option_error
from arogya_bench.configuration.composed_config import check_added_keys
from arogya_bench.configuration.loader import CachingConfigLoader, ComposedConfigs
from arogya_bench.configuration.option_keys import AssignedKeys, assign_keys, check_studies
from arogya_bench.configuration.overrides import check_sweep, expand_sweep, is_hydra_override, parse_overrides
from arogya_bench.configuration.root import register_schema
from arogya_bench.errors import ConfigError
from arogya_bench.runtime import config_packages
from arogya_bench.runtime.console import echo
from arogya_bench.runtime.gc_pause import gc_paused

if TYPE_CHECKING:
    from arogya_bench.evaluation.job import Job

CONFIG_MODULE = "arogya_bench.conf"
GROUPS_WITH_OWN_KEYS = ("model", "dataset", "augmentation", "metric", "measure")


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What was requested on the command line.

    Attributes:
        overrides: In Hydra's grammar, such as ``model=a,b``.
        multirun: Whether to run every combination of comma-separated values; a config can set it too.
        sweeps: Whether the command can have several jobs; false for one that reads one dataset.
        config_dir: A folder with additional config groups of the user.
        config_path: A folder with a primary config of the user.
    """

    overrides: tuple[str, ...] = ()
    multirun: bool = False
    sweeps: bool = True
    config_dir: str | None = None
    config_path: str | None = None
    config_name: str = "config"


# What was composed for a request that is still in use: it is checked before, and run after, the slow imports.
_COMPOSED: WeakKeyDictionary[RunRequest, ComposedConfigs] = WeakKeyDictionary()


@dataclass(frozen=True, kw_only=True)
class ComposedSweep:
    """The jobs of a request, and what a launcher needs to compose them again.

    Attributes:
        jobs: In Hydra's order.
        config: The config of the sweep itself, with Hydra's own node, which holds the launcher.
        loader: Composes the config of each job in the process that executes it.
    """

    jobs: "tuple[Job, ...]"
    config: DictConfig
    loader: ConfigLoader


@contextmanager
def compose_sweep(request: RunRequest) -> Iterator[ComposedSweep]:
    """Compose and check every job of a request, and keep Hydra open for the launcher.

    Raises:
        ConfigError: For the first invalid name, type or value.
    """
    with _open_hydra(request):
        base, assigned = _expand(request)
        for note in assigned.notes:
            echo(escape(note))
        with gc_paused():
            jobs = tuple(_compose_job(request, overrides) for overrides in assigned.jobs)
        yield ComposedSweep(jobs=jobs, config=base, loader=GlobalHydra.instance().config_loader())


def check_overrides(request: RunRequest) -> None:
    """Compose the configs of a request without typing their jobs, whose imports take longer than a wrong word may.

    Raises:
        ConfigError: For the first override, name or key that does not compose.
    """
    with _open_hydra(request):
        for overrides in _expand(request)[1].jobs:
            _compose_config(request, list(overrides))


def compose_jobs(request: RunRequest) -> "tuple[Job, ...]":
    """Compose and check every job of a request; ConfigError for the first invalid name, type or value."""
    with compose_sweep(request) as sweep:
        return sweep.jobs


def render_config(request: RunRequest, part: str = "job") -> str:
    """Render the composed config of a single run as YAML, with its interpolations.

    ``part`` is ``job`` for the keys of the job, or ``hydra`` for Hydra's own, including the launcher's.

    Raises:
        ConfigError: If the request does not compose, or is a sweep.
    """
    with _open_hydra(request):
        overrides = parse_overrides(request.overrides)
        for override in overrides:
            if override.is_sweep_override():
                raise ConfigError(
                    f"{override.input_line} selects several jobs, but --cfg {part} prints one.",
                    fix=f"give {override.get_key_element()} one value.",
                )
        config = _compose_config(request, [str(override.input_line) for override in overrides])
        if part == "hydra":
            return OmegaConf.to_yaml(OmegaConf.masked_copy(config, "hydra"))
        return OmegaConf.to_yaml(_without_hydra(config))


def compose_option(group: str, name: str) -> DictConfig:
    """Compose one option of a config group, such as a price list; ConfigError if there is none of that name."""
    request = RunRequest()
    with _open_hydra(request):
        option: DictConfig = _compose_config(request, [f"{group}={name}"])[group]
    return option


def list_options(group: str) -> list[str]:
    """The names of the options of a config group, such as ``model``, those of other packages among them."""
    with _open_hydra(RunRequest()):
        return sorted(GlobalHydra.instance().config_loader().get_group_options(group))


def _expand(request: RunRequest) -> tuple[DictConfig, AssignedKeys]:
    """The config of the sweep itself, and the overrides of each of its jobs."""
    parsed = parse_overrides(request.overrides, sweeps=request.sweeps)
    base = _compose_config(request, [str(override.input_line) for override in parsed if _is_for_all_jobs(override)])
    multirun = request.multirun or (request.sweeps and str(base.hydra.mode) == "RunMode.MULTIRUN")
    params = (base.hydra.sweeper.params or {}) if multirun else {}
    overrides = [*parse_overrides([f"{key}={params[key]}" for key in params]), *parsed]
    check_sweep(base, overrides)
    jobs = list(expand_sweep(overrides, multirun=multirun, sweeps=request.sweeps))
    compose_options = partial(_compose_config, request)
    check_studies(jobs, compose_options)
    return base, assign_keys(jobs, compose_options)


def _is_for_all_jobs(override: Override) -> bool:
    """Whether an override has one value, for a key that each option has."""
    group = override.key_or_group.partition(".")
    return not override.is_sweep_override() and not (group[0] in GROUPS_WITH_OWN_KEYS and group[1])


def _compose_job(request: RunRequest, overrides: Sequence[str]) -> "Job":
    """Compose and type one job; what types it takes a second to import, which a misspelt override need not wait for."""
    config = _compose_config(request, list(overrides))
    job_overrides = tuple(override for override in overrides if not is_hydra_override(override))
    from arogya_bench.configuration.schema import build_job

    try:
        choices = dict(config.hydra.runtime.choices)
        return build_job(_without_hydra(config), choices, job_overrides)
    except OmegaConfBaseException as error:
        raise ConfigError(
            f"{error.full_key or 'The config'} has no value: {first_line(error)}.",
            fix=f"set {error.full_key or 'it'}; arogya-bench run --cfg job prints the config.",
        ) from error


def _compose_config(request: RunRequest, overrides: list[str]) -> DictConfig:
    try:
        config: DictConfig = compose(request.config_name, overrides=overrides, return_hydra_config=True)
    except MissingConfigException as error:
        raise option_error(error) from error
    except COMPOSE_ERRORS as error:
        raise composition_error(error, request.config_name, overrides) from error
    check_added_keys(config, overrides)
    return config


def _without_hydra(config: DictConfig) -> DictConfig:
    """Remove Hydra's own node in place: a copy of a composed config is slow."""
    with open_dict(config), read_write(config):
        del config["hydra"]
    return config


@contextmanager
def _open_hydra(request: RunRequest) -> Iterator[None]:
    """Open Hydra for composing, and restore the instance that was open before."""
    register_schema()
    previous = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with _open_primary_config(request.config_path):
            hydra = GlobalHydra.instance().hydra
            first = request not in _COMPOSED
            composed = _COMPOSED.setdefault(request, {})
            hydra.config_loader = CachingConfigLoader(hydra.config_loader.get_search_path(), composed)
            if request.config_dir:
                _add_search_path(f"file://{_resolve_folder('--config-dir', request.config_dir)}")
            _add_config_packages(announce=first)
            yield
    finally:
        GlobalHydra.instance().hydra = previous


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
    """Append a config source after all others, as Hydra's own ``--config-dir`` does."""
    loader = GlobalHydra.instance().config_loader()
    search_path = loader.get_search_path()
    search_path.prepend("command-line", source, SearchPathQuery(provider="schema"))
    loader.repository.initialize_sources(search_path)


def _add_config_packages(*, announce: bool) -> None:
    """Append the configs of other distributions after ours, so that they cannot replace any."""
    _add_search_path(f"pkg://{CONFIG_MODULE}")  # missing if the primary config is the user's own
    for package in config_packages.discover():
        if package.message and announce:
            echo(f"[yellow]{escape(package.message)}[/]")
        if not package.error:
            _add_search_path(f"pkg://{package.name}")
