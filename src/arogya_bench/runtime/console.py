"""Messages and progress bars on standard error."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

from rich import progress
from rich.console import Console
from rich.markup import escape

from arogya_bench.runtime.redaction import redact

T = TypeVar("T")

# Results go to standard output; without a terminal, lines are not wrapped at 80 columns.
stderr_console = Console(stderr=True, width=None if sys.stderr.isatty() else 120)


def track(items: Iterable[T], description: str, total: int) -> Iterable[T]:
    """Show a progress bar while iterating over ``total`` items, on a terminal only."""
    return progress.track(
        items,
        description=description,
        total=total,
        console=stderr_console,
        transient=True,
        disable=not stderr_console.is_terminal,
    )


def spinner(description: str) -> AbstractContextManager[object]:
    """Show activity of unknown duration, on a terminal only."""
    return stderr_console.status(description) if stderr_console.is_terminal else nullcontext()


@contextmanager
def progress_line() -> Iterator[Callable[[str], None]]:
    """Yield a function that shows what is being done, on a terminal only, by updating one line."""
    if not stderr_console.is_terminal:
        yield lambda _: None
        return
    with stderr_console.status("") as status:
        yield lambda text: status.update(escape(text))


def echo(text: str) -> None:
    """Print one line on standard error, with secrets masked."""
    stderr_console.print(redact(text), highlight=False, soft_wrap=True)


def plural(number: int, noun: str) -> str:
    """A number and its noun: ``1 cell``, ``2 cells``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def format_duration(seconds: float) -> str:
    """A duration such as ``45 s``, ``12 min`` or ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
