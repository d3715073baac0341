"""Messages on standard error."""

import multiprocessing
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType

from arogya_bench.runtime.redaction import redact

# Results go to standard output; without a terminal, lines are not wrapped at 80 columns.
stderr_console = Console(stderr=True, width=None if sys.stderr.isatty() else 120)
stdout_console = Console(width=None if sys.stdout.isatty() else 120)
_message_console = ContextVar("message_console", default=stderr_console)


def echo(text: str) -> None:
    """Print one line on standard error, or where ``messages_on_stdout`` says, with secrets masked."""
    if multiprocessing.parent_process() is not None:  # which may be drawing a line on the same terminal
        stderr_console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
    _message_console.get().print(redact(text), highlight=False, soft_wrap=True)


@contextmanager
def messages_on_stdout() -> Iterator[None]:
    """Print messages on standard output, for a command whose result they are."""
    token = _message_console.set(stdout_console)
    try:
        yield
    finally:
        _message_console.reset(token)


def plural(number: int, noun: str) -> str:
    """A number and its noun: ``1 cell``, ``2 cells``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def format_duration(seconds: float) -> str:
    """A duration such as ``45 s``, ``12 min`` or ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
