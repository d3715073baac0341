"""Numbers of publications from a YAML file, to be shown beside those of a comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from arogya_bench.analysis.literature import LiteratureValue
from arogya_bench.configuration.advice import first_line
from arogya_bench.configuration.validation import validate
from arogya_bench.errors import ConfigError, did_you_mean

FIELDS = {found.name: found.default is MISSING for found in fields(LiteratureValue)}  # whether each is required
EXAMPLE = (
    "- {model: ResNet-50, dataset: NAME, metric: accuracy, value: 0.911, cases: 7180, year: 2023, source: 'AUTHORS, "
    "table 3', caveat: another split}"
)


def load_literature(given: str | Path | Sequence[LiteratureValue | Mapping[str, Any]]) -> tuple[LiteratureValue, ...]:
    """Read and check numbers: of a file with a list, or with the single key ``literature`` that holds one; or a list.

    Raises:
        ConfigError: If there is no such file, it is no list, or an entry has an unknown, missing or wrong field.
    """
    entries = _read(Path(given)) if isinstance(given, str | Path) else given
    return tuple(
        entry if isinstance(entry, LiteratureValue) else _build(entry, f"literature[{number}]")
        for number, entry in enumerate(entries)
    )


def _read(path: Path) -> Sequence[Any]:
    if not path.is_file():
        raise ConfigError(f"There is no file {path} with literature.", fix="name a YAML file: --literature FILE.yaml.")
    try:
        node = OmegaConf.load(path)
    except (YAMLError, OmegaConfBaseException, OSError, UnicodeDecodeError) as error:
        reason = first_line(error)
        raise ConfigError(f"{path} cannot be read: {reason}.", fix=f"write a list such as {EXAMPLE}") from error
    entries = node.get("literature") if isinstance(node, DictConfig) and list(node) == ["literature"] else node
    if not isinstance(entries, ListConfig) or not entries:
        raise ConfigError(f"{path} is not a list of numbers with their sources.", fix=f"write a list such as {EXAMPLE}")
    return list(entries)


def _build(entry: object, path: str) -> LiteratureValue:
    node = OmegaConf.create(dict(entry)) if isinstance(entry, dict) else entry
    if not isinstance(node, DictConfig):
        raise ConfigError(f"{path} is {entry!r}, but must be a group of fields.", fix=f"write it as {EXAMPLE}")
    unknown = [str(key) for key in node if str(key) not in FIELDS]
    if unknown:
        raise ConfigError(
            f"{path} has no field {unknown[0]!r}.{did_you_mean(unknown[0], FIELDS)}",
            fix=f"choose one of: {', '.join(FIELDS)}",
        )
    given: Any = OmegaConf.to_container(node, resolve=False)
    absent = [name for name, required in FIELDS.items() if required and not _is_given(given.get(name))]
    if absent:
        raise ConfigError(f"{path} has no {absent[0]}.", fix=f"add it, as in {EXAMPLE}")
    value = validate(LiteratureValue, node, path)
    if value.cases is not None and value.cases < 1:
        raise ConfigError(f"{path}.cases is {value.cases}.", fix="give the number of test cases, or leave it out.")
    if (value.low is None) != (value.high is None):
        raise ConfigError(f"{path} has one end of an interval only.", fix="give both low and high, or neither.")
    return value


def _is_given(content: object) -> bool:
    """Whether a field holds anything; 0 is a number."""
    return bool(content.strip()) if isinstance(content, str) else content is not None
