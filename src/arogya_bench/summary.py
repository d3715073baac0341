"""What a sweep came to, told on the terminal: counts, failures, and where to look."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from arogya_bench import stores, tracking, views
from arogya_bench.addresses import public
from arogya_bench.progress import counted, say, screen

FAILED_EXIT = 3


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a sweep did.

    Attributes:
        made: Cells that were evaluated now.
        found: Cells that were there already.
        failed: Runs that did not finish.
        lost: Cells without any run, because the launcher broke.
    """

    made: int
    found: int
    failed: tuple[tracking.RunRecord, ...]
    lost: int

    @property
    def exit_code(self) -> int:
        """0, or 3 if a job failed."""
        return FAILED_EXIT if self.failed or self.lost else 0


def outcome(children: Sequence[tracking.RunRecord], *, found: int, lost: int) -> Outcome:
    """Count what the runs of a sweep came to."""
    failed = tuple(run for run in children if run.status != "FINISHED")
    made = sum(_is_cell(run) and run.status == "FINISHED" for run in children)
    return Outcome(made=made, found=found, failed=failed, lost=lost)


def _is_cell(run: tracking.RunRecord) -> bool:
    return run.tags.get("arogya.kind") == "evaluation"


def show(store: stores.Store, outcome: Outcome) -> None:
    """Say what was done and print the links that open it in ``mlflow ui``."""
    failed = sum(_is_cell(run) for run in outcome.failed)
    lost = f", {outcome.lost} not run" if outcome.lost else ""
    made = counted(outcome.made, "cell")
    say(f"{made} made, {outcome.found} found, {failed} failed{lost}.")
    if outcome.failed:
        screen.print(_failures(outcome.failed))
    database = stores.sqlite_path(store.uri)
    server = "http://127.0.0.1:5000" if database else public(store.uri).rstrip("/")
    if database:
        elsewhere = database.parent != Path.cwd()
        say(f"See it: mlflow ui{f' --backend-store-uri {store.uri}' if elsewhere else ''}")
    say(f"  leaderboard {views.link(store.link, views.LEADERBOARD, server=server)}")
    say(f"  robustness  {views.link(store.link, views.ROBUSTNESS, server=server)}")
    say(f"Compare: arogya-bench compare {escape(shlex.quote(store.experiment))}")


def _failures(failed: Sequence[tracking.RunRecord]) -> Table:
    table = Table(title="Not finished")
    for head in ("run", "status", "cause"):
        table.add_column(head, no_wrap=True)
    table.add_column("message")
    for run in failed:
        message = run.tags.get("arogya.error_message", "ended from outside")
        table.add_row(
            run.name,
            run.status,
            run.tags.get("arogya.error", "unknown"),
            escape(message.splitlines()[0] if message else "unknown"),
        )
    return table
