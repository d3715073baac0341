"""A section of a report: a heading with a table and possibly a chart, and its notes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from arogya_bench.figures.prepared import Drawable
from arogya_bench.report.columns import Cell, Column, Row

Plot = Callable[[], Drawable | None]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with a table and possibly a chart.

    Attributes:
        name: Identifies the section in file names.
        note: How to read the table.
        footnotes: Notes on single rows, with their names.
        records: What the columns format, one per row.
        plot: Draws the chart; called on demand, because it imports Altair.
        finding: States in a sentence or two what the chart shows, for readers who cannot see it.
        detail: Whether the terminal omits the section.
        brief_note: The note of the brief form, if another.
        brief_form: What the terminal shows in place of the section, if it has other rows.
        left_out: Columns without a value, each of which a footnote of the report names with the reason.
        brief_footnotes: Those of the brief form, which has no word on columns that it never shows; None for all.
    """

    name: str
    title: str
    note: str
    columns: tuple[Column, ...]
    records: Sequence[Any]
    plot: Plot | None = None
    finding: Callable[[], str] | None = None
    detail: bool = False
    footnotes: tuple[str, ...] = ()
    brief_note: str = ""
    brief_form: "Section | None" = None
    left_out: tuple[Column, ...] = ()
    brief_footnotes: tuple[str, ...] | None = None

    @property
    def headers(self) -> list[str]:
        """The headers of all columns."""
        return [column.header for column in self.columns]

    @property
    def cells(self) -> list[list[Cell]]:
        """The cells with their looks."""
        return [[column.cell(record) for column in self.columns] for record in self.records]

    @property
    def rows(self) -> list[list[str]]:
        """The formatted cells."""
        return [[cell.text for cell in cells] for cells in self.cells]

    @property
    def chart(self) -> Drawable | None:
        """The chart; None if the section has none, or nothing to draw."""
        return self.plot() if self.plot else None

    def without_empty_columns(self) -> "Section":
        """Return the section without the columns in which no row has a value, which are left out."""
        cells = self.cells
        if not cells:
            return self
        empty = [all(row[place].is_empty for row in cells) for place in range(len(self.columns))]
        if not any(empty):
            return self
        shown = tuple(column for column, is_empty in zip(self.columns, empty, strict=True) if not is_empty)
        left_out = (column for column, is_empty in zip(self.columns, empty, strict=True) if is_empty)
        return replace(self, columns=shown, left_out=(*self.left_out, *left_out))

    def brief(self) -> "Section":
        """Return the section with fewer and narrower columns, for a terminal."""
        if self.brief_form is not None:
            return self.brief_form
        columns = (column.brief or column for column in self.columns if not column.detail)
        footnotes = self.footnotes if self.brief_footnotes is None else self.brief_footnotes
        return replace(self, columns=tuple(columns), note=self.brief_note or self.note, footnotes=footnotes)


def row_footnotes(rows: Sequence[Row], name_of: Callable[[Row], str]) -> tuple[str, ...]:
    """Each distinct note once, with the rows that it concerns."""
    return group_notes([(name_of(row), str(row["note"])) for row in rows if row.get("note")], of=len(rows))


def group_notes(notes: Iterable[tuple[str, str]], *, of: int) -> tuple[str, ...]:
    """Each distinct note once, with its names; "All" if these are as many as ``of``."""
    concerned: dict[str, list[str]] = {}
    for name, note in dict.fromkeys(notes):
        concerned.setdefault(note, []).append(name)
    return tuple(
        f"{'All' if len(names) == of > 1 else ', '.join(names)}: {note.removesuffix('.')}."
        for note, names in concerned.items()
    )


def omission_note(rows: Sequence[object], most: int) -> str:
    """What a note adds if a page shows only the first rows of a table; empty if it shows all."""
    return f" The first {most} of {len(rows)} rows; the table of the comparison has all." if len(rows) > most else ""
