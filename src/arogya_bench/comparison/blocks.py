"""From MLflow to evidence: what may be compared, resampled alike, and what is missing."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from arogya_bench.comparison.block_names import block_key, block_sort_key, qualified_name
from arogya_bench.comparison.caveats import find_caveats
from arogya_bench.comparison.row_names import row_names
from arogya_bench.errors import ConfigError, TrackingError, did_you_mean
from arogya_bench.metrics.plugins import PluginMetric, load_plugin_metrics
from arogya_bench.metrics.replicates import Replicates
from arogya_bench.scoring import tasks
from arogya_bench.scoring.scores import draw_resamples
from arogya_bench.scoring.task import Task
from arogya_bench.scoring.tasks import TASKS
from arogya_bench.statistics.resampling import Draws
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.runs import RunRecord, search_runs
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import (
    AUGMENTATION,
    CONDITION,
    ERROR,
    ERROR_MESSAGE,
    GROUPED,
    KIND,
    MODEL,
    MODEL_CONFIG_DIGEST,
    SEED,
    SEVERITY,
    SEVERITY_LEVEL,
    SPLIT,
    SPLIT_DIGEST,
    read_metric_tags,
)
from arogya_bench.types import BoxPredictions, Floats, Predictions

CLEAN = "clean"
NEVER_RUN = "never run"
BUILTIN_METRICS = tuple(dict.fromkeys(name for task in TASKS.values() for name in task.metrics))


@dataclass(frozen=True, kw_only=True, order=True)
class StoredCondition:
    """A condition as MLflow remembers it; sorts by augmentation, clean first, mild to strong."""

    augmentation_order: int = field(repr=False)
    augmentation: str
    level: int
    severity: float | None = field(compare=False)
    name: str = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class RowReplicates:
    """Metrics of one row under one condition, averaged over its seeds inside each resample.

    Attributes:
        estimates: By metric; NaN where undefined.
        values: Shape (B,) by metric.
        jackknife: Shape (groups,) by metric.
    """

    estimates: Mapping[str, float]
    values: Mapping[str, Floats]
    jackknife: Mapping[str, Floats]


@dataclass(frozen=True, kw_only=True)
class ComparableRuns:
    """Evaluations that may be compared: same images, labels, classes and split.

    Attributes:
        dataset: Name, with a piece of the digest where two contents share one name.
        name: Of the dataset alone; ``digest`` of its content, ``split`` how it was divided.
        task: What the dataset asks of a model.
        runs: Newest finished run by (row, condition name, seed).
        row_names: Row digest to the name of the leaderboard row, in order of first appearance.
        missing: One mapping per cell without a finished run.
        grouped: Whether the source names patients.
        caveats: What a reader must know of the data.
    """

    dataset: str
    name: str
    digest: str
    split: str
    task: Task[Any]
    store: Store
    split_digest: str
    grouped: bool
    conditions: tuple[StoredCondition, ...]
    row_names: Mapping[str, str]
    runs: Mapping[tuple[str, str, str], RunRecord]
    missing: tuple[Mapping[str, str], ...]
    resamples: int
    caveats: tuple[str, ...] = ()

    def seeds(self, row: str, condition: str) -> list[str]:
        """The seeds of a row that finished under a condition."""
        return sorted(seed for r, c, seed in self.runs if (r, c) == (row, condition))

    def primary_metric(self, requested_metric: str) -> str:
        """The metric that decides here: the one asked for, if the task has it."""
        return (
            requested_metric if requested_metric in self.task.metrics else self.task.default_metric
        )

    def load_predictions(self, row: str, condition: str) -> list[Predictions | BoxPredictions]:
        """One table per seed, cases in the order of their ids."""
        return [
            _read_predictions(self.store, self.runs[row, condition, seed])
            for seed in self.seeds(row, condition)
        ]

    def check_same_cases(self, rows: Sequence[Sequence[Predictions | BoxPredictions]]) -> None:
        """Refuse to pair rows whose stored cases differ, whatever their digests say."""
        tables = [table for row in rows for table in row]
        for table in tables[1:]:
            first = tables[0]
            same = (table.case_ids, table.group_ids, table.classes) == (
                first.case_ids,
                first.group_ids,
                first.classes,
            )
            if not same or not _same_targets(table, first):
                raise TrackingError(
                    f"Stored predictions on {self.dataset} name different cases, though their "
                    "digests agree: a file was changed after it was logged.",
                    fix="delete the changed runs in MLflow and run the sweep again.",
                )

    def draws(self, predictions: Predictions | BoxPredictions) -> Draws:
        """The resamples that all rows of the block share."""
        return draw_resamples(predictions, resamples=self.resamples, seed=self.split_digest)

    def bootstrap(self, row: str, condition: str, names: Iterable[str]) -> RowReplicates | None:
        """Resample a row under a condition; None if it has no finished run there."""
        tables = self.load_predictions(row, condition)
        if not tables:
            return None
        wanted = list(names)
        parts = [_bootstrap_predictions(self, each, wanted) for each in tables]
        return RowReplicates(
            estimates={name: _mean([part.estimates[name] for part in parts]) for name in wanted},
            values={name: _mean_array([part.values[name] for part in parts]) for name in wanted},
            jackknife={
                name: _mean_array([part.jackknife[name] for part in parts]) for name in wanted
            },
        )


def load_blocks(
    store: Store, *, where: str | None, resamples: int, requested_metric: str = ""
) -> tuple[ComparableRuns, ...]:
    """Read every evaluation of an experiment and sort them into comparable blocks.

    Args:
        store: With the experiment.
        where: A filter, added to ours.
        resamples: Behind every interval.
        requested_metric: A metric; one that is not ours is taken from the package that its runs name.

    Raises:
        TrackingError: If nothing finished.
        ConfigError: If nobody has the metric, or its package is not installed.
    """
    condition = f"tags.`{KIND}` = 'evaluation'"
    runs = search_runs(
        store,
        f"{condition} and {where}" if where else condition,
        fix=f"correct the filter {where!r}; MLflow's documentation of search_runs has examples."
        if where
        else None,
    )
    named = [run for run in runs if SPLIT_DIGEST in run.tags]
    also = (
        ()
        if not requested_metric or requested_metric in BUILTIN_METRICS
        else (_load_plugin_metric(requested_metric, named),)
    )
    if not any(run.status == "FINISHED" for run in named):
        raise TrackingError(
            f"The experiment {store.experiment!r} has no finished evaluation"
            f"{f' where {where}' if where else ''} ({len(runs)} runs in all).",
            fix="run a sweep first, for example: arogya-bench run experiment=demo",
        )
    sorted_out: dict[tuple[str, str, str, str], list[RunRecord]] = defaultdict(list)
    for run in named:
        sorted_out[block_key(run)].append(run)
    names = [key[0] for key in sorted_out]
    unprepared = [_missing_row(run, run.tags) for run in _failed_before_data(runs)]
    return tuple(
        _build_block(
            store,
            members,
            clash=names.count(key[0]) > 1,
            resamples=resamples,
            extra_missing=unprepared,
            plugin_metrics=also,
        )
        for key, members in sorted(sorted_out.items(), key=block_sort_key)
        if any(run.status == "FINISHED" for run in members)
    )


def _load_plugin_metric(requested_metric: str, runs: Iterable[RunRecord]) -> PluginMetric:
    """The metric of another package, as the newest run describes it."""
    known = {name: spec for run in runs for name, spec in read_metric_tags(run.tags).items()}
    if requested_metric not in known:
        names = [*BUILTIN_METRICS, *known]
        raise ConfigError(
            f"There is no metric {requested_metric!r}.{did_you_mean(requested_metric, names)}",
            fix=f"choose one of: {', '.join(names)}",
        )
    (metric,) = load_plugin_metrics(
        {requested_metric: known[requested_metric]}, reserved_names=BUILTIN_METRICS
    )
    return metric


def _failed_before_data(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Jobs that failed before their data was at hand, unless their model finished later."""
    last = {run.tags.get(MODEL): run for run in runs if run.status == "FINISHED"}
    return [
        run
        for run in runs
        if SPLIT_DIGEST not in run.tags
        and not ((later := last.get(run.tags.get(MODEL))) and later.start_time > run.start_time)
    ]


