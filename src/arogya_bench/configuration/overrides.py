"""Hydra's override grammar: parse overrides, and expand those of a sweep into single jobs."""

from collections.abc import Iterator, Sequence
from itertools import product

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig

from arogya_bench.configuration.advice import first_line
from arogya_bench.errors import ConfigError


def parse_overrides(lines: Sequence[str]) -> list[Override]:
    """Parse overrides with the Hydra instance that is open; ConfigError if one does not follow Hydra's grammar."""
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    try:
        return list(parser.parse_overrides(list(lines)))
    except HydraException as error:
        noise = ("Error parsing", "See ", "^")
        reasons = (line for line in str(error).splitlines() if not line.strip().startswith(noise))
        raise ConfigError(
            f"{getattr(error, 'override', None)!r} is not a valid override: {next(reasons)}.",
            fix="write overrides as key=value; quote what the shell would split: 'key=[a,b]'.",
        ) from error


def is_hydra_override(override: str) -> bool:
    """Whether an override changes Hydra's own keys instead of those of a job."""
    return override.lstrip("+~").startswith(("hydra.", "hydra/"))


def check_sweep(config: DictConfig, overrides: Sequence[Override]) -> None:
    """Check that the sweeper enumerates its jobs, and varies no key of Hydra itself."""
    sweeper = str(config.hydra.sweeper.get("_target_"))
    if not sweeper.endswith(".BasicSweeper"):
        raise ConfigError(
            f"hydra/sweeper {sweeper} searches the parameter space, but a benchmark runs every combination.",
            fix="remove the override of hydra/sweeper.",
        )
    for override in overrides:
        if override.is_sweep_override() and is_hydra_override(override.input_line):
            raise ConfigError(
                f"{override.input_line} gives several values to a key of Hydra itself, which all "
                "jobs of a sweep share.",
                fix=f"give {override.get_key_element()} one value.",
            )


def expand_sweep(overrides: Sequence[Override], *, multirun: bool) -> Iterator[tuple[str, ...]]:
    """Expand a sweep into the overrides of each job, in Hydra's order.

    Of several overrides of one key, the last one counts.

    Raises:
        ConfigError: For several values in a single run, or values that cannot be listed.
    """
    last_by_key = {override.get_key_element(): override for override in overrides}
    choices: list[list[str]] = []
    for override in last_by_key.values():
        if not override.is_sweep_override():
            choices.append([str(override.input_line)])
        elif multirun:
            choices.append(_list_values(override))
        else:
            raise ConfigError(
                f"{override.input_line} names several values, but this is a single run.",
                fix="add -m to run all of them.",
            )
    yield from product(*choices)


def _list_values(override: Override) -> list[str]:
    key = override.get_key_element()
    try:
        values = [f"{key}={value}" for value in override.sweep_string_iterator()]
    except HydraException as error:  # an interval, which only a search could sweep
        raise ConfigError(
            f"{override.input_line} cannot be enumerated: {first_line(error)}.",
            fix=f"list the values, such as {key}=1,2, or use {key}=range(1,10).",
        ) from error
    if not values:
        raise ConfigError(f"{override.input_line} matches nothing.", fix="widen the pattern.")
    return values
