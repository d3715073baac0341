"""What the parsers of several commands share."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import TypeAlias

from arogya_bench.errors import installed_version

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # argparse exports no name for it
REPORT_FORMATS = ("html", "csv", "json", "pdf", "png", "site", "markdown", "latex", "schema")


class CommandParser(argparse.ArgumentParser):
    """A parser whose last lines of help are made when they are asked for, since they read files."""

    make_epilog: Callable[[], str] | None = None

    def format_help(self) -> str:
        """The help, with its last lines."""
        if self.make_epilog is not None:
            self.epilog = self.make_epilog()
        return super().format_help()


class ShowVersion(argparse.Action):
    """``--version``: prints the version, which is looked up only then."""

    def __init__(self, option_strings: list[str], dest: str, **_: object) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it and exit."""
        sys.stdout.write(f"arogya-bench {installed_version()}\n")
        parser.exit()


def add_tracking_uri(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the MLflow store."""
    parser.add_argument(
        "--tracking-uri",
        default=os.environ.get("MLFLOW_TRACKING_URI"),
        metavar="URI",
        help="MLflow store (default: MLFLOW_TRACKING_URI, else mlflow.db in this folder)",
    )