def _build_block(
    store: Store,
    members: Sequence[RunRecord],
    *,
    clash: bool,
    resamples: int,
    extra_missing: Sequence[Mapping[str, str]],
    plugin_metrics: Sequence[PluginMetric],
) -> ComparableRuns:
    name, digest, split_digest, task = block_key(members[0])
    finished = {_cell_key(run): run for run in members if run.status == "FINISHED"}
    labels = row_names(members)
    conditions = _collect_conditions(members)
    return ComparableRuns(
        task=TASKS[task].with_metrics(plugin_metrics if task == "classification" else ()),
        dataset=qualified_name(members[0]) if clash else name,
        name=name,
        digest=digest,
        split=members[0].tags.get(SPLIT, ""),
        store=store,
        split_digest=split_digest,
        grouped=members[0].tags.get(GROUPED) == "true",
        conditions=conditions,
        row_names=labels,
        runs=finished,
        missing=(*_missing_cells(members, finished, labels, conditions), *extra_missing),
        resamples=resamples,
        caveats=find_caveats([run.tags for run in members]),
    )


def _cell_key(run: RunRecord) -> tuple[str, str, str]:
    """Runs come oldest first, so that in a mapping the newest one wins."""
    tags = run.tags
    return tags[MODEL_CONFIG_DIGEST], tags[CONDITION], tags[SEED]


