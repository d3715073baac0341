"""Prints a gate report on the terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from arogya_bench.gate.findings import GateReport

COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


def print_gate_report(report: GateReport) -> None:
    """Print the findings as a table, errors first, then notes and a summary."""
    console = Console(highlight=False)
    table = Table("code", "finding", "count", box=None, pad_edge=False, padding=(0, 3, 1, 0))
    for finding in report.findings:
        lines = [f"[bold]{escape(finding.title)}[/]"]
        lines += [escape(finding.detail)] if finding.detail else []
        lines += [f"such as {escape(finding.examples_text)}"] if finding.examples_text else []
        colour = COLOURS[finding.severity]
        code = f"[{colour}]{finding.code} {finding.severity}[/]"
        table.add_row(code, "\n".join([*lines, f"→ {escape(finding.fix)}"]), f"{finding.count:,}")
    if report.findings:
        console.print(table)
    for note in report.notes:
        console.print(escape(note))
    console.print(escape(report.summary()))
