"""Extract patients from names, and list names in notes and messages."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from arogya_bench.datasets.csv_tables import names_nobody
from arogya_bench.errors import ConfigError
from arogya_bench.images.discovery import find_unlisted

MAX_LISTED = 5


def shorten_list(names: Collection[str]) -> str:
    """Join the first names and count the others."""
    shown = ", ".join(list(names)[:MAX_LISTED])
    n_more = len(names) - MAX_LISTED
    return f"{shown} and {n_more} more" if n_more > 0 else shown


def note_excluded(description: str, names: Collection[str]) -> Iterator[str]:
    """Yield a note with the number of names and the first of them, if there are any."""
    if names:
        yield f"{description}: {len(names)}: {shorten_list(names)}."


def note_unlisted_images(table: str, images: Iterable[str], listed: Iterable[str]) -> Iterator[str]:
    """Yield a note on images that a table does not list, if there are any."""
    yield from note_excluded(f"Images not listed in {table}, excluded", find_unlisted(images, listed))


def note_unread_columns(table: str, columns: Iterable[str], read: Iterable[str]) -> Iterator[str]:
    """Yield a note on columns of a table that are not read, if there are any."""
    yield from note_excluded(f"Columns of {table} not read", find_unlisted(columns, read))


def extract_groups(case_ids: Sequence[str], group: str | None) -> dict[str, str]:
    """Map each case to its patient, which the group of a regular expression captures in its id.

    Without an expression every case is its own group.

    Raises:
        ConfigError: If the expression is invalid or does not match a case id.
    """
    if group is None:
        return {name: name for name in case_ids}
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise ConfigError(
            f"dataset.group={group!r} is not a regular expression: {error}.",
            fix="use an expression such as '^(patient-[0-9]+)'",
        ) from error
    if pattern.groups != 1:
        raise ConfigError(
            f"dataset.group={group!r} has {pattern.groups} groups in parentheses.",
            fix="put one pair of parentheses around the part that names the patient",
        )
    matches = {name: pattern.search(name) for name in case_ids}
    unmatched = [name for name, match in matches.items() if not match or not match[1]]
    if unmatched:
        raise ConfigError(
            f"dataset.group={group!r} does not match {len(unmatched)} names: {shorten_list(unmatched)}.",
            fix="change the expression so that it matches every name, or set dataset.group=null",
        )
    groups = {name: match[1] for name, match in matches.items() if match}
    nobody = [name for name, patient in groups.items() if names_nobody(patient)]
    if nobody:
        raise ConfigError(
            f"dataset.group={group!r} finds {groups[nobody[0]]!r}, a word for a missing patient, in {len(nobody)} "
            f"names: {shorten_list(nobody)}.",
            fix="change the expression or the names, so that each patient has a name of its own",
        )
    return groups
