"""What the parsers of several commands share."""

import argparse
from typing import TypeAlias

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # argparse exports no name for it
REPORT_FORMATS = ("html", "csv", "json", "pdf", "png")
