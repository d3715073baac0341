"""Class names in a config: what YAML or Hydra read as something else, told back from the labels that are there."""

import re
import shlex
import unicodedata
from collections.abc import Iterable, Sequence

import yaml

from arogya_bench.errors import ConfigError, did_you_mean

PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*|0|[1-9][0-9]*")
EXPONENT = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?[eE][+-]?[0-9]+")
# Words that YAML 1.1 or Hydra read as a truth value, a number or nothing.
SPECIAL_WORDS = ("true", "false", "yes", "no", "on", "off", "null", "nan", "inf")


def restore_class_names(names: Sequence[object], known: Iterable[str], key: str) -> list[str]:
    """Return configured class names in the spelling of the known ones, where YAML or Hydra read them as another value.

    ``[yes, no]`` in a YAML file means true and false, and ``[01, 02]`` means 1 and 2. A name that no known one stands
    for is returned as text.

    Args:
        names: The names in the config, as they were read or already as text.
        known: The names that the data or the model has.
        key: The config key, such as ``dataset.classes``.

    Raises:
        ConfigError: If one name may stand for several known ones.
    """
    known = list(dict.fromkeys(known))
    texts = [str(name) for name in names]
    free = [name for name in known if name not in texts]
    restored = list(texts)
    for position, text in enumerate(texts):
        if text in known:
            continue
        meant = [name for name in free if _same_letters(text, name)]
        meant = meant or [name for name in free if _same_value(text, name)]
        if len(meant) > 1:
            raise ConfigError(
                f"{key} names {text!r}, which is how {' and '.join(map(repr, meant))} are both read without quotes.",
                fix=f"write the names in quotes: {class_list(key, known, quoted=True)}",
            )
        restored[position] = meant[0] if meant else text
    return restored


def class_list(key: str, names: Sequence[str], *, quoted: bool = False) -> str:
    """Write a list of class names as an override that a shell and Hydra take; ``quoted`` puts each name in quotes."""
    if all(map(_is_plain, names)) and not quoted:
        return f"{key}=[{','.join(names)}]"
    return shlex.quote(f"{key}=[{','.join(_in_quotes(name) for name in names)}]")


def class_setting(key: str, name: str) -> str:
    """Write one class name as an override that a shell and Hydra take."""
    return f"{key}={name}" if _is_plain(name) else shlex.quote(f"{key}={_in_quotes(name)}")


def _is_plain(name: str) -> bool:
    return PLAIN_NAME.fullmatch(name) is not None and name.lower() not in SPECIAL_WORDS


def _in_quotes(name: str) -> str:
    """A name in double quotes, as Hydra reads it: a backslash stands for itself, except before a quote."""
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', name)
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return f'"{escaped}{escaped[len(escaped) - trailing :]}"'


def wrong_class_list(
    key: str, names: Sequence[str], known: Sequence[str], holder: str, *, fix: str = ""
) -> ConfigError:
    """Build the error for class names that are not those of the data or the model.

    Args:
        key: The config key.
        names: The configured names.
        known: The names that are there.
        holder: Whose names the known ones are, such as ``the labels``.
        fix: What to do, if it is not to list the known names in any order.
    """
    foreign = [name for name in names if name not in known]
    return ConfigError(
        f"{key} names {', '.join(map(repr, foreign))}, and {holder} are {', '.join(known)}."
        f"{did_you_mean(foreign[0], known)}",
        fix=fix or f"write the names as they are there, in the order you want: {class_list(key, known)}",
    )


def _same_letters(text: str, name: str) -> bool:
    """Whether two names differ only in the Unicode form of their letters, as after typing on a Mac."""
    return unicodedata.normalize("NFC", text) == unicodedata.normalize("NFC", name)


def _same_value(text: str, name: str) -> bool:
    """Whether a config holds the same value for a name without quotes as for a text that was read from one."""
    ours, theirs = _read_as(text), _read_as(name)
    return isinstance(ours, bool) == isinstance(theirs, bool) and not isinstance(theirs, str) and ours == theirs


def _read_as(text: str) -> object:
    """What a config holds for a text without quotes: YAML 1.1, and exponents without a point as numbers."""
    if EXPONENT.fullmatch(text):
        return float(text)
    try:
        value: object = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return text
    return value if isinstance(value, bool | int | float) else text
