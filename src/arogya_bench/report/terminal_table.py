"""Lay out the table of a section in the columns of a terminal, without breaking a number or an interval."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from arogya_bench.comparison.measurement_notes import NOT_MEASURED
from arogya_bench.report.columns import GREY, MARKED, Cell, Column
from arogya_bench.report.section import Section

INTERVAL = re.compile(r"(^| )\[[^\]]*\d")  # in a cell with an estimate and its ends
INTERVAL_SIGN = "[95 % CI]"
MAX_WORD = 12  # letters of a word that a column of texts has room for
MAX_RANK = 3  # letters of a first column that does not name its row
KEY_SHARE = 0.45  # of the width that the columns with the names of the rows take at most
GAP = 2  # between columns


@dataclass(frozen=True, kw_only=True)
class _TextColumn:
    """A column as the terminal shows it.

    Attributes:
        cells: In markup.
        whole: Whether no cell may be broken.
        need: Letters that the column takes at least.
    """

    header: str
    cells: tuple[str, ...]
    whole: bool
    need: int


def build_tables(section: Section, width: int) -> Iterator[Table]:
    """The table of a section; in several parts, each with the names of the rows, if it is wider than the terminal."""
    columns = [_arrange(section, place, width) for place in _shown_columns(section)]
    keys = 2 if len(columns) > 2 and columns[0].need <= MAX_RANK else 1
    for part in _split(columns[:keys], columns[keys:], width):
        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        for column in part:
            header = _fold(column.header, column.need) if column.whole else column.header
            table.add_column(escape(header), no_wrap=column.whole, overflow="fold")  # a cut name may be another's
        for cells in zip(*(column.cells for column in part), strict=True):
            table.add_row(*cells)
        yield table


def _arrange(section: Section, place: int, width: int) -> _TextColumn:
    column, header = section.columns[place], section.headers[place]
    cells = tuple(_format_cell(row[place]) for row in section.cells)
    word = max(map(len, header.replace(INTERVAL_SIGN, "").split()), default=1)
    longest = max([*map(_length, cells), word, len(INTERVAL_SIGN) if INTERVAL_SIGN in header else 1])
    whole = _is_whole(column, cells) or (place == 0 and longest <= KEY_SHARE * width)
    need = longest if whole else min(MAX_WORD, max([word, *map(_longest_word, cells)]))
    return _TextColumn(header=header, cells=cells, whole=whole, need=need)


def _is_whole(column: Column, cells: Sequence[str]) -> bool:
    """Whether the cells are numbers, intervals or short texts, which are not broken."""
    is_short = all(_length(cell) <= MAX_WORD for cell in cells)
    return column.numeric or is_short or any(INTERVAL.search(Text.from_markup(cell).plain) for cell in cells)


def _split(keys: Sequence[_TextColumn], others: Sequence[_TextColumn], width: int) -> Iterator[tuple[_TextColumn, ...]]:
    room = width - sum(column.need + GAP for column in keys)
    part: list[_TextColumn] = []
    used = 0
    for column in others:
        if part and used + column.need + GAP > room:
            yield (*keys, *part)
            part, used = [], 0
        part.append(column)
        used += column.need + GAP
    yield (*keys, *part)


def _format_cell(cell: Cell) -> str:
    """A number of a bad measurement in brackets and dim, one of a doubtful measurement in yellow."""
    if cell.tone == GREY:
        return f"[dim]({escape(cell.text)})[/]"
    return f"[yellow]{escape(cell.text)}[/]" if cell.tone == MARKED else escape(cell.text)


def _length(cell: str) -> int:
    return max(map(cell_len, Text.from_markup(cell).plain.splitlines()), default=0)


def _longest_word(cell: str) -> int:
    return max(map(len, Text.from_markup(cell).plain.split()), default=0)


def _fold(header: str, width: int) -> str:
    """A header on as many lines as its column needs to be no wider than its cells and its longest word."""
    return "\n".join(textwrap.wrap(header.replace(INTERVAL_SIGN, INTERVAL_SIGN.replace(" ", "\u00a0")), width))


def _shown_columns(section: Section) -> list[int]:
    """Positions of the columns in which some row has a value."""
    rows = section.cells
    return [
        column
        for column in range(len(section.headers))
        if not rows or any(row[column].text != NOT_MEASURED for row in rows)
    ]
