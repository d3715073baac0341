"""Prints how a sweep ended: counts, failures, and the commands and links that show its results."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from arogya_bench.runtime.console import echo, plural, stderr_console
from arogya_bench.runtime.store_urls import without_credentials
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.saved_views import LEADERBOARD, ROBUSTNESS, SPEED, view_url
from arogya_bench.tracking.store import Store, absolute_uri, default_uri
from arogya_bench.tracking.tags import CELL_KEY, ERROR, ERROR_MESSAGE, FIT_KEY, KIND
from arogya_bench.tracking.ui_address import find_ui

FAILED_EXIT = 3


@dataclass(frozen=True, kw_only=True)
class SweepOutcome:
    """How a sweep ended.

    Attributes:
        evaluated: Number of cells that the sweep evaluated; ``measured`` is that of measurements.
        reused: Number of cells that were finished before.
        failed: Runs that did not finish, and whose cell or fit no other run of the sweep finished.
        retried: Number of unfinished runs whose cell or fit another run finished.
    """

    evaluated: int
    measured: int
    reused: int
    failed: tuple[RunRecord, ...]
    retried: int

    @property
    def exit_code(self) -> int:
        """0, or 3 if a job failed."""
        return FAILED_EXIT if self.failed else 0


def count_outcomes(children: Sequence[RunRecord], *, reused: int) -> SweepOutcome:
    """Count the runs of a sweep by how they ended."""
    finished = {_work_key(run) for run in children if run.status == "FINISHED"}
    unfinished = [run for run in children if run.status != "FINISHED"]
    failed = {_work_key(run): run for run in unfinished if _work_key(run) not in finished}
    return SweepOutcome(
        evaluated=sum(_is_cell(run) and run.status == "FINISHED" for run in children),
        measured=sum(run.tags.get(KIND) == "measurement" and run.status == "FINISHED" for run in children),
        reused=reused,
        failed=tuple(failed.values()),
        retried=len(unfinished) - len(failed),
    )


def print_summary(store: Store, outcome: SweepOutcome, *, skipped: int = 0, cost: str = "") -> None:
    """Print the counts, the cost, a table of failures, and where to see and compare the results."""
    failed = sum(_is_cell(run) for run in outcome.failed)
    if outcome.evaluated or outcome.reused or failed or skipped:
        counts = f"{plural(outcome.evaluated, 'cell')} evaluated, {outcome.reused} reused, {failed} failed"
        echo(f"{counts}, {skipped} skipped." if skipped else f"{counts}.")
    if outcome.measured:
        echo(f"{plural(outcome.measured, 'model')} measured.")
    if cost:
        echo(escape(cost))
    if outcome.retried:
        echo(f"{plural(outcome.retried, 'run')} retried after a worker was lost.")
    if outcome.failed:
        stderr_console.print(_failure_table(outcome.failed))
    if not (outcome.evaluated or outcome.reused or outcome.measured):
        echo("Nothing was finished: mend the causes, and run the same command again; it does what is missing.")
        return
    _print_results_links(store, measured=bool(outcome.measured))
    compare = ["arogya-bench", "compare", store.experiment]
    if store.uri != absolute_uri(default_uri()):
        compare += ["--tracking-uri", without_credentials(store.uri)]
    _print_command("Compare", compare)


def _print_results_links(store: Store, *, measured: bool) -> None:
    ui = find_ui(store)
    if ui.command:
        _print_command("Browse the results", ui.command)
    server = ui.server
    echo(f"  leaderboard {view_url(store.ui_path, LEADERBOARD, server=server)}")
    echo(f"  robustness  {view_url(store.ui_path, ROBUSTNESS, server=server)}")
    if measured:
        echo(f"  speed       {view_url(store.ui_path, SPEED, server=server)}")


def _print_command(label: str, command: Sequence[str]) -> None:
    """Print a command, quoted for a shell."""
    echo(f"{label}: {escape(shlex.join(command))}")


def _failure_table(failed: Sequence[RunRecord]) -> Table:
    table = Table(title="Not finished")
    for heading in ("run", "status", "cause"):
        table.add_column(heading, no_wrap=True)
    table.add_column("message")
    for run in failed:
        message = run.tags.get(ERROR_MESSAGE, "terminated externally")
        first_line = message.splitlines()[0] if message else "unknown"
        table.add_row(run.name, run.status, run.tags.get(ERROR, "unknown"), escape(first_line))
    return table


def _work_key(run: RunRecord) -> str:
    """The cell, measurement or fit that a run is for; a run without such a key counts by itself."""
    key = run.tags.get(CELL_KEY) or run.tags.get(FIT_KEY)
    return f"{run.tags.get(KIND)} {key}" if key else run.run_id


def _is_cell(run: RunRecord) -> bool:
    return run.tags.get(KIND) == "evaluation"
