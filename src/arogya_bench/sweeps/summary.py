"""What a sweep came to, told on the terminal: counts, failures, and where to look."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from arogya_bench.runtime.console import echo, plural, stderr_console
from arogya_bench.runtime.store_urls import sqlite_path, without_credentials
from arogya_bench.tracking import saved_views as views
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.store import Store, absolute_uri, default_uri
from arogya_bench.tracking.tags import CELL_KEY, ERROR, ERROR_MESSAGE, FIT_KEY, KIND

FAILED_EXIT = 3


@dataclass(frozen=True, kw_only=True)
class SweepOutcome:
    """What a sweep did.

    Attributes:
        evaluated: Cells that were evaluated now.
        reused: Cells that were there already.
        failed: Runs that did not finish, and whose work no other run of the sweep finished.
        retried: Runs that were lost and made again.
    """

    evaluated: int
    reused: int
    failed: tuple[RunRecord, ...]
    retried: int

    @property
    def exit_code(self) -> int:
        """0, or 3 if a job failed."""
        return FAILED_EXIT if self.failed else 0


def count_outcomes(children: Sequence[RunRecord], *, reused: int) -> SweepOutcome:
    """Count what the runs of a sweep came to."""
    finished = {_work_key(run) for run in children if run.status == "FINISHED"}
    open_ended = [run for run in children if run.status != "FINISHED"]
    failed = {_work_key(run): run for run in open_ended if _work_key(run) not in finished}
    made = sum(_is_cell(run) and run.status == "FINISHED" for run in children)
    again = len(open_ended) - len(failed)
    return SweepOutcome(evaluated=made, reused=reused, failed=tuple(failed.values()), retried=again)


def _work_key(run: RunRecord) -> str:
    """What a run was to make: its cell, or its fit; a run without such a key is its own."""
    key = run.tags.get(CELL_KEY if _is_cell(run) else FIT_KEY)
    return f"{run.tags.get(KIND)} {key}" if key else run.run_id


def _is_cell(run: RunRecord) -> bool:
    return run.tags.get(KIND) == "evaluation"


def print_summary(store: Store, outcome: SweepOutcome) -> None:
    """Say what was done and print the links that open it in ``mlflow ui``."""
    failed = sum(_is_cell(run) for run in outcome.failed)
    made = plural(outcome.evaluated, "cell")
    echo(f"{made} made, {outcome.reused} found, {failed} failed.")
    if outcome.retried:
        echo(f"{plural(outcome.retried, 'run')} lost with a worker and made again.")
    if outcome.failed:
        stderr_console.print(_failure_table(outcome.failed))
    database = sqlite_path(store.uri)
    server = "http://127.0.0.1:5000" if database else without_credentials(store.uri).rstrip("/")
    if database:
        elsewhere = database != Path.cwd() / "mlflow.db"
        _print_command("See it", "mlflow", "ui", *["--backend-store-uri", store.uri] * elsewhere)
    echo(f"  leaderboard {views.view_url(store.ui_path, views.LEADERBOARD, server=server)}")
    echo(f"  robustness  {views.view_url(store.ui_path, views.ROBUSTNESS, server=server)}")
    elsewhere = store.uri != absolute_uri(default_uri())
    where = ["--tracking-uri", without_credentials(store.uri)] * elsewhere
    _print_command("Compare", "arogya-bench", "compare", store.experiment, *where)


def _print_command(label: str, *arguments: str) -> None:
    """Print a command as a shell takes it."""
    echo(f"{label}: {escape(shlex.join(arguments))}")


def _failure_table(failed: Sequence[RunRecord]) -> Table:
    table = Table(title="Not finished")
    for head in ("run", "status", "cause"):
        table.add_column(head, no_wrap=True)
    table.add_column("message")
    for run in failed:
        message = run.tags.get(ERROR_MESSAGE, "ended from outside")
        table.add_row(
            run.name,
            run.status,
            run.tags.get(ERROR, "unknown"),
            escape(message.splitlines()[0] if message else "unknown"),
        )
    return table
