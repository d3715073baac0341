"""What the gate found, for a terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from arogya_bench.gate.findings import GateReport

COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


def print_gate_report(report: GateReport) -> None:
    """Print the findings, worst first."""
    console = Console(highlight=False)
    table = Table("code", "what", "count", box=None, pad_edge=False, padding=(0, 3, 1, 0))
    for each in report.findings:
        lines = [f"[bold]{escape(each.title)}[/]"]
        lines += [escape(each.detail)] if each.detail else []
        lines += [f"such as {escape(each.examples_text)}"] if each.examples_text else []
        colour = COLOURS[each.severity]
        code = f"[{colour}]{each.code} {each.severity}[/]"
        table.add_row(code, "\n".join([*lines, f"→ {escape(each.fix)}"]), f"{each.count:,}")
    if report.findings:
        console.print(table)
    for note in report.notes:
        console.print(escape(note))
    console.print(escape(report.summary()))
