"""The description of a dataset on a terminal."""

from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from arogya_bench.datasets.description import Column, Count, Description

ALL = "all"  # the part that holds every case
WITHOUT_BOX = "(no box)"
NO_CLASS = "(label outside the classes)"
MANY = 10  # cases of a value; a column whose values are all rarer holds names
FEW = 3
UNKNOWN = "-"


def written(about: "Description", width: int) -> str:
    """Write a description as tables and sentences.

    Args:
        about: What is known.
        width: In columns.
    """
    page = StringIO()
    # A notebook would get the tables at once, and the caller nothing.
    console = Console(
        file=page, width=width, highlight=False, color_system=None, force_jupyter=False
    )
    console.print(_card(about))
    console.print()
    console.print(_counts(about))
    if about.metadata:
        console.print(_columns(about.metadata))
    for remark in _remarks(about):
        console.print(escape(remark))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def _card(about: "Description") -> Table:
    total = about.totals[ALL]
    groups = f" of {total.groups:,} groups" if about.grouped else ""
    boxes = "" if total.boxes is None else f", with {total.boxes:,} boxes"
    rows = {
        "dataset": about.name,
        "task": about.task,
        "images": f"{total.cases:,}{groups}{boxes}",
        "classes": f"{len(about.classes)}{', grades in ascending order' if about.ordinal else ''}",
        "licence": about.licence,
        "source": about.source,
        "cite": about.citation or "not stated",
        "version": about.version,
        "digest": about.digest,
        "split": f"{about.split}, digest {about.split_digest}" if about.split else "not divided",
    }
    grid = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        grid.add_row(name, escape(value))
    return grid


def _counts(about: "Description") -> Table:
    boxed = about.totals[ALL].boxes is not None
    title = "Images per class" + (", groups in parentheses" if about.grouped else "")
    table = Table(title=title, title_justify="left")
    table.add_column("class", overflow="fold")
    for head in (ALL, "share", *(["boxes"] if boxed else []), *about.parts[1:]):
        table.add_column(head, justify="right", no_wrap=True)
    rows: dict[str, Mapping[str, Count] | None] = dict(about.classes)
    if about.unclassed and about.unclassed[ALL].cases:
        rows[WITHOUT_BOX if about.task == "detection" else NO_CLASS] = about.unclassed
    for name, counts in rows.items():
        table.add_row(escape(name), *_cells(counts, about))
    table.add_section()
    table.add_row("all", *_cells(about.totals, about))
    return table


def _cells(counts: "Mapping[str, Count] | None", about: "Description") -> Iterator[str]:
    for part in about.parts:
        count = counts[part] if counts else None
        yield _cell(count, grouped=about.grouped)
        if part == ALL:
            total = about.totals[ALL]
            yield f"{100 * count.cases / total.cases:.1f} %" if count and total.cases else UNKNOWN
            if total.boxes is not None:
                yield f"{count.boxes:,}" if count else UNKNOWN


def _cell(count: "Count | None", *, grouped: bool) -> str:
    if count is None:
        return UNKNOWN
    return f"{count.cases:,} ({count.groups:,})" if grouped else f"{count.cases:,}"


def _columns(columns: Iterable["Column"]) -> Table:
    table = Table(title="Metadata", title_justify="left")
    for head, side in (("column", "left"), ("missing", "right"), ("different", "right")):
        table.add_column(head, justify="right" if side == "right" else "left", no_wrap=True)
    table.add_column("values", overflow="fold")
    for column in columns:
        table.add_row(
            escape(column.name),
            f"{column.missing:,}",
            f"{column.distinct:,}",
            escape(_values(column)),
        )
    return table


def _values(column: "Column") -> str:
    if column.low is not None:
        return f"{column.low:g} to {column.high:g}, median {column.middle:g}"
    if column.distinct > len(column.common) and max(column.common.values()) < MANY:
        return f"such as {', '.join(list(column.common)[:FEW])}"
    said = ", ".join(f"{value} {count:,}" for value, count in column.common.items())
    rest = column.distinct - len(column.common)
    return f"{said} and {rest:,} more" if rest else said


def _remarks(about: "Description") -> Iterator[str]:
    if not about.grouped:
        yield "The source names no patients: intervals are too narrow if they repeat."
    if about.task == "segmentation":
        yield "Classes lie in masks, which were not opened: how many images show one is unknown."
    if about.overlaps:
        yield f"Shares images with: {', '.join(about.overlaps)}."
    if about.stray_labels:
        found = ", ".join(f"{label!r} {count:,}" for label, count in about.stray_labels.items())
        yield f"Labels outside the classes, which no evaluation may use: {found}."
    yield from about.notes
