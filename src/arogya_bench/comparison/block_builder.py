"""Build a block of comparable runs from the evaluations of one dataset and split, or of the folds of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arogya_bench.analysis.conditions import CLEAN, StoredCondition
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.caveats import find_caveats
from arogya_bench.comparison.families import Family, find_families
from arogya_bench.comparison.gate_findings import Finding, load_gate_findings, rows_trained_on_test
from arogya_bench.comparison.missing_cells import CellKey, cell_key, missing_cells
from arogya_bench.comparison.pooled_folds import CrossValidation, fold_caveats
from arogya_bench.comparison.row_names import row_names
from arogya_bench.comparison.selection import block_key
from arogya_bench.comparison.skipped_cells import SKIPPED_STATUS
from arogya_bench.metrics.plugins import PluginMetric
from arogya_bench.scoring.tasks import TASKS
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import AUGMENTATION, CONDITION, GROUPED, SEVERITY, SEVERITY_LEVEL, SEVERITY_SCALE, SPLIT

SMALL_TEST_SPLIT = "AB308"


@dataclass(frozen=True, kw_only=True)
class RunGroup:
    """The runs that one block is built from.

    Attributes:
        members: Evaluations and skipped cells, oldest first.
        cross_validation: The same runs by fold, if there are several.
    """

    members: Sequence[RunRecord]
    cross_validation: CrossValidation | None = None

    @property
    def name(self) -> str:
        """Of the dataset."""
        return block_key(self.members[0])[0]

    @property
    def split(self) -> str:
        """Name of the split, or of the cross-validation."""
        return self.cross_validation.name if self.cross_validation else self.members[0].tags.get(SPLIT, "")

    @property
    def split_digest(self) -> str:
        """Digest of the split, or of all splits of the cross-validation."""
        return self.cross_validation.digest if self.cross_validation else block_key(self.members[0])[2]

    @property
    def is_finished(self) -> bool:
        """Whether any evaluation finished."""
        return any(run.status == "FINISHED" for run in self.members)

    @property
    def qualified_name(self) -> str:
        """The name of a dataset that several blocks share, told apart by content, split and task."""
        name, digest, _, task = block_key(self.members[0])
        return f"{name} ({digest[:6]}-{self.split_digest[:6]}, {self.split}, {task})"

    @property
    def sort_key(self) -> tuple[str, ...]:
        """Sort by dataset name; the folds of one dataset by the name of their split."""
        name, digest, _, task = block_key(self.members[0])
        return name, digest, self.split, self.split_digest, task

    def finished_runs(self) -> dict[CellKey, tuple[RunRecord, ...]]:
        """The newest finished run of each cell; of a cross-validation one per fold, if a row has all."""
        if self.cross_validation:
            return self.cross_validation.pool()
        return {cell_key(run): (run,) for run in self.members if run.status == "FINISHED"}

    def missing(self, names: Mapping[str, str]) -> list[Mapping[str, str]]:
        """The cells without a finished run."""
        conditions = collect_conditions(self.members)
        if self.cross_validation:
            return self.cross_validation.missing(names, conditions)
        finished = {key: run for key, (run,) in self.finished_runs().items()}
        return missing_cells(self.members, finished, names, conditions)


@dataclass(frozen=True, kw_only=True)
class BlockContext:
    """What all blocks of a comparison share.

    Attributes:
        fits: Runs of fits by their id.
        requested_metric: The deciding metric, where the task has it.
        plugin_metrics: The metric of another package that was requested.
        without_data: Jobs that failed before they had read their data, as rows of missing cells.
        all_variants: Whether variants of one model stand side by side.
    """

    store: Store
    resamples: int
    fits: Mapping[str, RunRecord]
    requested_metric: str
    plugin_metrics: Sequence[PluginMetric]
    without_data: Sequence[Mapping[str, str]]
    all_variants: bool


def build_block(group: RunGroup, dataset: str, context: BlockContext) -> ComparableRuns:
    """Build the block of a group in which an evaluation finished; ``dataset`` is its display name."""
    name, digest, _, task_name = block_key(group.members[0])
    runs = [run for run in group.members if run.status != SKIPPED_STATUS]
    task = TASKS[task_name].with_metrics(context.plugin_metrics)
    metric = context.requested_metric if context.requested_metric in task.metrics else task.default_metric
    all_names, finished = row_names(group.members), group.finished_runs()
    families: Sequence[Family] = ()
    if not context.all_variants:
        families = find_families(list(all_names), finished, context.fits, task=task, metric=metric)
    tried = {variant.row: all_names[variant.row] for family in families for variant in family.not_chosen}
    names = {row: row_name for row, row_name in all_names.items() if row not in tried}
    gate = load_gate_findings(context.store, runs, names)
    caveats = find_caveats([run.tags for run in runs], gate_summaries=gate.unavailable)
    folds = fold_caveats(group.cross_validation) if group.cross_validation else ()
    return ComparableRuns(
        task=task,
        dataset=dataset,
        name=name,
        digest=digest,
        split=group.split,
        store=context.store,
        split_digest=group.split_digest,
        grouped=runs[0].tags.get(GROUPED) == "true",
        conditions=collect_conditions(group.members),
        row_names=names,
        runs={key: parts[0] for key, parts in finished.items()},
        fold_runs=finished if group.cross_validation else {},
        cross_validation=group.cross_validation,
        missing=(*group.missing(all_names), *context.without_data),
        resamples=context.resamples,
        caveats=(*caveats, *folds),
        gate_findings=tuple(finding for finding in gate.findings if not _is_of_one_fold(finding, group)),
        trained_on_test=rows_trained_on_test(runs, names),
        tried=tried,
        variants=tuple(row for family in families for row in family.table_rows(dataset, all_names)),
        fits=context.fits,
    )


def _is_of_one_fold(finding: Finding, group: RunGroup) -> bool:
    """Whether a finding is about the size of the test split of one fold, whose cases are pooled with others."""
    return group.cross_validation is not None and finding["code"] == SMALL_TEST_SPLIT


def collect_conditions(runs: Sequence[RunRecord]) -> tuple[StoredCondition, ...]:
    """The conditions of some evaluations, clean images first."""
    order: dict[str, int] = {CLEAN: 0}
    conditions: dict[str, StoredCondition] = {}
    for run in sorted(runs, key=lambda run: run.tags[AUGMENTATION]):
        augmentation = run.tags[AUGMENTATION]
        severity = run.tags.get(SEVERITY)
        before = conditions.get(run.tags[CONDITION])
        conditions[run.tags[CONDITION]] = StoredCondition(
            augmentation_order=order.setdefault(augmentation, len(order)),
            augmentation=augmentation,
            level=int(run.tags.get(SEVERITY_LEVEL, 0)),
            severity=None if severity is None else float(severity),
            name=run.tags[CONDITION],
            scale=run.tags.get(SEVERITY_SCALE) or (before.scale if before else ""),
        )
    return tuple(sorted(conditions.values()))
