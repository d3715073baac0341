"""Says which cells a sweep skipped, why, and what to do: on the terminal, and in the run of the sweep."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from rich.markup import escape

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.evaluation.job import PlannedJob
from arogya_bench.evaluation.run_items import cell_tags
from arogya_bench.runtime.console import echo, plural
from arogya_bench.runtime.redaction import redact
from arogya_bench.sweeps.plan import SweepPlan
from arogya_bench.sweeps.requirements import SkippedJob
from arogya_bench.tracking import tags
from arogya_bench.tracking.items import Item, Tags, Text

SKIPPED_FILE = "skipped.json"
# What tells a cell, as the tags of its run would, under their names without "arogya.".
CELL_TAGS = (
    *(tags.MODEL, tags.CONDITION, tags.SEED, tags.DATASET, tags.DATASET_DIGEST, tags.SPLIT, tags.SPLIT_DIGEST),
    *(tags.MODEL_CONFIG_DIGEST, tags.CELL_KEY, tags.TASK, tags.AUGMENTATION, tags.SEVERITY, tags.SEVERITY_LEVEL),
    tags.MODEL_PARAMS,
)


def print_skipped(plan: SweepPlan) -> None:
    """Print each reason once, with the rows and the number of cells that it concerns."""
    cells: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for skipped, keys in _cells_by_job(plan):
        name = f"{skipped.planned.job.row_name} on {skipped.planned.dataset.name}"
        cells[skipped.reason.problem, skipped.reason.fix][name] += keys.values()
    for (problem, fix), rows in cells.items():
        names = ", ".join(f"{name} ({plural(len(keys), 'cell')})" for name, keys in rows.items())
        echo(f"[yellow]skipped[/] {escape(names)}: {escape(problem)}")
        echo(escape(f"  Fix: {fix}"))


def skipped_items(plan: SweepPlan) -> list[Item]:
    """What the run of a sweep says of the cells that it skipped; nothing if there are none."""
    cells = [
        _describe_cell(skipped, condition)
        for skipped, keys in _cells_by_job(plan)
        for condition in skipped.planned.job.conditions
        if condition.name in keys
    ]
    if not cells:
        return []
    return [
        Text(file=SKIPPED_FILE, text=json.dumps(cells, indent=1, ensure_ascii=False)),
        Tags(values={tags.SKIPPED: str(len(cells))}),
    ]


def all_jobs(plan: SweepPlan) -> Sequence[PlannedJob]:
    """The jobs of a sweep with those that are skipped, as they were asked for."""
    return [*plan.jobs, *(skipped.planned for skipped in plan.skipped)]


def _cells_by_job(plan: SweepPlan) -> Iterator[tuple[SkippedJob, Mapping[str, str]]]:
    """The skipped jobs with their skipped cells by condition; a cell of several jobs counts for the first."""
    remaining = set(plan.skipped_cells)
    for skipped in plan.skipped:
        cells = {name: key for name, key in skipped.planned.cell_keys.items() if key in remaining}
        remaining -= set(cells.values())
        if cells:
            yield skipped, cells


def _describe_cell(skipped: SkippedJob, condition: Condition) -> dict[str, str]:
    run_tags = cell_tags(skipped.planned, condition)
    return {
        **{tag.removeprefix("arogya."): run_tags[tag] for tag in CELL_TAGS if tag in run_tags},
        "requirement": redact(skipped.reason.problem),
        "fix": redact(skipped.reason.fix),
    }
