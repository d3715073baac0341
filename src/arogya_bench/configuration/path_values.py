"""Paths and patterns as values of overrides: quoted here, so that they need not follow Hydra's grammar."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from arogya_bench.errors import ConfigError

PATH_KEYS = frozenset(
    {
        *("dataset.path", "dataset.images", "dataset.masks", "dataset.manifest", "dataset.exclude"),
        *("dataset.source_map", "dataset.annotations", "dataset.train", "dataset.validation", "dataset.test"),
        *("dataset.train_list", "dataset.file", "dataset.cache", "split.file", "model.weights", "model.uri"),
        "tracking.uri",
    }
)
PATTERN_KEYS = frozenset({"dataset.group"})  # regular expressions, whose brackets and commas mean no list
LIST_KEYS = frozenset({"dataset.images"})  # some readers take several folders


def quote_paths(lines: Sequence[str], *, sweeps: bool) -> list[str]:
    """Quote the paths that Hydra would not read as they stand; other overrides stay as they are.

    Args:
        lines: Overrides, in any form of Hydra's grammar.
        sweeps: Whether commas may separate several values. A file or folder of the whole name comes first.

    Raises:
        ConfigError: If a value is the name of one file and a list of others, all of which exist.
    """
    folders = [Path(), *_dataset_folders(lines)]
    return [_quote_path(line, folders, sweeps=sweeps) for line in lines]


def is_path_override(line: str) -> bool:
    """Whether an override sets a key whose value is a path."""
    key, equals, value = line.partition("=")
    return bool(equals and value) and key.lstrip("+") in PATH_KEYS | PATTERN_KEYS


def read_path(line: str) -> object:
    """The value of a path override for a command that composes no config: text, several texts, or None."""
    (literal,) = quote_paths([line], sweeps=False)
    override = _parse(literal)
    return None if override is None else override.value()


def quoted(value: str) -> str:
    """A value in quotes, as Hydra reads it without change."""
    text: str = QuotedString(text=value, quote=Quote.single).with_quotes()
    return text


def _quote_path(line: str, folders: Sequence[Path], *, sweeps: bool) -> str:
    if not is_path_override(line):
        return line
    key, _, value = line.partition("=")
    literal = f"{key}={quoted(value)}"
    override = _parse(line)
    if key.lstrip("+") in PATTERN_KEYS:
        return line if override and _is_read_as_written(override, value) else literal
    parts = [part.strip() for part in value.split(",")]
    if _exists(value, folders):
        _check_unambiguous(line, parts, folders, sweeps=sweeps and override is not None)
        return literal
    if key.lstrip("+") in LIST_KEYS and value.startswith("[") and value.endswith("]"):
        return line if override else f"{key}=[{','.join(map(_quote_part, value[1:-1].split(',')))}]"
    if override is None:
        return f"{key}={','.join(map(_quote_part, parts))}" if sweeps and len(parts) > 1 else literal
    if override.is_sweep_override():
        return line if sweeps else literal
    return line if _is_read_as_written(override, value) else literal


def _quote_part(part: str) -> str:
    """One of several values, which may have its quotes already."""
    part = part.strip()
    return part if len(part) > 1 and part[0] == part[-1] and part[0] in "'\"" else quoted(part)


def _is_read_as_written(override: Override, value: str) -> bool:
    parsed = override.value()
    return parsed is None or str(parsed) == value.strip() or value.strip()[0] in "'\""


def _check_unambiguous(line: str, parts: Sequence[str], folders: Sequence[Path], *, sweeps: bool) -> None:
    if not sweeps or len(parts) < 2 or not all(_exists(part, folders) for part in parts):
        return
    key, _, value = line.partition("=")
    several = ",".join(map(quoted, parts))
    raise ConfigError(
        f"{line} names one file or folder, {value!r}, and several, {' and '.join(map(repr, parts))}: all exist.",
        fix=f'write "{key}={quoted(value)}" for the one, or "{key}={several}" for the several.',
    )


def _dataset_folders(lines: Iterable[str]) -> list[Path]:
    """The folder that other paths of the dataset are relative to."""
    values = [line.partition("=")[2] for line in lines if line.lstrip("+").startswith("dataset.path=")]
    return [Path(value.strip("'\"")) for value in values]


def _exists(name: str, folders: Sequence[Path]) -> bool:
    try:
        return any((folder / name).exists() for folder in folders)
    except (OSError, ValueError):  # longer than a name may be, or with a character that none may have
        return False


def _parse(line: str) -> Override | None:
    try:
        return OverridesParser.create().parse_override(line)
    except HydraException:
        return None
