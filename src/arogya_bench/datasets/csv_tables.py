"""Read and check the CSV tables of a dataset; errors name the line."""

import csv
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TypeAlias

from arogya_bench.errors import DatasetError, did_you_mean

CsvRow: TypeAlias = dict[str, str]

MISSING = "unknown"  # replaces an empty cell of a text column, as in HAM10000
# Words that programs write for a missing value, in lower case.
NA_VALUES = (
    *("", "na", "nan", "-nan", "n/a", "n.a.", "<na>", "nat", "#n/a", "#na", "#null!", "null", "(null)", "[null]"),
    *("\\n", "none"),
)
# Words that are a value of their own in metadata, but say of no label and no patient which one it is; also with other
# signs between and around them.
UNSTATED = (
    *("unknown", "unk", "unspecified", "undefined", "undetermined", "missing", "not available", "not known", "no data"),
    *("not specified", "not stated", "not recorded", "not applicable", "not assessed", "not determined", "not done"),
    *("no label", "unlabelled", "unlabeled", "not labelled", "not labeled", "tbd", "todo", "pending", "blank"),
    *("none", "nil", "na", "n/a", "nan", "null", "n.a", "n/k", "n.k", "nd", "n.d", "n/d"),
)
# What Excel and C write for a result that is none.
NOT_A_NUMBER = re.compile(r"#[A-Z]+(/0)?[!?]|[+-]?nan(\.0)?|[+-]?1\.#[A-Z]+[0-9]*", re.IGNORECASE)
# Words that stand for the patient where a person removed the name, beside words for a person.
ANONYMOUS = (
    *("anonymous", "anonymized", "anonymised", "anon", "deidentified", "de identified", "redacted", "removed"),
    *("withheld", "deleted", "hidden", "confidential", "no", "none"),
)
PERSON_WORDS = ("patient", "subject", "person", "case", "name", "id", "pid")
# Leading zeros, as in 007, mark an identifier.
NUMBER_PATTERN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?")
DELIMITERS = (",", "\t", ";")


def read_table(file: Path, *, required: Sequence[str], key: str | None) -> list[CsvRow]:
    """Read a UTF-8 table with a header, separated by commas, tabs or semicolons; cells are stripped.

    Args:
        file: Path of the table.
        required: Names of the required columns.
        key: Name of the required column with unique, non-empty values; None if no single column is unique.
    """
    numbered = parse_rows(file, read_text(file))
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
    if key is not None:
        _check_key(file, table, key)
    return [row for _, row in table]


def read_header(file: Path) -> list[str]:
    """Read the names of the columns of a table; empty if it is."""
    rows = parse_rows(file, read_text(file))
    return rows[0][1] if rows else []


def is_missing(cell: str) -> bool:
    """Whether a cell is empty, or holds a word for a missing value such as ``nan``."""
    return cell.strip().lower() in NA_VALUES


def is_unstated(cell: str) -> bool:
    """Whether a label is missing, or a word such as ``unknown``, a spreadsheet's error, or signs such as ``???``."""
    words = " ".join(re.split(r"[\s_-]+", cell.strip(" .\t\"'()[]<>{}").lower()))
    if is_missing(cell) or words in UNSTATED or NOT_A_NUMBER.fullmatch(cell.strip()):
        return True
    return all(sign.isspace() or unicodedata.category(sign).startswith("P") for sign in cell)


def names_nobody(cell: str) -> bool:
    """Whether the name of a patient is missing, or a word that many patients may share, such as ``anonymous``."""
    if is_unstated(cell):
        return True
    words = " ".join(word for word in re.findall(r"[^\W_]+", cell.lower()) if word not in PERSON_WORDS)
    return words in ANONYMOUS or is_unstated(words) or re.fullmatch("xx+", words) is not None


def is_missing_name(folder: str) -> bool:
    """Whether a folder is named by a program for missing labels; people give the names ``none`` and ``NA`` as well."""
    return folder == "None" or folder.lower() in ("nan", "<na>", "nat", "null", "#n/a")


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
    return [MISSING if is_missing(cell) else cell for cell in cells]


def read_text(file: Path, fix: str = "save it as CSV in UTF-8") -> str:
    """Read a UTF-8 text file; ``fix`` says how to save one that is none."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DatasetError(
            f"The table {file.name} is not in {file.parent}.",
            fix="put it there, or set dataset.path to the folder that holds it",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"The table {file.name} cannot be read: {error}.", fix=fix) from error
    if "\0" in text:
        raise DatasetError(
            f"The table {file.name} holds NUL bytes: it is damaged or not a text file.",
            fix=f"get the file again, or {fix}",
        )
    return text


def parse_rows(file: Path, text: str) -> list[tuple[int, list[str]]]:
    """Parse every non-empty row, with its line number; cells are stripped."""
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
        if is_missing(name):
            cell = f"the word {name!r} for a missing value" if name else "an empty cell"
            raise DatasetError(
                f"Line {line} of {file.name} has {cell} in its column {key!r}.", fix="fill it, or remove the line"
            )
        if name in seen:
            raise DatasetError(
                f"{file.name} names {name!r} twice, in lines {seen[name]} and {line}.", fix="keep one of the two lines"
            )
        seen[name] = line
