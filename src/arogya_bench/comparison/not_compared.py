"""Evaluations of one dataset that stand apart from others, and why."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import MODEL_CONFIG_DIGEST, read_metric_tags

NOT_COMPARED_COLUMNS = ("dataset", "model", "run_id", "other_dataset", "reason")


def not_compared_rows(blocks: Sequence[ComparableRuns]) -> list[TableRow]:
    """One row per model that a reader might look for beside others, but that is not compared with them.

    Of several blocks with one dataset name, the one with most rows stands for the dataset: what is in the others is
    compared only with its own kind. A row that lacks folds is compared with nothing.
    """
    by_name: defaultdict[str, list[ComparableRuns]] = defaultdict(list)
    for block in blocks:
        by_name[block.name].append(block)
    rows: list[TableRow] = []
    for same_name in by_name.values():
        reference = max(same_name, key=lambda block: len(block.row_names))
        rows += [row for block in same_name if block is not reference for row in _apart(block, reference)]
    for block in blocks:
        rows += [*_incomplete(block), *_other_metric_versions(block)]
    return rows


def _apart(block: ComparableRuns, reference: ComparableRuns) -> Iterator[TableRow]:
    reasons = []
    if block.digest != reference.digest:
        reasons.append(f"other content of the dataset (digest {block.digest[:6]} against {reference.digest[:6]})")
    if block.task.name != reference.task.name:
        reasons.append(f"another task ({block.task.name} against {reference.task.name})")
    if block.split != reference.split:
        reasons.append(f"another split ({block.split} against {reference.split})")
    elif block.split_digest != reference.split_digest and block.digest == reference.digest:
        reasons.append(f"other test cases, although both splits are called {block.split}")
    for row, name in block.row_names.items():
        seeds = block.seeds(row, CLEAN)
        if seeds:
            run = block.runs[row, CLEAN, seeds[0]]
            yield _row(block, name, run, "; ".join(reasons), other=reference.dataset)


def _incomplete(block: ComparableRuns) -> Iterator[TableRow]:
    if block.cross_validation is None:
        return
    for row, (run, reason) in block.cross_validation.incomplete_rows().items():
        if row in block.row_names:
            name = block.row_names[row]
            yield _row(block, name, run, f"{reason}, so that it was not tested on the same cases", other=block.dataset)


def _other_metric_versions(block: ComparableRuns) -> Iterator[TableRow]:
    """Rows that logged another version of a metric of another package than the newest run."""
    runs = sorted(block.all_runs, key=lambda run: run.start_time)
    specs = {run.run_id: read_metric_tags(run.tags) for run in runs}
    newest = {name: spec.version for run in runs for name, spec in specs[run.run_id].items()}
    seen = set()
    for run in runs:
        row = run.tags[MODEL_CONFIG_DIGEST]
        for name, spec in specs[run.run_id].items():
            if spec.version != newest[name] and row in block.row_names and (row, name) not in seen:
                seen.add((row, name))
                reason = (
                    f"its run logs version {spec.version} of {name} and others version {newest[name]}: the logged "
                    "values are not comparable; a comparison by it recomputes all with the installed version"
                )
                yield _row(block, block.row_names[row], run, reason, other=block.dataset)


def _row(block: ComparableRuns, model: str, run: RunRecord, reason: str, *, other: str) -> TableRow:
    return {"dataset": block.dataset, "model": model, "run_id": run.run_id, "other_dataset": other, "reason": reason}
