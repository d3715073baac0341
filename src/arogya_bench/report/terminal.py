"""Print a comparison to the terminal, without the details of the page."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.report.columns import GREY
from arogya_bench.report.page import view_report
from arogya_bench.report.page_view import PageView
from arogya_bench.report.section import Section
from arogya_bench.report.structure import DatasetReport
from arogya_bench.report.terminal_table import build_tables

DEFAULT_WIDTH = 100  # columns, if the output is not a terminal
STYLES = {"error": "bold yellow", "warning": "yellow"}  # of warnings, by weight
BRACKETS = "In brackets: measured under bad conditions, so that no recommendation rests on it."


def print_comparison(comparison: ComparisonTables) -> None:
    """Print first screens, tables and methods to standard output."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=DEFAULT_WIDTH)
    view = view_report(comparison, server="")
    report = view.report
    console.print(f"\n[bold]{escape(report.title)}[/]\n{escape(report.subtitle)}")
    for dataset in report.datasets:
        _print_first_screen(console, dataset, view)
        _print_sections(console, dataset.sections, view)
    if report.sections:
        console.print(f"\n[bold]{escape(report.sections_title)}[/]")
    _print_sections(console, report.sections, view)
    console.print(f"\n[bold]{escape(report.methods_title)}[/]")
    for term, explanation in report.methods:
        console.print(f"{escape(term)}: {escape(explanation)}")


def _print_first_screen(console: Console, dataset: DatasetReport, view: PageView) -> None:
    """Question and answer, the numbers behind it, what it rests on and does not show, and warnings."""
    summary = dataset.summary
    console.print(f"\n[bold]{escape(dataset.dataset)}[/]\n{escape(summary.question)}")
    console.print(f"[bold]{escape(summary.answer)}[/]\n{escape(summary.reason)}")
    _print_list(console, [f"{number.label}: {number.value}" for number in summary.numbers])
    if summary.rests_on:
        facts = "; ".join(f"{name}: {value}" for name, value in summary.rests_on)
        console.print(f"[bold]{escape(view.label('What it rests on'))}[/]\n{escape(facts)}.")
    if summary.not_shown:
        console.print(f"[bold]{escape(view.label('What it does not show'))}[/]")
        _print_list(console, summary.not_shown)
    for warning in view.warnings(dataset):
        weight, style = view.label(warning.weight.capitalize()), STYLES.get(warning.weight, "default")
        console.print(f"[{style}]{escape(f'{weight}: {warning.text}')}[/]")


def _print_list(console: Console, items: Sequence[str]) -> None:
    for item in items:
        console.print(f"- {escape(item)}")


def _print_sections(console: Console, sections: Iterable[Section], view: PageView) -> None:
    for section in sections:
        if not section.detail:
            shown = section.brief()
            console.print(f"\n[bold]{escape(shown.title)}[/]")
            for table in build_tables(shown, console.width):
                console.print(table)
            has_brackets = any(cell.tone == GREY for row in shown.cells for cell in row)
            brackets = view.words.find("sentences", BRACKETS) or BRACKETS
            for text in filter(None, (shown.note, brackets if has_brackets else "", *shown.footnotes)):
                console.print(f"[dim]{escape(text)}[/]")
