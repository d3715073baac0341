"""Python values as Hydra overrides: names, paths and numbers are quoted, so that none is read as grammar."""

import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import Path

from arogya_bench.configuration.compose import list_options
from arogya_bench.errors import ConfigError, did_you_mean

PLAIN_TEXT = re.compile(r"[A-Za-z_/.][\w/.@:+-]*")  # needs no quotes in Hydra's grammar
READ_AS_OTHER = re.compile(r"true|false|null|inf|nan|[+-]?\.?\d.*", re.IGNORECASE)
FOLDER_READER = "image_folder"  # option of the group dataset that reads a folder of class folders
EXAMPLES = {
    "model": "'opencv'",
    "dataset": "'synthetic'",
    "augmentation": "'clean'",
    "training": "'quick'",
    "seed": "1",
}
NO_LICENCE = "not stated"  # of a folder that was given by its path alone


def to_override(key: str, value: object) -> str:
    """One override: ``key=value``, the value quoted where Hydra would read it otherwise.

    Raises:
        ConfigError: If a value has no form in a config, such as a function or an array.
    """
    return f"{key}={_to_value(key, value)}"


def to_choices(key: str, values: object) -> list[str]:
    """The override that selects one value, or each of several in a list or tuple; none for None.

    Raises:
        ConfigError: If there are no values, or one has no form in a config.
    """
    if values is None:
        return []
    if isinstance(values, str) or not isinstance(values, Iterable) or isinstance(values, Mapping):
        return [to_override(key, values)]
    listed = [_to_value(key, value) for value in values]
    if not listed:
        raise ConfigError(f"{key} is empty.", fix=f"give {key} a name, or a list of at least one.")
    return [f"{key}={','.join(listed)}"]


def to_options(group: str, names: object) -> list[str]:
    """The override that selects options of a config group by name; none for None.

    Raises:
        ConfigError: If one is no text, or there are none.
    """
    for name in names if isinstance(names, list | tuple) else [names]:
        if name is not None and not isinstance(name, str):
            raise _no_name(group, name)
    return to_choices(group, names)


def to_overrides(overrides: Sequence[str] | Mapping[str, object]) -> list[str]:
    """Further overrides: texts such as ``image_size=64``, or a mapping of keys to values.

    Raises:
        ConfigError: If they are one text, or anything else.
    """
    if isinstance(overrides, Mapping):
        return [to_override(str(key), value) for key, value in overrides.items()]
    listed = isinstance(overrides, Sequence) and not isinstance(overrides, str)
    if not listed or not all(isinstance(line, str) for line in overrides):
        raise ConfigError(
            f"overrides is {overrides!r}, which is no list of texts.",
            fix="write overrides=['image_size=64'] or overrides={'image_size': 64}.",
        )
    return list(overrides)


def dataset_overrides(dataset: object, further: Sequence[str] = ()) -> list[str]:
    """The overrides of a dataset that is given by the name of an option or by its folder, or of several.

    Args:
        dataset: A name, a path, or a list of either; None for the default.
        further: Other overrides; where they have no licence, that of a folder is logged as not stated.

    Raises:
        ConfigError: If a name is neither an option nor a folder, or names and folders are mixed.
    """
    given = list(dataset) if isinstance(dataset, list | tuple) else [dataset]
    folders = [fspath(one) for one in given if isinstance(one, str | PathLike) and _is_folder(one)]
    if not folders:
        return to_options("dataset", dataset)
    if len(folders) < len(given):
        raise ConfigError(
            "dataset has names of options and folders together, which do not make one sweep.",
            fix="call run once for the names, and once for the folders.",
        )
    paths = ",".join(_quote(folder) for folder in folders)
    licensed = any(line.startswith("dataset.licence=") for line in further)
    licence = [] if licensed else [to_override("dataset.licence", NO_LICENCE)]
    return [f"dataset={FOLDER_READER}", f"dataset.path={paths}", *licence]


def _is_folder(dataset: "str | PathLike[str]") -> bool:
    """Whether a dataset is given by its folder; ConfigError if there is neither an option nor a folder."""
    text = fspath(dataset)
    named_as_path = isinstance(dataset, PathLike) or "/" in text or "\\" in text
    options = list_options("dataset")
    if text in options and not named_as_path:
        return False
    if Path(text).is_dir():
        return True
    kind = "a file, and no folder" if Path(text).is_file() else "neither a folder nor an option of the group dataset"
    suggestion = "" if named_as_path else did_you_mean(text, options)
    raise ConfigError(
        f"{text!r} is {kind}.{suggestion}",
        fix=f"give the folder that holds the class folders, or one of: {', '.join(options)}.",
    )


def _to_value(key: str, value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case Integral() | Real():
            return repr(int(value)) if isinstance(value, Integral) else repr(float(value))
        case str() | PathLike():
            return _quote(fspath(value))
        case Mapping():
            return "{" + ",".join(f"{_quote(str(name))}:{_to_value(key, one)}" for name, one in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(_to_value(key, one) for one in value) + "]"
    raise _no_name(key, value)


def _no_name(key: str, value: object) -> ConfigError:
    kind = f"the class {value.__name__}" if isinstance(value, type) else f"of the type {type(value).__name__}"
    return ConfigError(
        f"{key} is {kind}, which is neither a text nor a number.",
        fix=f"give {key} a value such as {EXAMPLES.get(key, 'a name')}; evaluate also takes adapters and sources.",
    )


def _quote(text: str) -> str:
    if PLAIN_TEXT.fullmatch(text) and not READ_AS_OTHER.fullmatch(text):
        return text
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", text)
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return f"'{escaped}{chr(92) * trailing}'"
