"""Which name of a model means which class of a dataset."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

# What models write before or after a class to name the column of its probability.
AFFIXES = ("p", "prob", "proba", "probability", "score", "logit", "class")
NUMBERED = re.compile(r"(?:LABEL_)?(\d+)", re.IGNORECASE)  # as transformers names classes without names


def match_names(names: Iterable[str], classes: Sequence[str], own_names: Mapping[str, str]) -> dict[str, str]:
    """Find the class that each name means; names that mean none are left out.

    ``own_names`` maps names of the model to classes. Names may differ from those in case and blanks, if that is clear.
    """
    known = {**{name: name for name in classes}, **own_names}
    simple = _unambiguous(known)
    found = {name: known.get(name) or simple.get(_simplified(name)) for name in names}
    return {name: meant for name, meant in found.items() if meant is not None}


def match_columns(
    columns: Sequence[str], classes: Sequence[str], own_names: Mapping[str, str]
) -> dict[str, str] | None:
    """Find the column of each class: named like it, or like it with one word for all, such as ``p_``.

    Returns:
        Class to column; None unless every class has exactly one.
    """
    for strip in BARE_NAMES:
        bare = {column: strip(column) for column in columns}
        meant = match_names((name for name in bare.values() if name), classes, own_names)
        pairs = [(meant[name], column) for column, name in bare.items() if name in meant]
        if sorted(name for name, _ in pairs) == sorted(classes):
            return dict(pairs)
    return None


def class_of_column(column: str, classes: Sequence[str], own_names: Mapping[str, str]) -> str | None:
    """Find the class whose probability a lone column holds by its name; None if the name says none."""
    for strip in BARE_NAMES:
        if meant := match_names([name for name in [strip(column)] if name], classes, own_names):
            return next(iter(meant.values()))
    return None


def match_labels(labels: Sequence[Any], classes: Sequence[str], own_names: Mapping[str, str]) -> list[str] | None:
    """Translate labels to classes; None if one of them is no name of a class."""
    names = [str(label) for label in labels]
    meant = match_names(set(names), classes, own_names)
    return [meant[name] for name in names] if set(names) <= set(meant) else None


def _unambiguous(known: Mapping[str, str]) -> dict[str, str]:
    """Names without case, blanks and such, where one of them stands for one class only."""
    simple: dict[str, set[str]] = {}
    for name, meant in known.items():
        simple.setdefault(_simplified(name), set()).add(meant)
    return {name: next(iter(meant)) for name, meant in simple.items() if len(meant) == 1}


def _simplified(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _without_suffix(suffix: str, column: str) -> str:
    """What stands before a sign and a word in a column; empty without them."""
    match = re.fullmatch(rf"(.+)[_\s.:-]+{suffix}", column, re.IGNORECASE)
    return match[1] if match else ""


def _without_prefix(prefix: str, column: str) -> str:
    """What follows a prefix and a sign in a column; empty without them."""
    match = re.fullmatch(rf"{prefix}(?:[_\s.:-]+(.+)|\((.+)\)|\[(.+)\])", column, re.IGNORECASE)
    return next((part for part in match.groups() if part), "") if match else ""


# What names of columns leave of the name of a class, one after the other.
BARE_NAMES: tuple[Callable[[str], str], ...] = (
    str,
    *(partial(_without_prefix, affix) for affix in AFFIXES),
    *(partial(_without_suffix, affix) for affix in AFFIXES if affix != "class"),
)
