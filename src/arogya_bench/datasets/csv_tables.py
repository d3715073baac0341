"""Read and check the CSV tables of a dataset; errors name the line."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TypeAlias

from arogya_bench.errors import DatasetError, did_you_mean

CsvRow: TypeAlias = dict[str, str]

MISSING = "unknown"  # replaces an empty cell of a text column, as in HAM10000
NA_VALUES = ("", "na", "nan", "n/a", "null", "none")
# Leading zeros, as in 007, mark an identifier.
NUMBER_PATTERN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?")
DELIMITERS = (",", "\t", ";")


def read_table(file: Path, *, required: Sequence[str], key: str) -> list[CsvRow]:
    """Read a UTF-8 table with a header, separated by commas, tabs or semicolons; cells are stripped.

    Args:
        file: Path of the table.
        required: Names of the required columns.
        key: Name of the required column with unique, non-empty values.
    """
    numbered = _parse_rows(file, _read_text(file))
    header, rows = (numbered[0][1], numbered[1:]) if numbered else ([], [])
    _check_header(file, header, required)
    if not rows:
        raise DatasetError(f"The table {file.name} has no rows.", fix="get the file again")
    for line, cells in rows:
        if len(cells) != len(header):
            raise DatasetError(
                f"Line {line} of {file.name} has {len(cells)} cells; its header has {len(header)}.",
                fix="get the file again; quote cells that contain a separator",
            )
    table = [(line, dict(zip(header, cells, strict=True))) for line, cells in rows]
    _check_key(file, table, key)
    return [row for _, row in table]


def extract_metadata(rows: Iterable[Mapping[str, str]], names: Sequence[str]) -> list[dict[str, str | float]]:
    """Extract columns as metadata, each with one type.

    A column becomes numeric if every cell is a finite number. Any other column stays text, with ``unknown`` for empty
    and NaN cells.
    """
    rows = list(rows)
    columns = [_convert_cells([row[name] for row in rows]) for name in names]
    return [dict(zip(names, (column[n] for column in columns), strict=True)) for n in range(len(rows))]


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
        raise DatasetError(f"The table {file.name} cannot be read: {error}.", fix="save it as CSV in UTF-8") from error
    if "\0" in text:
        raise DatasetError(
            f"The table {file.name} holds NUL bytes: it is damaged or not a text file.",
            fix="get the file again, or save it as CSV in UTF-8",
        )
    return text


def _parse_rows(file: Path, text: str) -> list[tuple[int, list[str]]]:
    """Every non-empty row with its line number."""
    first = text.lstrip().partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise DatasetError(
            f"Line {reader.line_num} of {file.name} is not a valid CSV row: {error}.",
            fix="get the file again; close every quote",
        ) from error
    return [(line, row) for line, row in rows if any(row)]


def _check_header(file: Path, header: Sequence[str], required: Sequence[str]) -> None:
    if len(set(header)) < len(header):
        repeated = next(name for name in header if header.count(name) > 1)
        raise DatasetError(f"{file.name} has two columns named {repeated!r}.", fix="give every column its own name")
    missing = [name for name in required if name not in header]
    if missing:
        raise DatasetError(
            f"{file.name} has no column {missing[0]!r}; it has: {', '.join(header) or 'none'}."
            f"{did_you_mean(missing[0], header)}",
            fix=f"get the file again; it needs the columns {', '.join(required)}",
        )


def _check_key(file: Path, table: Sequence[tuple[int, CsvRow]], key: str) -> None:
    seen: dict[str, int] = {}
    for line, row in table:
        name = row[key]
        if not name:
            raise DatasetError(
                f"Line {line} of {file.name} has an empty cell in its column {key!r}.",
                fix="fill it, or remove the line",
            )
        if name in seen:
            raise DatasetError(
                f"{file.name} names {name!r} twice, in lines {seen[name]} and {line}.", fix="keep one of the two lines"
            )
        seen[name] = line
