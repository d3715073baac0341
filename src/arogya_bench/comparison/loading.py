"""Read the evaluations of an MLflow experiment and group those that may be compared."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from arogya_bench.comparison.blocks import CLEAN, ComparableRuns, StoredCondition
from arogya_bench.comparison.caveats import find_caveats
from arogya_bench.comparison.gate_findings import load_gate_findings, rows_trained_on_test
from arogya_bench.comparison.missing_cells import cell_key, missing_cells, missing_row
from arogya_bench.comparison.row_names import row_names
from arogya_bench.comparison.skipped_cells import SKIPPED_STATUS, load_skipped_cells
from arogya_bench.errors import ConfigError, TrackingError, did_you_mean
from arogya_bench.metrics.plugins import PluginMetric, load_plugin_metrics
from arogya_bench.scoring.tasks import TASKS
from arogya_bench.tracking.runs import RunRecord, search_runs
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import (
    AUGMENTATION,
    CONDITION,
    DATASET,
    DATASET_DIGEST,
    ERROR_MESSAGE,
    GROUPED,
    KIND,
    MODEL,
    MODEL_CONFIG_DIGEST,
    SEVERITY,
    SEVERITY_LEVEL,
    SPLIT,
    SPLIT_DIGEST,
    TASK,
    read_metric_tags,
)

BUILTIN_METRICS = tuple(dict.fromkeys(name for task in TASKS.values() for name in task.metrics))

BlockKey = tuple[str, str, str, str]  # dataset, dataset digest, split digest, task


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
    """The evaluations of an experiment: what can be compared, and the datasets that have no result."""

    blocks: tuple[ComparableRuns, ...]
    without_result: tuple[DatasetWithoutResult, ...]


def load_evaluations(
    store: Store, *, where: str | None, resamples: int, requested_metric: str = ""
) -> LoadedEvaluations:
    """Read every evaluation of an experiment and group them into comparable blocks.

    Args:
        store: The store and its experiment.
        where: An MLflow search filter that selects evaluations.
        resamples: Number of bootstrap resamples.
        requested_metric: A built-in metric, or one of the package that the runs name.

    Raises:
        TrackingError: If no evaluation is finished.
        ConfigError: If the metric is unknown, or its package is not installed.
    """
    cells = _read_cells(store, where)
    located = [cell for cell in cells if SPLIT_DIGEST in cell.tags]
    plugin_metrics: Sequence[PluginMetric] = ()
    if requested_metric and requested_metric not in BUILTIN_METRICS:
        plugin_metrics = (_load_plugin_metric(requested_metric, located),)
    if not any(run.status == "FINISHED" for run in located):
        raise _nothing_finished(store, where, cells)
    blocks: dict[BlockKey, list[RunRecord]] = defaultdict(list)
    for run in located:
        blocks[_block_key(run)].append(run)
    names = [key[0] for key in blocks]
    without_data = [missing_row(run) for run in _failed_before_data(cells)]
    compared, without_result = [], []
    for key, members in sorted(blocks.items(), key=_block_sort_key):
        dataset = _qualified_name(members[0]) if names.count(key[0]) > 1 else key[0]
        if any(run.status == "FINISHED" for run in members):
            compared.append(_build_block(store, members, dataset, resamples, without_data, plugin_metrics))
        else:
            without_result.append(_describe_failure(members, dataset))
    return LoadedEvaluations(blocks=tuple(compared), without_result=tuple(without_result))


def _read_cells(store: Store, where: str | None) -> list[RunRecord]:
    """Read the evaluations and the cells that sweeps skipped, oldest first."""
    fix = f"correct the filter {where!r}; see MLflow's documentation of search_runs for examples."
    query = f"tags.`{KIND}` = 'evaluation'"
    runs = search_runs(store, f"{query} and {where}", fix=fix) if where else search_runs(store, query)
    skipped = load_skipped_cells(store)
    if where:
        skipped = _select_skipped(skipped, runs)
    return sorted([*runs, *skipped], key=lambda run: run.start_time)


def _nothing_finished(store: Store, where: str | None, cells: Sequence[RunRecord]) -> TrackingError:
    """Say that nothing can be compared; where cells were skipped, with the requirement of the newest."""
    skipped = [cell for cell in cells if cell.status == SKIPPED_STATUS]
    counts = f"{len(cells) - len(skipped)} evaluations in total"
    fix = "run a sweep first, for example: arogya-bench run experiment=demo"
    if skipped:
        requirement, _, remedy = skipped[-1].tags[ERROR_MESSAGE].partition(" Fix: ")
        fix = remedy or fix
        count = f"{len(skipped)} {'cell was' if len(skipped) == 1 else 'cells were'} skipped"
        counts += f"; {count}: {requirement.rstrip('.')}"
    filtered = f" where {where}" if where else ""
    return TrackingError(
        f"The experiment {store.experiment!r} has no finished evaluation{filtered} ({counts}).", fix=fix
    )


def _select_skipped(skipped: Sequence[RunRecord], selected: Sequence[RunRecord]) -> list[RunRecord]:
    """The skipped cells of rows and datasets of which a filter selects runs: it cannot select what has no run."""

    def is_located(run: RunRecord) -> bool:
        return SPLIT_DIGEST in run.tags

    rows = {(run.tags[MODEL_CONFIG_DIGEST], _block_key(run)) for run in filter(is_located, selected)}
    return [cell for cell in filter(is_located, skipped) if (cell.tags[MODEL_CONFIG_DIGEST], _block_key(cell)) in rows]


def _block_key(run: RunRecord) -> BlockKey:
    """What two evaluations must share; one dataset may serve several tasks."""
    return run.tags[DATASET], run.tags[DATASET_DIGEST], run.tags[SPLIT_DIGEST], run.tags[TASK]


def _block_sort_key(block: tuple[BlockKey, Sequence[RunRecord]]) -> tuple[str, ...]:
    """Sort by dataset name; the folds of one dataset by the name of their split."""
    (name, digest, split_digest, task), members = block
    return name, digest, members[0].tags.get(SPLIT, ""), split_digest, task


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


def _qualified_name(run: RunRecord) -> str:
    """The name of a dataset that several blocks share, told apart by content, split and task."""
    name, digest, split_digest, task = _block_key(run)
    return f"{name} ({digest[:6]}-{split_digest[:6]}, {run.tags.get(SPLIT, '')}, {task})"


def _describe_failure(members: Sequence[RunRecord], dataset: str) -> DatasetWithoutResult:
    """Describe the runs of a dataset on which none finished; the newest run of a cell counts."""
    latest = list({cell_key(run): run for run in members}.values())
    counts = Counter(run.status.lower() for run in latest)
    outcomes = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    causes = [cell for cell in map(missing_row, latest) if cell["cause"]]
    cause = f" {causes[-1]['cause']}: {causes[-1]['message']}".rstrip(": ") if causes else ""
    return DatasetWithoutResult(
        dataset=dataset,
        split=members[0].tags.get(SPLIT, ""),
        reason=f"No evaluation finished ({outcomes}).{cause}",
        missing=tuple(missing_cells(members, {}, row_names(members), _collect_conditions(members))),
    )


def _build_block(
    store: Store,
    members: Sequence[RunRecord],
    dataset: str,
    resamples: int,
    extra_missing: Sequence[Mapping[str, str]],
    plugin_metrics: Sequence[PluginMetric],
) -> ComparableRuns:
    name, digest, split_digest, task = _block_key(members[0])
    runs = [run for run in members if run.status != SKIPPED_STATUS]
    finished = {cell_key(run): run for run in runs if run.status == "FINISHED"}
    names = row_names(members)
    conditions = _collect_conditions(members)
    gate = load_gate_findings(store, runs, names)
    trained_on_test = rows_trained_on_test(runs, names)
    return ComparableRuns(
        task=TASKS[task].with_metrics(plugin_metrics),
        dataset=dataset,
        name=name,
        digest=digest,
        split=members[0].tags.get(SPLIT, ""),
        store=store,
        split_digest=split_digest,
        grouped=runs[0].tags.get(GROUPED) == "true",
        conditions=conditions,
        row_names=names,
        runs=finished,
        missing=(*missing_cells(members, finished, names, conditions), *extra_missing),
        resamples=resamples,
        caveats=find_caveats([run.tags for run in runs], gate_summaries=gate.unavailable),
        gate_findings=gate.findings,
        trained_on_test=trained_on_test,
    )


def _collect_conditions(runs: Sequence[RunRecord]) -> tuple[StoredCondition, ...]:
    order: dict[str, int] = {CLEAN: 0}
    conditions: dict[str, StoredCondition] = {}
    for run in sorted(runs, key=lambda run: run.tags[AUGMENTATION]):
        augmentation = run.tags[AUGMENTATION]
        severity = run.tags.get(SEVERITY)
        conditions[run.tags[CONDITION]] = StoredCondition(
            augmentation_order=order.setdefault(augmentation, len(order)),
            augmentation=augmentation,
            level=int(run.tags.get(SEVERITY_LEVEL, 0)),
            severity=None if severity is None else float(severity),
            name=run.tags[CONDITION],
        )
    return tuple(sorted(conditions.values()))
