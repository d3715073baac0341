"""What names say: the patient in the name of an image, and many names in one message."""

import re
from collections.abc import Collection, Sequence

from arogya_bench.errors import ConfigError

MAX_LISTED = 5


def shorten_list(names: Collection[str]) -> str:
    """Name some things, and count the others."""
    shown = ", ".join(list(names)[:MAX_LISTED])
    rest = len(names) - MAX_LISTED
    return f"{shown} and {rest} more" if rest > 0 else shown


def extract_groups(case_ids: Sequence[str], group: str | None) -> dict[str, str]:
    """Say which patient each case belongs to.

    Args:
        case_ids: Of all cases.
        group: Regular expression that finds the patient, as its one group, in the id of a case;
            None makes every case its own.

    Raises:
        ConfigError: If it is no such expression, or does not fit an id.
    """
    if group is None:
        return {name: name for name in case_ids}
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise ConfigError(
            f"dataset.group={group!r} is no regular expression: {error}.",
            fix="give one such as '^(patient-[0-9]+)'",
        ) from error
    if pattern.groups != 1:
        raise ConfigError(
            f"dataset.group={group!r} has {pattern.groups} groups in parentheses.",
            fix="put one pair of parentheses around what names the patient",
        )
    found = {name: pattern.search(name) for name in case_ids}
    lost = [name for name, match in found.items() if not match or not match[1]]
    if lost:
        raise ConfigError(
            f"dataset.group={group!r} finds no patient in {len(lost)} names: {shorten_list(lost)}.",
            fix="widen the expression until it fits every name, or set dataset.group=null",
        )
    return {name: match[1] for name, match in found.items() if match}
