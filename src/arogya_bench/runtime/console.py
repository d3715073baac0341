"""Progress on a terminal, and silence everywhere else."""

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from arogya_bench.runtime.redaction import disguised

Thing = TypeVar("Thing")

# Results go to standard output, progress does not; logs are wider than the 80 columns of old.
screen = Console(stderr=True, width=None if sys.stderr.isatty() else 120)


def watched(things: Iterable[Thing], text: str, total: int) -> Iterable[Thing]:
    """Show a bar while iterating over ``total`` things, where somebody can see it."""
    return track(
        things,
        description=text,
        total=total,
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )


def working(text: str) -> AbstractContextManager[object]:
    """Show that something of unknown length goes on, where somebody can see it."""
    return screen.status(text) if screen.is_terminal else nullcontext()


def say(text: str) -> None:
    """Tell a person what happens, one line on standard error."""
    screen.print(disguised(text), highlight=False, soft_wrap=True)


def counted(number: int, noun: str) -> str:
    """A number with its noun: ``1 cell``, ``2 cells``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
