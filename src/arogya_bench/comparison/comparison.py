"""The tables of a comparison: computed from MLflow, written as JSON and CSV, read from JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.folds import FOLD_COLUMNS, fold_summary
from arogya_bench.comparison.loading import LoadedEvaluations, load_evaluations
from arogya_bench.comparison.metric_check import check_two_class_metric
from arogya_bench.comparison.tables import MEASUREMENT_COLUMNS, compare_block
from arogya_bench.errors import TrackingError
from arogya_bench.runtime.digests import digest_of
from arogya_bench.statistics.paired_differences import ALPHA
from arogya_bench.tracking.store import Store

RESAMPLES = 10_000
COMPARISON_VERSION = 2  # rises when equal evaluations give another comparison
TABLES = ("verdict", "leaderboard", "pairwise", "robustness", "missing")
INTEGER_COLUMNS = ("rank", "discordant_groups")  # None for some rows, which must not turn the others into floats
MISSING_COLUMNS = ("dataset", "model", "condition", "seed", "status", "cause", "message")
RENAMED_KEYS = {
    "cautions": "caveats",
    "shown": "secondary_metrics",
    "only_a_right": "only_a_correct",
    "only_b_right": "only_b_correct",
    "p_holm": "p_adjusted",
}  # keys and columns that earlier versions wrote, and what they are called now


@dataclass(frozen=True, kw_only=True)
class ComparisonTables:
    """Leaderboard, paired tests, robustness and verdict of the models of one experiment.

    Attributes:
        about: Metric, filter, methods, datasets with and without a result, and number of evaluations.
        verdict: One row per dataset: the model that is ahead, or why the result is undecided.
        leaderboard: One row per model and dataset, best first, with 95 % intervals.
        pairwise: One row per pair of models: paired difference, intervals and p-values, alone and for all pairs.
        robustness: One row per model and condition: value, paired change from clean, score.
        missing: Cells without a finished run; no other table contains them.
    """

    about: Mapping[str, Any]
    verdict: pd.DataFrame
    leaderboard: pd.DataFrame
    pairwise: pd.DataFrame
    robustness: pd.DataFrame
    missing: pd.DataFrame

    @classmethod
    def from_store(cls, store: Store, *, where: str | None, metric: str) -> Self:
        """Compare the models of an experiment.

        Args:
            store: The store and its experiment.
            where: An MLflow search filter that selects evaluations.
            metric: The primary metric; datasets whose task lacks it use the default of their task.

        Raises:
            ConfigError: If the metric is unknown, or defined for two classes only and a dataset has more.
            TrackingError: If no evaluation is finished.
        """
        where = (where or "").strip()
        loaded = load_evaluations(store, where=where, resamples=RESAMPLES, requested_metric=metric)
        check_two_class_metric(loaded.blocks, metric)
        compared = [compare_block(block, metric) for block in loaded.blocks]
        rows = {name: [row for block in compared for row in getattr(block, name)] for name in TABLES}
        rows["missing"] += [
            {"dataset": failed.dataset, **cell} for failed in loaded.without_result for cell in failed.missing
        ]
        tables = {name: _to_table(name, rows[name]) for name in TABLES}
        return cls(about=_describe(loaded, store.experiment, metric, tables, where), **tables)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what ``to_json`` wrote, in this version or an earlier one.

        Raises:
            TrackingError: If the version that wrote it did not store the metric of each dataset.
        """

        def rename_keys(mapping: dict[str, Any]) -> dict[str, Any]:
            return {RENAMED_KEYS.get(key, key): value for key, value in mapping.items()}

        stored = json.loads(text, object_hook=rename_keys)
        if any("metric" not in dataset for dataset in stored["about"]["datasets"]):
            raise TrackingError(
                "This comparison was written by an earlier version that stored less information.",
                fix="recompute it from the same runs: arogya-bench compare EXPERIMENT",
            )
        about = stored["about"] | {"where": stored["about"].get("where", "")}  # earlier versions did not store it
        return cls(about=about, **{name: _to_table(name, stored[name]) for name in TABLES})

    @property
    def folds(self) -> pd.DataFrame:
        """Mean and spread of the primary metric over cross-validation folds; often empty.

        ``folds.fold_summary`` describes the columns.
        """
        rows = fold_summary(self.about["datasets"], to_records(self.leaderboard))
        return pd.DataFrame(rows, columns=list(FOLD_COLUMNS))

    def to_json(self, path: Path | str | None = None) -> str:
        """Write ``about`` and all tables as JSON, identical for identical runs; undefined numbers are null."""
        tables = {name: to_records(getattr(self, name)) for name in TABLES}
        text = json.dumps({"about": dict(self.about), **tables}, indent=1, allow_nan=False)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_csv(self, folder: Path | str) -> None:
        """Write one CSV file per table."""
        directory = Path(folder)
        directory.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            getattr(self, name).to_csv(directory / f"{name}.csv", index=False)
        if not self.folds.empty:
            self.folds.to_csv(directory / "folds.csv", index=False)


