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
    UNCOMPOSABLE,
    composition_error,
    first_line,
    option_error,
)
from arogya_bench.configuration.loader import Loader
from arogya_bench.configuration.root import register
from arogya_bench.configuration.schema import job_of
from arogya_bench.errors import ConfigError
from arogya_bench.evaluation.job import Job
from arogya_bench.runtime import config_packages
from arogya_bench.runtime.console import say
from arogya_bench.runtime.gc_pause import collector_paused

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


@dataclass(frozen=True, kw_only=True)
class Composition:
    """One job of a sweep.

    Attributes:
        words: What tells it from the bare config, in Hydra's language, without Hydra's own keys.
        job: What they came to, checked.
    """

    words: tuple[str, ...]
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
def opened(request: Request) -> Iterator[Study]:
    """Compose and check every job that a request asks for; Hydra stays open meanwhile.

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
        _require_grid(base, [*from_config, *parsed])
        combinations = _combinations([*from_config, *parsed], multirun=multirun)
        with collector_paused():
            compositions = tuple(_composition(request, each) for each in combinations)
        yield Study(
            compositions=compositions,
            config=base,
            loader=GlobalHydra.instance().config_loader(),
        )


def jobs(request: Request) -> tuple[Job, ...]:
    """Compose and check every job that a request asks for.

    Raises:
        ConfigError: At the first name, type or value that is wrong.
    """
    with opened(request) as study:
        return tuple(each.job for each in study.compositions)


def _composition(request: Request, words: Sequence[str]) -> Composition:
    """Compose one job.

    Raises:
        ConfigError: If it cannot be, or makes no sense.
    """
    config = _composed(request, list(words))
    kept = tuple(word for word in words if not _is_hydras(word))
    return Composition(words=kept, job=_job(config))


def _is_hydras(word: str) -> bool:
    return word.lstrip("+~").startswith(("hydra.", "hydra/"))


def _require_grid(config: DictConfig, overrides: Sequence[Override]) -> None:
    """Refuse what would search instead of comparing, and a sweep over Hydra's own keys."""
    sweeper = str(config.hydra.sweeper.get("_target_"))
    if not sweeper.endswith(".BasicSweeper"):
        raise ConfigError(
            f"hydra/sweeper {sweeper} searches; a benchmark compares everything with everything.",
            fix="leave hydra/sweeper out.",
        )
    own = [each for each in overrides if each.is_sweep_override() and _is_hydras(each.input_line)]
    if own:
        raise ConfigError(
            f"{own[0].input_line} is Hydra's own key, and one sweep has one of each.",
            fix=f"give {own[0].get_key_element()} one value.",
        )


def printed(request: Request, part: str = "job") -> str:
    """The composed config of a single run, as YAML with its interpolations.

    Args:
        request: What was asked for.
        part: ``job`` for our keys, ``hydra`` for Hydra's own, among them the launcher's.
    """
    with _hydra(request):
        several = [each for each in _parsed(request.overrides) if each.is_sweep_override()]
        if several:
            raise ConfigError(
                f"{several[0].input_line} asks for several jobs, and --cfg {part} prints one.",
                fix=f"give {several[0].get_key_element()} one value.",
            )
        config = _composed(request, list(request.overrides))
        if part == "hydra":
            return OmegaConf.to_yaml(OmegaConf.masked_copy(config, "hydra"))
        return OmegaConf.to_yaml(_without_hydra(config))


def _job(config: DictConfig) -> Job:
    try:
        choices = dict(config.hydra.runtime.choices)
        return job_of(_without_hydra(config), choices)
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
def _hydra(request: Request) -> Iterator[None]:
    """Open the configs for composing, without disturbing a Hydra that is open already."""
    register()
    open_now = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with _primary(request.config_path):
            hydra = GlobalHydra.instance().hydra
            hydra.config_loader = Loader(hydra.config_loader.get_search_path())
            if request.config_dir:
                _add(f"file://{_folder('--config-dir', request.config_dir)}")
            _add_packages()
            yield
    finally:
        GlobalHydra.instance().hydra = open_now


def _primary(folder: str | None) -> "initialize_config_dir | initialize_config_module":
    if folder and not folder.startswith("pkg://"):
        return initialize_config_dir(_folder("--config-path", folder), version_base="1.3")
    module = (folder or CONFIGS).removeprefix("pkg://").replace("/", ".")
    return initialize_config_module(module, version_base="1.3")


def _folder(option: str, name: str) -> str:
    if not Path(name).is_dir():
        raise ConfigError(f"{option} {name} is not a folder.", fix="name a folder of YAML files.")
    return str(Path(name).resolve())


def _add(place: str) -> None:
    """Search a place after all others, as Hydra's own ``--config-dir`` does."""
    loader = GlobalHydra.instance().config_loader()
    path = loader.get_search_path()
    path.prepend("command-line", place, SearchPathQuery(provider="schema"))
    loader.repository.initialize_sources(path)


def _add_packages() -> None:
    """Search what other distributions bring, after ours, so that they add and replace nothing."""
    _add(f"pkg://{CONFIGS}")  # it is not the first where the user has a root config of their own
    for package in config_packages.announced():
        if package.complaint:
            say(f"[yellow]{escape(package.complaint)}[/]")
        if not package.fault:
            _add(f"pkg://{package.name}")


def _parsed(lines: Sequence[str]) -> list[Override]:
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
        choices.append(_values(each) if each.is_sweep_override() else [str(each.input_line)])
    yield from product(*choices)


def _values(override: Override) -> list[str]:
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


def _composed(request: Request, overrides: list[str]) -> DictConfig:
    try:
        config: DictConfig = compose(
            request.config_name, overrides=overrides, return_hydra_config=True
        )
    except MissingConfigException as error:
        raise option_error(error) from error
    except UNCOMPOSABLE as error:
        raise composition_error(error, request.config_name, overrides) from error
    return config
