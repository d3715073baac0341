"""Read a table of predictions from CSV or Parquet; its cells stay as they are written."""

import csv
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from arogya_bench.datasets.csv_tables import DELIMITERS
from arogya_bench.errors import DatasetError, did_you_mean
from arogya_bench.runtime.gc_pause import gc_paused
from arogya_bench.runtime.home_folder import expand_home
from arogya_bench.types import Floats

FORMATS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet", ".pq": "parquet", ".json": "coco"}
UNNAMED = "Unnamed: 0"  # how pandas reads the index column that it wrote without a name
DECIMAL_COMMA = re.compile(r"-?\d*,\d+([eE][+-]?\d+)?")
WHOLE_FLOAT = re.compile(r"-?\d+\.0+")

Texts = NDArray[np.object_]  # (n,), strings; empty where a cell is empty


@dataclass(frozen=True, kw_only=True)
class SourceTable:
    """A table as its file holds it.

    Attributes:
        name: File name, without its folder.
        digest: Of the content of the file, 32 hexadecimal characters.
        rows: Cells of a CSV file are strings.
        lines: Shape (n,), where each row stands in the file.
        place: What ``lines`` counts: ``line`` of a text, from 1 for the header, or ``row`` of a table, from 1.
    """

    name: str
    digest: str
    rows: pd.DataFrame
    lines: NDArray[np.int64]
    place: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(map(str, self.rows.columns))

    def select(self, rows: NDArray[np.bool_]) -> "SourceTable":
        """Keep some of the rows, and their places in the file."""
        return self if rows.all() else replace(self, rows=self.rows[rows], lines=self.lines[rows])

    def where(self, row: int) -> str:
        """The place of a row in words, such as ``line 7 of predictions.csv``."""
        return f"{self.place} {self.lines[row]} of {self.name}"

    def texts(self, column: str) -> Texts:
        """The cells of a column as text, without spaces at their ends; whole numbers without decimals."""
        texts = np.array(["" if cell is None else str(cell).strip() for cell in self._cells(column)], dtype=object)
        filled = [text for text in texts if text]
        if filled and all(WHOLE_FLOAT.fullmatch(text) for text in filled):  # integers beside an empty cell
            texts = np.array([text.partition(".")[0] for text in texts], dtype=object)
        return texts

    def numbers(self, column: str, *, fix: str) -> Floats:
        """The cells of a column as numbers, NaN where a cell is empty.

        Args:
            column: Its name.
            fix: What to write into a cell that is no number.

        Raises:
            DatasetError: If a cell is no number, or the word NaN.
        """
        cells = [cell.strip() if isinstance(cell, str) else cell for cell in self._cells(column)]
        if any(isinstance(cell, str) and DECIMAL_COMMA.fullmatch(cell) for cell in cells[:100]):
            cells = [cell.replace(",", ".") if isinstance(cell, str) else cell for cell in cells]
        numbers = np.array([np.nan if cell is None or cell == "" else _to_float(cell) for cell in cells])
        bad = np.flatnonzero(np.isinf(numbers))
        if bad.size:
            first = int(bad[0])
            raise DatasetError(
                f"The column {column!r} holds {cells[first]!r} in {self.where(first)}, which is not a finite number.",
                fix=fix,
            )
        return numbers

    def _cells(self, column: str) -> list[Any]:
        """The cells of a column; None where a cell of a typed table is missing."""
        values = self.rows[column]
        return [None if missing else cell for cell, missing in zip(values.tolist(), values.isna(), strict=True)]


def read_table(path: Path, *, file_format: str) -> SourceTable:
    """Read a CSV or Parquet file.

    CSV is UTF-8 with or without a byte order mark, separated by commas, semicolons or tabs, with any line ends.
    """
    content = read_file(path)
    digest = hashlib.sha256(content).hexdigest()[:32]
    if file_format == "parquet":
        rows, lines, place = _read_parquet(path.name, content), None, "row"
    else:
        rows, lines = _read_csv(path.name, content)
        place = "line"
    if rows.empty:
        raise DatasetError(f"{path.name} has no rows.", fix="write one row per case and model.")
    positions = np.arange(1, len(rows) + 1) if lines is None else lines
    return SourceTable(name=path.name, digest=digest, rows=rows, lines=positions, place=place)


