"""Print a comparison to the terminal, without the details of the page."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.measurement_notes import NOT_MEASURED
from arogya_bench.report.columns import GREY, MARKED, Cell
from arogya_bench.report.content import DatasetReport, build_report
from arogya_bench.report.section import Section

DEFAULT_WIDTH = 100  # columns, if the output is not a terminal


def print_comparison(comparison: ComparisonTables) -> None:
    """Print verdicts, tables and methods to standard output."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=DEFAULT_WIDTH)
    report = build_report(comparison)
    console.print(f"\n[bold]{escape(report.title)}[/]\n{escape(report.subtitle)}")
    for dataset in report.datasets:
        _print_dataset(console, dataset)
    if report.sections:
        console.print(f"\n[bold]{escape(report.sections_title)}[/]")
    _print_sections(console, report.sections)
    console.print(f"\n[bold]{escape(report.methods_title)}[/]")
    for term, explanation in report.methods:
        console.print(f"{escape(term)}: {escape(explanation)}")


def _print_dataset(console: Console, dataset: DatasetReport) -> None:
    console.print(f"\n[bold]{escape(dataset.dataset)}[/]")
    console.print(f"[bold]{escape(dataset.headline)}[/]\n{escape(dataset.reason)}")
    for note in dataset.notes:
        console.print(f"- {escape(note)}")
    for warning in dataset.warnings:
        console.print(f"[bold yellow]{escape(warning)}[/]")
    for caveat in dataset.caveats:
        console.print(f"[yellow]{escape(caveat)}[/]")
    _print_sections(console, dataset.sections)


def _print_sections(console: Console, sections: Iterable[Section]) -> None:
    for section in sections:
        if not section.detail:
            console.print()
            console.print(_build_table(section.brief()))
            for footnote in section.footnotes:
                console.print(f"[dim]{escape(footnote)}[/]")


def _format_cell(cell: Cell) -> str:
    """A number of a bad measurement in brackets and dim, one of a doubtful measurement in yellow."""
    if cell.tone == GREY:
        return f"[dim]({escape(cell.text)})[/]"
    return f"[yellow]{escape(cell.text)}[/]" if cell.tone == MARKED else escape(cell.text)


def _build_table(section: Section) -> Table:
    table = Table(
        title=escape(section.title),
        title_justify="left",
        caption=escape(section.note),
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    shown = _shown_columns(section)
    for header in (section.headers[column] for column in shown):
        kept_whole = header == "condition" or header.endswith("CI]")
        table.add_column(escape(header), no_wrap=kept_whole, overflow="fold")  # a cut name may be that of another row
    for row in section.cells:
        table.add_row(*(_format_cell(row[column]) for column in shown))
    return table


def _shown_columns(section: Section) -> list[int]:
    """Positions of the columns in which some row has a value."""
    rows = section.cells
    return [
        column
        for column in range(len(section.headers))
        if not rows or any(row[column].text != NOT_MEASURED for row in rows)
    ]
