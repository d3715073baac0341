"""What the gate found in the data of a sweep, for the terminal and for the run of the sweep."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from rich.markup import escape

from arogya_bench.datasets.positive_class import positive_class_note
from arogya_bench.evaluation.job import PlannedJob
from arogya_bench.gate.copies import COPIES_FILE
from arogya_bench.gate.findings import GateReport, format_finding
from arogya_bench.runtime.console import echo
from arogya_bench.runtime.csv_text import to_csv_text
from arogya_bench.tracking.items import Item, TableView, Text


def gate_reports(jobs: Sequence[PlannedJob]) -> dict[str, GateReport]:
    """One gate report for each split of a sweep, by split digest: the one with the most findings.

    Reports on one split differ where a model was trained on the dataset.
    """
    reports = sorted((planned.gate_report for planned in jobs), key=lambda report: len(report.findings))
    return {report.split_digest: report for report in reports}


def gate_items(jobs: Sequence[PlannedJob]) -> Iterator[Item]:
    """The findings of each split, and every pair of copies in it, for the run of the sweep."""
    for split_digest, report in gate_reports(jobs).items():
        name = f"gate/{report.dataset}-{split_digest[:6]}"
        yield TableView(file=f"{name}.json", rows=report.table())
        copies = report.copies()
        if len(copies):
            yield Text(file=f"{name}-{COPIES_FILE}", text=to_csv_text(copies))


def print_gate_summary(jobs: Sequence[PlannedJob]) -> None:
    """Print a summary of each split, the notes on it and its dataset, and each error and warning of any report."""
    lines: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for planned in jobs:
        report = planned.gate_report
        said = (*planned.dataset.notes, *planned.split.notes, positive_class_note(planned.dataset))
        lines[report.split_digest] |= dict.fromkeys(filter(None, said))
        lines[report.split_digest] |= dict.fromkeys(
            format_finding(vars(finding)) for finding in (*report.errors, *report.warnings)
        )
    for split_digest, report in gate_reports(jobs).items():
        echo(escape(report.summary()))
        for line in lines[split_digest]:
            echo(f"  {escape(line)}")
