"""The command ``arogya-bench verify``."""

import argparse
from pathlib import Path

from rich.markup import escape

from arogya_bench.cli.arguments import Subparsers, add_tracking_uri
from arogya_bench.cli.startup import silence_logging

DESCRIPTION = """\
Recompute every number of comparison.json or report.html from MLflow, from the runs that it names, and say
what differs. Exits with 0 if nothing does, with 1 if a number, a text or a digest differs or cannot be recomputed,
or a run is gone, with 2 if the file is no comparison or the store cannot be read.

examples:
  arogya-bench verify reports/report.html
  arogya-bench verify comparison.json --tracking-uri http://mlflow.example:5000
"""
SHOWN = 20  # differences that are listed


def add_parser(commands: Subparsers) -> None:
    """Add the parser of the command."""
    verify = commands.add_parser(
        "verify",
        help="recompute every number of a report from MLflow",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verify.add_argument("file", type=Path, metavar="FILE", help="comparison.json or report.html")
    add_tracking_uri(verify)
    verify.set_defaults(command=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    silence_logging()
    return run_verify(arguments.file, tracking_uri=arguments.tracking_uri)


def run_verify(path: Path, *, tracking_uri: str | None) -> int:
    """Verify a file, print what was found, and return the exit code."""
    from arogya_bench.report.verification import verify_file
    from arogya_bench.runtime.console import echo, plural
    from arogya_bench.runtime.progress import show_activity

    with show_activity("Recomputing from MLflow"):
        found = verify_file(path, tracking_uri=tracking_uri)
    for sentence in (*found.notes, *found.checked):
        echo(escape(sentence))
    for problem in found.problems:
        echo(escape(f"  {problem}"))
    for difference in found.differences[:SHOWN]:
        echo(escape(f"  {difference.line}"))
    rest = len(found.differences) - SHOWN
    if rest > 0:
        echo(f"  and {rest} more.")
    count = plural(len(found.differences) + len(found.problems), "difference")
    left_out = f"; not compared: {', '.join(found.left_out)}" if found.left_out else ""
    taken = f", except for what was not compared: {', '.join(found.taken)}" if found.taken else ""
    verified = f"Verified: {path} is as recomputed{taken}."
    echo(escape(verified if found.passed else f"NOT verified: {count}{left_out}."))
    return 0 if found.passed else 1