def _collect_conditions(runs: Sequence[RunRecord]) -> tuple[StoredCondition, ...]:
    order: dict[str, int] = {CLEAN: 0}
    found: dict[str, StoredCondition] = {}
    for run in sorted(runs, key=lambda run: run.tags[AUGMENTATION]):
        augmentation = run.tags[AUGMENTATION]
        severity = run.tags.get(SEVERITY)
        found[run.tags[CONDITION]] = StoredCondition(
            augmentation_order=order.setdefault(augmentation, len(order)),
            augmentation=augmentation,
            level=int(run.tags.get(SEVERITY_LEVEL, 0)),
            severity=None if severity is None else float(severity),
            name=run.tags[CONDITION],
        )
    return tuple(sorted(found.values()))


def _missing_cells(
    runs: Sequence[RunRecord],
    finished: Mapping[tuple[str, str, str], RunRecord],
    labels: Mapping[str, str],
    conditions: Sequence[StoredCondition],
) -> list[Mapping[str, str]]:
    """Every cell of row, condition and seed without a finished run, and why."""
    seeds = sorted({run.tags[SEED] for run in runs})
    latest = {_cell_key(run): run for run in runs}
    absent = []
    for row, condition, seed in product(labels, conditions, seeds):
        key = (row, condition.name, seed)
        if key not in finished:
            place = {"model": labels[row], "condition": condition.name, "seed": seed}
            run = latest.get(key)
            absent.append(_missing_row(run, place) if run else {**place, "status": NEVER_RUN})
    return absent


def _missing_row(run: RunRecord, cell: Mapping[str, str]) -> Mapping[str, str]:
    message = run.tags.get(ERROR_MESSAGE, "")
    return {
        "model": cell.get("model") or cell.get(MODEL, run.name),
        "condition": cell.get("condition", "every one"),
        "seed": cell.get("seed", ""),
        "status": run.status,
        "cause": run.tags.get(ERROR, ""),
        "message": message.splitlines()[0] if message else "",
    }


def _read_predictions(store: Store, run: RunRecord) -> Predictions | BoxPredictions:
    with fetch_artifact(run, "predictions.parquet", uri=store.uri) as path:
        return tasks.from_table(pd.read_parquet(path).sort_values("case_id", kind="stable"))


def _same_targets(one: Predictions | BoxPredictions, two: Predictions | BoxPredictions) -> bool:
    """Whether labels agree; true boxes move with the image, and are not compared."""
    if isinstance(one, BoxPredictions) or isinstance(two, BoxPredictions):
        return type(one) is type(two)
    return np.array_equal(one.targets, two.targets)


def _bootstrap_predictions(
    block: ComparableRuns, predictions: Predictions | BoxPredictions, names: Sequence[str]
) -> Replicates:
    added = {each.name: each for each in block.task.plugin_metrics}
    ours = [name for name in names if name not in added]
    also = [added[name] for name in names if name in added]
    return tasks.bootstrap(predictions, block.draws(predictions), ours, also)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _mean_array(arrays: Sequence[Floats]) -> Floats:
    average: Floats = np.mean(arrays, axis=0)
    return average
