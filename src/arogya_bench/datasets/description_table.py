"""Render a dataset description as text for a terminal."""

from collections.abc import Iterable, Iterator, Mapping
from io import StringIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from arogya_bench.datasets.description import (
    ALL,
    NO_BOX_ROW,
    STRAY_LABEL_ROW,
    ClassCount,
    DatasetDescription,
    MetadataColumn,
)

MIN_REPEATS = 10  # cases; a column whose values are all rarer holds identifiers
MAX_EXAMPLES = 3
UNKNOWN = "-"


def render(description: DatasetDescription, width: int = 100) -> str:
    """Render a description as tables and sentences, ``width`` columns wide."""
    page = StringIO()
    # force_jupyter: in a notebook rich would display the tables instead of writing them here.
    console = Console(file=page, width=width, highlight=False, color_system=None, force_jupyter=False)
    console.print(_info_table(description))
    console.print()
    console.print(_counts_table(description))
    if description.metadata:
        console.print(_metadata_table(description.metadata))
    for remark in _remarks(description):
        console.print(escape(remark))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def _info_table(description: DatasetDescription) -> Table:
    total = description.totals[ALL]
    groups = f" of {total.groups:,} groups" if description.grouped else ""
    boxes = "" if total.boxes is None else f", with {total.boxes:,} boxes"
    rows = {
        "dataset": description.name,
        "task": description.task,
        "images": f"{total.cases:,}{groups}{boxes}",
        "classes": f"{len(description.classes)}{', grades in ascending order' if description.ordinal else ''}",
        "licence": description.licence,
        "source": description.source,
        "cite": description.citation or "not stated",
        "version": description.version,
        "digest": description.digest,
        "split": f"{description.split}, digest {description.split_digest}" if description.split else "none",
    }
    grid = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        grid.add_row(name, escape(value))
    return grid


def _counts_table(description: DatasetDescription) -> Table:
    boxed = description.totals[ALL].boxes is not None
    title = "Images per class" + (", groups in parentheses" if description.grouped else "")
    table = Table(title=title, title_justify="left")
    table.add_column("class", overflow="fold")
    for head in (ALL, "share", *(["boxes"] if boxed else []), *description.parts[1:]):
        table.add_column(head, justify="right", no_wrap=True)
    rows: dict[str, Mapping[str, ClassCount] | None] = dict(description.classes)
    if description.unclassed and description.unclassed[ALL].cases:
        rows[NO_BOX_ROW if description.task == "detection" else STRAY_LABEL_ROW] = description.unclassed
    for name, counts in rows.items():
        table.add_row(escape(name), *_format_counts(counts, description))
    table.add_section()
    table.add_row("all", *_format_counts(description.totals, description))
    return table


def _format_counts(counts: Mapping[str, ClassCount] | None, description: DatasetDescription) -> Iterator[str]:
    for part in description.parts:
        count = counts[part] if counts else None
        yield _format_count(count, grouped=description.grouped)
        if part == ALL:
            total = description.totals[ALL]
            yield f"{100 * count.cases / total.cases:.1f} %" if count and total.cases else UNKNOWN
            if total.boxes is not None:
                yield f"{count.boxes:,}" if count else UNKNOWN


def _format_count(count: ClassCount | None, *, grouped: bool) -> str:
    if count is None:
        return UNKNOWN
    return f"{count.cases:,} ({count.groups:,})" if grouped else f"{count.cases:,}"


def _metadata_table(columns: Iterable[MetadataColumn]) -> Table:
    table = Table(title="Metadata", title_justify="left")
    for head, side in (("column", "left"), ("missing", "right"), ("different", "right")):
        table.add_column(head, justify="right" if side == "right" else "left", no_wrap=True)
    table.add_column("values", overflow="fold")
    for column in columns:
        table.add_row(
            escape(column.name), f"{column.missing:,}", f"{column.distinct:,}", escape(_format_values(column))
        )
    return table


def _format_values(column: MetadataColumn) -> str:
    if column.low is not None:
        return f"{column.low:g} to {column.high:g}, median {column.middle:g}"
    if column.distinct > len(column.common) and max(column.common.values()) < MIN_REPEATS:
        return f"such as {', '.join(list(column.common)[:MAX_EXAMPLES])}"
    values = ", ".join(f"{value} {count:,}" for value, count in column.common.items())
    n_more = column.distinct - len(column.common)
    return f"{values} and {n_more:,} more" if n_more else values


def _remarks(description: DatasetDescription) -> Iterator[str]:
    if not description.grouped:
        yield "The source names no patients: intervals are too narrow if patients have several images."
    if description.task == "segmentation":
        yield "Classes are not counted: they are in the masks, which were not opened."
    if description.overlaps:
        yield f"Shares images with: {', '.join(description.overlaps)}."
    if description.stray_labels:
        labels = ", ".join(f"{label!r} {count:,}" for label, count in description.stray_labels.items())
        yield f"Labels outside the classes, excluded from every evaluation: {labels}."
    yield from description.notes
