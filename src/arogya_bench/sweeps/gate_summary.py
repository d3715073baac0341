"""What the gate found in the data of a sweep, for the terminal and for the run of the sweep."""

from collections import defaultdict
from collections.abc import Sequence

from rich.markup import escape

from arogya_bench.evaluation.job import PlannedJob
from arogya_bench.gate.findings import GateReport, format_finding
from arogya_bench.runtime.console import echo


def gate_reports(jobs: Sequence[PlannedJob]) -> dict[str, GateReport]:
    """One gate report for each split of a sweep, by split digest: the one with the most findings.

    Reports on one split differ where a model was trained on the dataset.
    """
    reports = sorted((planned.gate_report for planned in jobs), key=lambda report: len(report.findings))
    return {report.split_digest: report for report in reports}


def print_gate_summary(jobs: Sequence[PlannedJob]) -> None:
    """Print a summary of each split, and one line for each error and warning of any of its reports."""
    lines: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for planned in jobs:
        report = planned.gate_report
        lines[report.split_digest] |= dict.fromkeys(
            format_finding(vars(finding)) for finding in (*report.errors, *report.warnings)
        )
    for split_digest, report in gate_reports(jobs).items():
        echo(escape(report.summary()))
        for line in lines[split_digest]:
            echo(f"  {escape(line)}")
