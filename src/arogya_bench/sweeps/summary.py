"""What a sweep came to, told on the terminal: counts, failures, and where to look."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from arogya_bench.runtime.console import counted, say, screen
from arogya_bench.runtime.store_urls import public, sqlite_path
from arogya_bench.tracking import runs as tracking
from arogya_bench.tracking import saved_views as views
from arogya_bench.tracking import store as stores

FAILED_EXIT = 3


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a sweep did.

    Attributes:
        made: Cells that were evaluated now.
        found: Cells that were there already.
        failed: Runs that did not finish, and whose work no other run of the sweep finished.
        again: Runs that were lost and made again.
    """

    made: int
    found: int
    failed: tuple[tracking.RunRecord, ...]
    again: int

    @property
    def exit_code(self) -> int:
        """0, or 3 if a job failed."""
        return FAILED_EXIT if self.failed else 0


def outcome(children: Sequence[tracking.RunRecord], *, found: int) -> Outcome:
    """Count what the runs of a sweep came to."""
    finished = {_work(run) for run in children if run.status == "FINISHED"}
    open_ended = [run for run in children if run.status != "FINISHED"]
    failed = {_work(run): run for run in open_ended if _work(run) not in finished}
    made = sum(_is_cell(run) and run.status == "FINISHED" for run in children)
    again = len(open_ended) - len(failed)
    return Outcome(made=made, found=found, failed=tuple(failed.values()), again=again)


def _work(run: tracking.RunRecord) -> str:
    """What a run was to make: its cell, or its fit; a run without such a key is its own."""
    key = run.tags.get("arogya.cell" if _is_cell(run) else "arogya.fit")
    return f"{run.tags.get('arogya.kind')} {key}" if key else run.run_id


def _is_cell(run: tracking.RunRecord) -> bool:
    return run.tags.get("arogya.kind") == "evaluation"


def show(store: stores.Store, outcome: Outcome) -> None:
    """Say what was done and print the links that open it in ``mlflow ui``."""
    failed = sum(_is_cell(run) for run in outcome.failed)
    made = counted(outcome.made, "cell")
    say(f"{made} made, {outcome.found} found, {failed} failed.")
    if outcome.again:
        say(f"{counted(outcome.again, 'run')} lost with a worker and made again.")
    if outcome.failed:
        screen.print(_failures(outcome.failed))
    database = sqlite_path(store.uri)
    server = "http://127.0.0.1:5000" if database else public(store.uri).rstrip("/")
    if database:
        elsewhere = database != Path.cwd() / "mlflow.db"
        _say_command("See it", "mlflow", "ui", *["--backend-store-uri", store.uri] * elsewhere)
    say(f"  leaderboard {views.link(store.link, views.LEADERBOARD, server=server)}")
    say(f"  robustness  {views.link(store.link, views.ROBUSTNESS, server=server)}")
    elsewhere = store.uri != stores.absolute(stores.default_uri())
    where = ["--tracking-uri", public(store.uri)] * elsewhere
    _say_command("Compare", "arogya-bench", "compare", store.experiment, *where)


def _say_command(why: str, *words: str) -> None:
    """Print a command as a shell takes it."""
    say(f"{why}: {escape(shlex.join(words))}")


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
