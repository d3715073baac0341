"""The scores of a sweep in a small table, which its command ends with."""

import sys
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from arogya_bench.runtime.console import plural
from arogya_bench.scoring.tasks import TASKS
from arogya_bench.sweeps.plan import SweepPlan
from arogya_bench.tracking.runs import FINISHED_EVALUATIONS, RunRecord, search_runs
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import CELL_KEY, CONDITION, DATASET, MODEL, SEED, SPLIT, TASK

MAX_ROWS = 12
CLEAN = "clean"
NO_VALUE = "undefined"


def print_scores(plan: SweepPlan, store: Store) -> None:
    """Print the scores of a sweep on standard output, the best first: on clean images, or on what it tested instead."""
    keys = {key for planned in plan.jobs for key in planned.cell_keys.values()}
    first = {next(iter(planned.cell_keys.values())) for planned in plan.jobs}
    runs = {run.tags[CELL_KEY]: run for run in search_runs(store, FINISHED_EVALUATIONS) if run.tags[CELL_KEY] in keys}
    for dataset in dict.fromkeys(run.tags[DATASET] for run in runs.values()):
        evaluated = [run for run in runs.values() if run.tags[DATASET] == dataset]
        shown = [run for run in evaluated if run.tags[CONDITION] == CLEAN]
        shown = shown or [run for run in evaluated if run.tags[CELL_KEY] in first] or evaluated
        _print_table(shown, dataset, left_out=len(evaluated) - len(shown))


def _print_table(runs: Sequence[RunRecord], dataset: str, *, left_out: int) -> None:
    metric = TASKS[runs[0].tags[TASK]].default_metric
    sign = -1 if TASKS[runs[0].tags[TASK]].metrics[metric].best == "high" else 1
    ordered = sorted(runs, key=lambda run: (metric not in run.metrics, sign * run.metrics.get(metric, 0.0)))
    differing = [tag for tag in (SEED, SPLIT, CONDITION) if len({run.tags.get(tag) for run in runs}) > 1]
    conditions = {run.tags[CONDITION] for run in runs}
    scope = f", {next(iter(conditions))}" if len(conditions) == 1 else ""
    caption = "; ".join(_captions(len(runs), left_out)) or None
    table = Table(title=f"{dataset}{scope}", title_justify="left", caption=caption, caption_justify="left")
    for heading in ("model", *(tag.removeprefix("arogya.") for tag in differing)):
        table.add_column(heading, overflow="fold")
    table.add_column(f"{metric} [95 % CI]", justify="right", no_wrap=True)
    for run in ordered[:MAX_ROWS]:
        cells = [run.tags[MODEL], *(run.tags.get(tag, "") for tag in differing), _describe(run, metric)]
        table.add_row(*map(escape, cells))
    # Without a terminal, lines are not wrapped at 80 columns.
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _captions(rows: int, left_out: int) -> Iterator[str]:
    if rows > MAX_ROWS:
        yield f"and {plural(rows - MAX_ROWS, 'more row')} in the leaderboard"
    if left_out:
        yield f"{plural(left_out, 'evaluation')} on changed images not shown; arogya-bench compare shows all"


def _describe(run: RunRecord, metric: str) -> str:
    value, low, high = (run.metrics.get(f"{metric}{end}") for end in ("", ".ci_low", ".ci_high"))
    if value is None:
        return NO_VALUE
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"