def table_of_frame(name: str, frame: pd.DataFrame) -> SourceTable:
    """A table that was read by other means, such as an artifact of a run."""
    content = frame.to_json(orient="split").encode()
    digest = hashlib.sha256(content).hexdigest()[:32]
    return SourceTable(name=name, digest=digest, rows=frame, lines=np.arange(1, len(frame) + 1), place="row")


def choose_format(path: Path, requested: str | None) -> str:
    """The format of a file: as requested, else by its suffix."""
    known = requested or FORMATS.get(path.suffix.lower())
    if known is None:
        raise DatasetError(
            f"The format of {path.name} is not known from its name.", fix="give --format csv, parquet or coco."
        )
    return known


def read_file(path: Path) -> bytes:
    """The content of a file of the user."""
    try:
        return expand_home(path).read_bytes()
    except OSError as error:
        nearby = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DatasetError(
            f"The file {path} cannot be read: {error.strerror}.{did_you_mean(path.name, nearby)}",
            fix="give the path of a CSV or Parquet file of predictions.",
        ) from error


def _read_parquet(name: str, content: bytes) -> pd.DataFrame:
    try:
        rows = pd.read_parquet(BytesIO(content))
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{name} cannot be read as Parquet: {str(error).rstrip('.')}.", fix="write it again."
        ) from error
    named = [index for index in rows.index.names if index is not None]
    return rows.reset_index() if named else rows


def _read_csv(name: str, content: bytes) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    text = _decode(name, content)
    first = text.partition("\n")[0]
    reader = csv.reader(StringIO(text, newline=""), delimiter=max(DELIMITERS, key=first.count), strict=True)
    try:
        header = _header(name, next(reader, []))
        with gc_paused():  # it would scan every row that was read, again and again
            rows = [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise DatasetError(
            f"Line {reader.line_num} of {name} is not a valid CSV row: {error}.", fix="close every quote."
        ) from error
    rows = [(line, cells) for line, cells in rows if any(cells)]
    wrong = next(((line, len(cells)) for line, cells in rows if len(cells) != len(header)), None)
    if wrong is not None:
        raise DatasetError(
            f"Line {wrong[0]} of {name} has {wrong[1]} cells; its header has {len(header)}.",
            fix="give every line as many cells as the header; quote cells that contain a separator.",
        )
    columns = list(zip(*(cells for _, cells in rows), strict=True)) or [()] * len(header)
    frame = pd.DataFrame(dict(enumerate(columns)), dtype=object)
    frame.columns = pd.Index(header)
    empty = [position for position, column in enumerate(header) if not column and not any(columns[position])]
    frame = frame.iloc[:, [position for position in range(len(header)) if position not in empty]]
    return frame, np.array([line for line, _ in rows], dtype=np.int64)


def _header(name: str, cells: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if names and not names[0]:
        names[0] = UNNAMED
    repeated = sorted({cell for cell in names if cell and names.count(cell) > 1})
    if repeated:
        raise DatasetError(f"{name} has two columns named {repeated[0]!r}.", fix="give every column its own name.")
    if not any(names):
        raise DatasetError(f"{name} has no header.", fix="write the names of the columns into its first line.")
    return names


def _decode(name: str, content: bytes) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DatasetError(
            f"Line {line} of {name} is not UTF-8 text.", fix="save the file as CSV in UTF-8, or as Parquet."
        ) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.partition("\n")[2] if text[:5].lower() == "sep=," or text[:4].lower() == "sep=" else text


def _to_float(cell: Any) -> float:
    """A number; infinite for what is none, so that one check finds all of them."""
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return np.inf
    is_word = isinstance(cell, str) and number != number
    return np.inf if is_word else number


def columns_text(columns: Sequence[str]) -> str:
    """Names of columns for a message."""
    return ", ".join(repr(column) for column in columns) or "none"
