"""A section of a report: a heading with a table and possibly a chart, and its notes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from arogya_bench.report.columns import Cell, Column, Row

if TYPE_CHECKING:
    import altair as alt

    Plot = Callable[[], "alt.TopLevelMixin | None"]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with a table and possibly a chart.

    Attributes:
        name: Identifies the section in file names.
        note: How to read the table.
        footnotes: Notes on single rows, with their names.
        records: What the columns format, one per row.
        plot: Draws the chart; called on demand, because it imports Altair.
        detail: Whether the terminal omits the section.
        brief_note: The note of the brief form, if another.
        brief_form: What the terminal shows in place of the section, if it has other rows.
    """

    name: str
    title: str
    note: str
    columns: tuple[Column, ...]
    records: Sequence[Any]
    plot: "Plot | None" = None
    detail: bool = False
    footnotes: tuple[str, ...] = ()
    brief_note: str = ""
    brief_form: "Section | None" = None

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
    def chart(self) -> "alt.TopLevelMixin | None":
        """The chart; None if the section has none, or nothing to draw."""
        return self.plot() if self.plot else None

    def brief(self) -> "Section":
        """Return the section with fewer and narrower columns, for a terminal."""
        if self.brief_form is not None:
            return self.brief_form
        columns = (column.brief or column for column in self.columns if not column.detail)
        return replace(self, columns=tuple(columns), note=self.brief_note or self.note)


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