def to_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Convert a table to rows of JSON values; undefined numbers are None."""
    rows = table.astype(object).to_dict(orient="records")
    return [{str(key): _to_json_value(value) for key, value in row.items()} for row in rows]


def _to_json_value(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value


def _to_table(name: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    empty = name == "missing" and not rows
    table = pd.DataFrame(rows, columns=list(MISSING_COLUMNS) if empty else None)
    return table.astype({name: "Int64" for name in INTEGER_COLUMNS if name in table})


def _describe(
    loaded: LoadedEvaluations, experiment: str, metric: str, tables: Mapping[str, pd.DataFrame], where: str
) -> dict[str, object]:
    blocks = loaded.blocks
    runs = sorted(run.run_id for block in blocks for run in block.runs.values())
    versions = {block.task.name: block.task.version for block in blocks} | {
        plugin.name: plugin.spec.version for block in blocks for plugin in block.task.plugin_metrics
    }
    evidence = {
        "runs": runs,
        "missing": to_records(tables["missing"]),
        "measured": to_records(tables["leaderboard"].reindex(columns=["model", *MEASUREMENT_COLUMNS])),
        "metric": metric,
        "version": versions,
        "comparison_version": COMPARISON_VERSION,
        "where": where,
        "gate": [finding for block in blocks for finding in block.gate_findings],
    }
    datasets = [_describe_dataset(block, metric) for block in blocks]
    return {
        "experiment": experiment,
        "where": where,
        "metric": _join_unique(datasets, "metric"),
        "direction": _join_unique(datasets, "direction"),
        "confidence": 0.95,
        "alpha": ALPHA,
        "verdict_rule": "it names a model that is shown to be better than each other one, every pair by itself, since "
        "it must win all of them; the table of pairs is corrected",
        "correction": "adjustment by the largest of all correlated statistics of one dataset (single-step max-t)",
        "interval": "bootstrap over groups (patients), BCa where defined; within classes for balanced accuracy, recall "
        "of a class and AUROC, which do not depend on the class frequencies; of several seeds and of differences by "
        "Student's t with the variance over groups and seeds",
        "resamples": RESAMPLES,
        "metrics_version": versions,
        "evaluations": len(runs),
        "datasets": datasets,
        "datasets_without_result": [
            {"dataset": failed.dataset, "split": failed.split, "reason": failed.reason}
            for failed in loaded.without_result
        ],
        "key": digest_of(evidence),
    }


def _describe_dataset(block: ComparableRuns, requested_metric: str) -> dict[str, object]:
    metric = block.primary_metric(requested_metric)
    return {
        "dataset": block.dataset,
        "task": block.task.name,
        "metric": metric,
        "direction": block.task.metrics[metric].best,
        "summary": block.task.metrics[metric].summary,
        "secondary_metrics": [name for name in block.task.secondary_metrics if name != metric],
        "grouped": block.grouped,
        "caveats": list(block.caveats),
        "gate_findings": [dict(finding) for finding in block.gate_findings],
        "name": block.name,
        "digest": block.digest,
        "split": block.split,
        "split_digest": block.split_digest,
    }


def _join_unique(datasets: Sequence[Mapping[str, object]], key: str) -> str:
    return ", ".join(dict.fromkeys(str(dataset[key]) for dataset in datasets))
