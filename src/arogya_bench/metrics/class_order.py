"""Whether the names of classes say in which order they are."""

import re
from collections.abc import Iterable, Sequence

NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
NUMBERED_NAME = re.compile(r"(?P<before>[^0-9]*)(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<after>[^0-9]*)")


def numbers_in(names: Iterable[str]) -> list[float] | None:
    """The number in each name, as in ``9`` and ``10`` or ``G9`` and ``G10``; None if they differ in anything else."""
    names = list(names)
    if all(map(NUMBER.fullmatch, names)):
        return [float(name) for name in names]
    matches = [NUMBERED_NAME.fullmatch(name) for name in names]
    frames = {(match["before"], match["after"]) if match else None for match in matches}
    if len(frames) != 1 or None in frames:
        return None
    return [float(match["number"]) for match in matches if match]


def needs_order(names: Sequence[str]) -> bool:
    """Whether classes are grades only if somebody says so: more than two, and no ascending numbers."""
    values = numbers_in(names)
    return len(names) > 2 and (values is None or values != sorted(values))
