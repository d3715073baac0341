"""Hydra's override grammar: parse overrides, and expand those of a sweep into single jobs."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override
from hydra.errors import HydraException
from omegaconf import DictConfig

from arogya_bench.configuration.advice import first_line, path_error
from arogya_bench.configuration.path_values import quote_paths, quoted
from arogya_bench.errors import ConfigError


def parse_overrides(lines: Sequence[str], *, sweeps: bool = True) -> list[Override]:
    """Parse overrides with the Hydra instance that is open, with paths in quotes where they need them.

    ``sweeps`` says whether commas may separate several values of a path; other keys may always have several.

    Raises:
        ConfigError: If one does not follow Hydra's grammar.
    """
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    try:
        return list(parser.parse_overrides(quote_paths(lines, sweeps=sweeps)))
    except HydraException as error:
        raise _grammar_error(str(getattr(error, "override", "")), lines, error) from error


def _grammar_error(line: str, lines: Sequence[str], error: HydraException) -> ConfigError:
    """Say what Hydra cannot read in an override, and how to write it."""
    problem = f"{line!r} is not a valid override"
    key, equals, value = line.partition("=")
    if not equals:
        return ConfigError(f"{problem}: it has no equals sign.", fix=_fix_without_equals(line, lines))
    needs_quotes = dict.fromkeys(re.findall(r"[^A-Za-z0-9_\s/\\+.$%*@?|:-]", value))
    if not needs_quotes:
        noise = ("Error parsing", "See ", "^")
        reasons = (text for text in str(error).splitlines() if not text.strip().startswith(noise))
        reason = re.sub(r"^\w+Exception( while evaluating '.*?')?: ", "", next(reasons))
        return ConfigError(f"{problem}: {reason}.", fix="write overrides as key=value.")
    if key == "dataset" and Path(value).exists():
        return path_error(value)
    if re.fullmatch(r"[\w@/]+", key) and (name := re.sub(r"[^\w/-]+$|^[^\w/-]+", "", value)) and _is_group(key):
        fix = f"write {shlex.quote(f'{key}={name}')}."
        return ConfigError(f"{problem}: {value!r} is no name of an option.", fix=fix)
    if re.fullmatch(r"\[[^\[\]{}]*\]", value):
        return ConfigError(
            f"{problem}: Hydra reads {' '.join(needs_quotes)} as its own grammar, unless an item is in quotes.",
            fix=f"write {_list_as_typed(key, value[1:-1].split(','))}.",
        )
    return ConfigError(
        f"{problem}: Hydra reads {' '.join(needs_quotes)} as its own grammar, unless the value is in quotes.",
        fix=f"write {as_typed(key, value)} if the value is text; lists are [a,b], and groups {{a: 1}}.",
    )


def as_typed(key: str, value: str) -> str:
    """An override whose value is text, as one would type it in a shell: inner quotes for Hydra, outer ones for both."""
    if "'" in value and not re.search(r'["$`\\!]', value):
        return f'"{key}=\\"{value}\\""'
    line = f"{key}={quoted(value)}"
    return shlex.quote(line) if re.search(r'["$`\\!]', line) else f'"{line}"'


def _is_group(key: str) -> bool:
    return bool(GlobalHydra.instance().config_loader().get_group_options(key))


def _list_as_typed(key: str, items: Sequence[str]) -> str:
    """An override whose value is a list of texts, as one would type it in a shell."""
    texts = [item.strip().strip("'\"") for item in items]
    written = [text if re.fullmatch(r"[\w.-]+", text) else json.dumps(text, ensure_ascii=False) for text in texts]
    return shlex.quote(f"{key}=[{','.join(written)}]")


def _fix_without_equals(line: str, lines: Sequence[str]) -> str:
    """Words that follow an override are taken for the rest of its value, which the shell has split."""
    position = lines.index(line) if line in lines else 0
    before = [other for other in lines[:position] if "=" in other]
    if not before or line.startswith(("-", "~", "+")):
        return "write overrides as key=value."
    start = len(lines[:position]) - 1 - lines[:position][::-1].index(before[-1])
    words = [before[-1]]
    for word in lines[start + 1 :]:
        if "=" in word:
            break
        words.append(word)
    return f'write overrides as key=value, and a value with spaces in quotes: "{" ".join(words)}".'


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


def expand_sweep(overrides: Sequence[Override], *, multirun: bool, sweeps: bool = True) -> Iterator[tuple[str, ...]]:
    """Expand a sweep into the overrides of each job, in Hydra's order.

    Of several overrides of one key, the last one counts. ``sweeps`` says whether the command has several jobs at all.

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
            raise _several_values_error(override, sweeps=sweeps)
    yield from product(*choices)


def _several_values_error(override: Override, *, sweeps: bool) -> ConfigError:
    line, key = str(override.input_line), override.get_key_element()
    if _is_group(key):  # no option has a comma in its name
        where, fix = "is a single run", "add -m to run all of them."
        if not sweeps:
            where, fix = "command takes one", f"give {key} one value."
        return ConfigError(f"{line} names several values, but this {where}.", fix=fix)
    one = f"if it is one value, write {as_typed(key, _as_one_value(override))}."
    if not sweeps:
        return ConfigError(
            f"{line} names several values, but this command takes one.", fix=f"give {key} one value; {one}"
        )
    return ConfigError(
        f"{line} names several values, but this is a single run.", fix=f"add -m to run all of them; {one}"
    )


def _as_one_value(override: Override) -> str:
    values = override.value()
    written = str(override.input_line).partition("=")[2]
    if "'" not in written and '"' not in written:
        return written.strip()
    if not isinstance(values, ChoiceSweep):
        return str(override.input_line).partition("=")[2]
    return ",".join(str(getattr(value, "text", value)) for value in values.list)


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
