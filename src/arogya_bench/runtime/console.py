"""Progress on a terminal, and silence everywhere else."""

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from rich import progress
from rich.console import Console

from arogya_bench.runtime.redaction import redact

T = TypeVar("T")

# Results go to standard output, progress does not; logs are wider than the 80 columns of old.
stderr_console = Console(stderr=True, width=None if sys.stderr.isatty() else 120)


def track(items: Iterable[T], description: str, total: int) -> Iterable[T]:
    """Show a bar while iterating over ``total`` things, where somebody can see it."""
    return progress.track(
        items,
        description=description,
        total=total,
        console=stderr_console,
        transient=True,
        disable=not stderr_console.is_terminal,
    )


def spinner(description: str) -> AbstractContextManager[object]:
    """Show that something of unknown length goes on, where somebody can see it."""
    return stderr_console.status(description) if stderr_console.is_terminal else nullcontext()


def echo(text: str) -> None:
    """Tell a person what happens, one line on standard error."""
    stderr_console.print(redact(text), highlight=False, soft_wrap=True)


def plural(number: int, noun: str) -> str:
    """A number with its noun: ``1 cell``, ``2 cells``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
