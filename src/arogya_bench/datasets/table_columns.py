"""The columns of a table of images: found in any letter case, and those that may be meant for patients or parts."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from arogya_bench.datasets.csv_tables import CsvRow, is_missing
from arogya_bench.datasets.group_patterns import note_excluded, shorten_list
from arogya_bench.datasets.split_checks import SPLIT_NAMES
from arogya_bench.errors import ConfigError, DatasetError, did_you_mean
from arogya_bench.runtime.class_names import class_setting

# What people call the patient and the part of a split, without signs between words and in lower case.
PATIENT_NAMES = re.compile(
    r"(patient|subject|person|participant|lesion)s?(id|no|nr|num|number|name|code)?|pid|mrn|ptid"
)
PART_NAMES = re.compile(r"(data)?(set|subset|split)s?|partition|part|phase|usage|fold|split(name|set|type)")

LIKELY_NAMES = {
    "path": re.compile(r"(image|img|file|scan|photo|picture)s?(path|name|file|id)?|path|filepath"),
    "label": re.compile(r"labels?|class|classname|diagnos[ie]s|dx|target|category|finding|grade|level|outcome|y"),
}


def match_case(name: str, header: Sequence[str]) -> str:
    """Return a configured column as the header writes it, if one alone differs in letter case only; else as it is."""
    alike = [column for column in header if column.casefold() == name.casefold()]
    return alike[0] if name not in header and len(alike) == 1 else name


def check_required(columns: Mapping[str, str], header: Sequence[str], table: str) -> None:
    """Check that a table has the columns of images and labels, which options name.

    Args:
        columns: Configured column by role: path and label.
        header: Columns of the table.
        table: Its name.
    """
    for role, name in columns.items():
        if header and name not in header:
            likely = [column for column in header if LIKELY_NAMES[role].fullmatch(_fold(column))]
            likely += [column for column in did_you_mean(name, header).split("'")[1:2] if column not in likely]
            setting = class_setting(f"dataset.{role}_column", (likely or ["COLUMN"])[0])
            raise DatasetError(
                f"{table} has no column {name!r}; it has: {', '.join(header)}.{did_you_mean(name, header)}",
                fix=f"name the column of the {'images' if role == 'path' else 'classes'}: {setting}",
            )


def find_roles(
    wanted: Mapping[str, str | None], header: Sequence[str], table: str, *, has_pattern: bool
) -> dict[str, str]:
    """Return the columns of patients and parts that a table has, by role.

    Args:
        wanted: Configured column by role.
        header: Columns of the table.
        table: Its name.
        has_pattern: Whether ``dataset.group`` finds the patients.

    Raises:
        ConfigError: If a column is not there, or patients are given twice.
    """
    names = {role: wanted[role] for role in ("group", "split")}
    for role, name in names.items():
        if name and name != role and name not in header:
            raise ConfigError(
                f"dataset.{role}_column={name!r}: {table} has no such column; it has {', '.join(header)}.",
                fix=f"name a column of the table, or set dataset.{role}_column=null",
            )
    columns = {role: name for role, name in names.items() if name and name in header}
    if "group" in columns and has_pattern:
        raise ConfigError(
            f"Patients are given twice: by dataset.group and by the column {columns['group']!r}.",
            fix="set dataset.group=null or dataset.group_column=null",
        )
    return columns


def note_columns(
    table: str, rows: Sequence[CsvRow], wanted: Mapping[str, str | None], found: Mapping[str, str | None]
) -> Iterator[str]:
    """Yield notes on columns taken in another letter case, and on those that may be meant for a role without one.

    Args:
        table: Name of the table.
        rows: Its rows, at least one.
        wanted: Configured column by role.
        found: The column that is read by role; None for a role that no column has.
    """
    changed = [f"{found[role]} for {name}" for role, name in wanted.items() if found[role] not in (None, name)]
    yield from note_excluded(f"Columns of {table} taken in another letter case", changed)
    others = [name for name in rows[0] if name not in found.values()]
    if wanted["group"] and found["group"] is None:
        for name in (name for name in others if PATIENT_NAMES.fullmatch(_fold(name)) and _repeats(rows, name)):
            setting = class_setting("dataset.group_column", name)
            yield f"The column {name!r} of {table} is metadata, and groups no images: {setting} makes it the patient."
    if wanted["split"] and found["split"] is None:
        for name in (name for name in others if PART_NAMES.fullmatch(_fold(name)) and _holds_parts(rows, name)):
            setting = class_setting("dataset.split_column", name)
            yield f"The column {name!r} of {table} is metadata, and divides nothing: {setting} takes its parts."


def read_splits(rows: Sequence[CsvRow], column: str | None, table: str) -> list[str | None]:
    """Read the part of every row; None without one.

    Raises:
        DatasetError: If a cell names no part.
    """
    cells = [row[column].lower() if column and not is_missing(row[column]) else "" for row in rows]
    unknown = sorted({cell for cell in cells if cell and cell not in SPLIT_NAMES})
    if unknown:
        raise DatasetError(
            f"The column {column!r} of {table} has values that name no part of a split: {shorten_list(unknown)}.",
            fix=f"write {', '.join(SPLIT_NAMES)} or nothing there; if the column means something else, such as folds, "
            "set dataset.split_column=null",
        )
    return [SPLIT_NAMES[cell] if cell else None for cell in cells]


def _fold(name: str) -> str:
    return re.sub(r"[^0-9a-z]", "", name.lower())


def _cells(rows: Iterable[CsvRow], name: str) -> list[str]:
    return [row[name].lower() for row in rows if not is_missing(row[name])]


def _repeats(rows: Sequence[CsvRow], name: str) -> bool:
    cells = _cells(rows, name)
    return len(set(cells)) < len(cells)


def _holds_parts(rows: Sequence[CsvRow], name: str) -> bool:
    return "test" in {SPLIT_NAMES.get(cell, "") for cell in _cells(rows, name)}
