"""Tables that come with images, as CSV: read whole, checked, every fault named with its line."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TypeAlias

from arogya_bench.errors import DatasetError, did_you_mean

CsvRow: TypeAlias = dict[str, str]

MISSING = "unknown"  # of an empty cell among words, as HAM10000 writes it
NA_VALUES = ("", "na", "nan", "n/a", "null", "none")
# 007 is a name, not a number.
NUMBER_PATTERN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?")
DELIMITERS = (",", "\t", ";")


def read_table(file: Path, *, required: Sequence[str], key: str) -> list[CsvRow]:
    """Read a table with a header: comma, tab or semicolon between the cells, UTF-8.

    Args:
        file: Of the table.
        required: Columns that must be there.
        key: The one of them that names a row; filled, and different in every row.

    Returns:
        A mapping of column to text for each row; spaces around a cell are gone.

    Raises:
        DatasetError: If the file is missing or no such table, with the line.
    """
    numbered = _parse_rows(file, _read_text(file))
    header, rows = (numbered[0][1], numbered[1:]) if numbered else ([], [])
    _check_header(file, header, required)
    if not rows:
        raise DatasetError(
            f"The table {file.name} has no row below its header.", fix="get the file again"
        )
    for line, cells in rows:
        if len(cells) != len(header):
            raise DatasetError(
                f"Line {line} of {file.name} has {len(cells)} cells; its header has {len(header)}.",
                fix="get the file again; put quotes around a cell that holds a separator",
            )
    table = [(line, dict(zip(header, cells, strict=True))) for line, cells in rows]
    _check_key(file, table, key)
    return [row for _, row in table]


def extract_metadata(
    rows: Iterable[Mapping[str, str]], names: Sequence[str]
) -> list[dict[str, str | float]]:
    """Take some columns as metadata, each of one type.

    A column whose every cell is a finite number becomes numbers. Any other stays text, in which
    an empty cell (or NaN) becomes ``unknown``: a column of both would fit in no table.

    Args:
        rows: Of a table.
        names: Of the columns to take.
    """
    held = list(rows)
    columns = {name: _convert_cells([row[name] for row in held]) for name in names}
    return [{name: columns[name][place] for name in names} for place in range(len(held))]


def _convert_cells(cells: Sequence[str]) -> list[str | float]:
    if all(NUMBER_PATTERN.fullmatch(cell) for cell in cells):
        return [float(cell) for cell in cells]
    return [MISSING if cell.lower() in NA_VALUES else cell for cell in cells]


def _read_text(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DatasetError(
            f"The table {file.name} is not in {file.parent}.",
            fix="put it there, or set dataset.path to the folder that holds it",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"The table {file.name} cannot be read: {error}.", fix="save it as CSV in UTF-8"
        ) from error
    if "\0" in text:
        raise DatasetError(
            f"The table {file.name} holds NUL bytes: it is damaged, or no text.",
            fix="get the file again, or save it as CSV in UTF-8",
        )
    return text


def _parse_rows(file: Path, text: str) -> list[tuple[int, list[str]]]:
    """Every row that is not empty, with its line."""
    first = text.lstrip().partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise DatasetError(
            f"Line {reader.line_num} of {file.name} is no row of a CSV table: {error}.",
            fix="get the file again; close every quote",
        ) from error
    return [(line, row) for line, row in rows if any(row)]


def _check_header(file: Path, header: Sequence[str], required: Sequence[str]) -> None:
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise DatasetError(
            f"{file.name} has two columns named {twice!r}.", fix="give every column its own name"
        )
    lacking = [name for name in required if name not in header]
    if lacking:
        raise DatasetError(
            f"{file.name} has no column {lacking[0]!r}; it has: {', '.join(header) or 'none'}."
            f"{did_you_mean(lacking[0], header)}",
            fix=f"get the file again; it needs the columns {', '.join(required)}",
        )


def _check_key(file: Path, table: Sequence[tuple[int, CsvRow]], key: str) -> None:
    seen: dict[str, int] = {}
    for line, row in table:
        name = row[key]
        if not name:
            raise DatasetError(
                f"Line {line} of {file.name} has nothing in its column {key!r}.",
                fix="fill it, or remove the line",
            )
        if name in seen:
            raise DatasetError(
                f"{file.name} names {name!r} twice, in lines {seen[name]} and {line}.",
                fix="keep one of the two lines",
            )
        seen[name] = line
