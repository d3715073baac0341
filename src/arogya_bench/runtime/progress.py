"""What this process is doing, on one line of the terminal; nothing where standard error is none.

A child process sends its text to its parent, which shows it behind its own: two processes must not draw on one line.
"""

import multiprocessing
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from rich import progress
from rich.status import Status
from rich.text import Text

from arogya_bench.runtime.console import stderr_console
from arogya_bench.runtime.redaction import redact

T = TypeVar("T")

SEPARATOR = " · "


@dataclass(eq=False)
class Activity:
    """Something that takes a while, and how far it is."""

    description: str
    text: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.description, self.text) if part)


@dataclass
class ActivityLine:
    """The activities of this process, the outermost first, and where they are shown."""

    activities: list[Activity] = field(default_factory=list)
    show: Callable[[str], None] | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)  # texts of two threads must not mix in a pipe

    def update(self) -> None:
        """Show all activities on one line."""
        with self.lock:
            if self.show is not None:
                self.show(SEPARATOR.join(text for activity in self.activities if (text := str(activity))))

    def show_with(self, show: Callable[[str], None] | None) -> None:
        """Show the line in another way from now on."""
        with self.lock:
            self.show = show


_line = ActivityLine()


def report_progress(text: str) -> None:
    """Set the text of the innermost activity of this process; nothing happens where none is shown."""
    if _line.activities:
        _line.activities[-1].text = text
        _line.update()


@contextmanager
def show_activity(description: str) -> Iterator[None]:
    """Show what is being done until the block ends, behind the activities around it."""
    if _line.show is not None:
        with _add_activity(description):
            yield
    elif is_shown():
        with stderr_console.status("") as status, send_activities_to(_text_setter(status)), _add_activity(description):
            yield
    else:
        yield


@contextmanager
def send_activities_to(show: Callable[[str], None]) -> Iterator[None]:
    """Call ``show`` with the line of activities whenever it changes, instead of drawing it."""
    previous = _line.show
    _line.show_with(show)
    try:
        yield
    finally:
        _line.show_with(previous)


def is_shown() -> bool:
    """Whether this process draws on the terminal: it is no child of another, and standard error is a terminal."""
    return stderr_console.is_terminal and multiprocessing.parent_process() is None


def track(items: Iterable[T], description: str, total: int) -> Iterable[T]:
    """Show how many of ``total`` items were taken: a bar on a terminal, a text where activities are sent elsewhere."""
    if is_shown():
        return progress.track(items, description=description, total=total, console=stderr_console, transient=True)
    return items if _line.show is None else _count(items, description, total)


def _count(items: Iterable[T], description: str, total: int) -> Iterator[T]:
    with show_activity(description):
        for number, item in enumerate(items, start=1):
            report_progress(f"{number} of {total}")
            yield item


@contextmanager
def _add_activity(description: str) -> Iterator[None]:
    activity = Activity(description)
    _line.activities.append(activity)
    _line.update()
    try:
        yield
    finally:
        _line.activities.remove(activity)
        _line.update()


def _text_setter(status: Status) -> Callable[[str], None]:
    def show(text: str) -> None:
        status.update(Text(redact(text)))

    return show
