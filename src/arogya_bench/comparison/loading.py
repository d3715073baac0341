"""Read the evaluations of MLflow experiments and group those that may be compared."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.comparison.block_builder import BlockContext, RunGroup, build_block
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.missing_cells import cell_key, missing_row
from arogya_bench.comparison.not_compared import not_compared_rows
from arogya_bench.comparison.pooled_folds import find_cross_validations
from arogya_bench.comparison.row_names import row_names
from arogya_bench.comparison.selection import ALL_VARIANTS, BlockKey, Selection, block_key, nothing_finished, read_cells
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.metrics.plugins import PluginMetric, load_plugin_metrics
from arogya_bench.scoring.tasks import TASKS
from arogya_bench.tracking.runs import FINISHED_FITS, RunRecord, search_runs
from arogya_bench.tracking.store import Store, with_experiments
from arogya_bench.tracking.tags import MODEL, SPLIT_DIGEST, read_metric_tags

BUILTIN_METRICS = tuple(dict.fromkeys(name for task in TASKS.values() for name in task.metrics))


@dataclass(frozen=True, kw_only=True)
class DatasetWithoutResult:
    """A dataset and split on which no evaluation finished.

    Attributes:
        dataset: Display name, as that of a block.
        reason: How many evaluations ended how, and the error of the newest one.
        missing: One mapping per cell.
    """

    dataset: str
    split: str
    reason: str
    missing: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class LoadedEvaluations:
    """The selected evaluations.

    Attributes:
        blocks: What can be compared.
        without_result: The datasets without a finished evaluation.
        not_compared: Rows of a table: what stands apart from the rest of its dataset, and why.
    """

    blocks: tuple[ComparableRuns, ...]
    without_result: tuple[DatasetWithoutResult, ...]
    not_compared: tuple[TableRow, ...] = ()


def load_evaluations(
    store: Store, *, selection: Selection | None = None, resamples: int, requested_metric: str = ""
) -> LoadedEvaluations:
    """Read the selected evaluations and group them into comparable blocks.

    Args:
        store: The store; its experiment is read if the selection names none.
        selection: Which evaluations; None takes all of the experiment.
        resamples: Number of bootstrap resamples.
        requested_metric: A built-in metric, or one of the package that the runs name.

    Raises:
        TrackingError: If there is no evaluation, or none that knew its data.
        ConfigError: If the metric is unknown, or its package is not installed.
    """
    selection = selection or Selection()
    store = with_experiments(store, selection.experiments)
    cells = read_cells(store, selection)
    located = [cell for cell in cells if SPLIT_DIGEST in cell.tags]
    plugin_metrics: Sequence[PluginMetric] = ()
    if requested_metric and requested_metric not in BUILTIN_METRICS:
        plugin_metrics = (_load_plugin_metric(requested_metric, located),)
    if not located:
        raise nothing_finished(store, selection, cells)
    context = BlockContext(
        store=store,
        resamples=resamples,
        fits={run.run_id: run for run in search_runs(store, FINISHED_FITS)},
        requested_metric=requested_metric,
        plugin_metrics=plugin_metrics,
        without_data=[missing_row(run) for run in _failed_before_data(cells)],
        all_variants=selection.variants == ALL_VARIANTS,
    )
    groups = sorted(_group_runs(located), key=lambda group: group.sort_key)
    names = [group.name for group in groups]
    compared, without_result = [], []
    for group in groups:
        dataset = group.qualified_name if names.count(group.name) > 1 else group.name
        if group.is_finished:
            compared.append(build_block(group, dataset, context))
        else:
            without_result.append(_describe_failure(group, dataset))
    return LoadedEvaluations(
        blocks=tuple(compared), without_result=tuple(without_result), not_compared=tuple(not_compared_rows(compared))
    )


def _group_runs(located: Sequence[RunRecord]) -> list[RunGroup]:
    """Group runs by what they must share; the folds of one cross-validation together."""
    blocks: dict[BlockKey, list[RunRecord]] = defaultdict(list)
    for run in located:
        blocks[block_key(run)].append(run)
    studies = find_cross_validations(blocks)
    pooled = {key for keys in studies for key in keys}
    single = [RunGroup(members=members) for key, members in blocks.items() if key not in pooled]
    return [*single, *(RunGroup(members=study.all_runs, cross_validation=study) for study in studies.values())]


def _load_plugin_metric(requested_metric: str, runs: Iterable[RunRecord]) -> PluginMetric:
    """Load a metric of another package, as the newest run describes it."""
    known = {name: spec for run in runs for name, spec in read_metric_tags(run.tags).items()}
    if requested_metric not in known:
        names = [*BUILTIN_METRICS, *known]
        raise ConfigError(
            f"There is no metric {requested_metric!r}.{did_you_mean(requested_metric, names)}",
            fix=f"choose one of: {', '.join(names)}",
        )
    (metric,) = load_plugin_metrics({requested_metric: known[requested_metric]}, reserved_names=BUILTIN_METRICS)
    return metric


def _failed_before_data(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Jobs that failed before they had read their data, unless their model finished later."""
    last = {run.tags.get(MODEL): run for run in runs if run.status == "FINISHED"}
    return [
        run
        for run in runs
        if SPLIT_DIGEST not in run.tags
        and not ((later := last.get(run.tags.get(MODEL))) and later.start_time > run.start_time)
    ]


def _describe_failure(group: RunGroup, dataset: str) -> DatasetWithoutResult:
    """Describe the runs of a dataset on which none finished; the newest run of a cell counts."""
    latest = list({(block_key(run), cell_key(run)): run for run in group.members}.values())
    counts = Counter(run.status.lower() for run in latest)
    outcomes = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    causes = [cell for cell in map(missing_row, latest) if cell["cause"]]
    cause = f" {causes[-1]['cause']}: {causes[-1]['message']}".rstrip(": ") if causes else ""
    return DatasetWithoutResult(
        dataset=dataset,
        split=group.split,
        reason=f"No evaluation finished ({outcomes}).{cause}",
        missing=tuple(group.missing(row_names(group.members))),
    )
