"""A progress bar for requests: how many are done, how fast, until when, and what they have cost."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from rich import progress
from rich.text import Text

from arogya_bench.runtime.console import echo, format_duration, stderr_console


class RateColumn(progress.ProgressColumn):
    """Cases per second."""

    def render(self, task: progress.Task) -> Text:
        """Computed when the bar is drawn, since it goes through all recent steps."""
        return Text("" if task.speed is None else f"{task.speed:.1f}/s")


LINE_INTERVAL_S = 60.0  # between the lines that replace the bar where there is no terminal


CountCase = Callable[[Decimal], None]  # counts one more case, with what it has cost now in USD


@contextmanager
def call_progress(description: str, count: int) -> Iterator[CountCase]:
    """Show a progress bar over ``count`` cases; without a terminal, print a line each minute."""
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        RateColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[usd]:.4f} USD"),
    )
    spent, began = Decimal(0), time.monotonic()
    done, printed = 0, began
    disable = not stderr_console.is_terminal
    with progress.Progress(*columns, console=stderr_console, transient=True, disable=disable) as bar:
        task = bar.add_task(description, total=count, usd=spent)

        def count_case(usd: Decimal) -> None:
            nonlocal spent, done, printed
            spent, done, now = spent + usd, done + 1, time.monotonic()
            bar.update(task, advance=1, usd=spent)
            if disable and now - printed >= LINE_INTERVAL_S:
                printed = now
                rest = format_duration((count - done) * (now - began) / done)
                echo(f"{description}: {done:,} of {count:,} answered, {spent:.4f} USD, about {rest} left.")

        yield count_case
