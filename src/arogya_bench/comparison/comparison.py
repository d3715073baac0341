"""MLflow to Comparison: leaderboard, paired tests, robustness, a verdict, and what is missing."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from arogya_bench.comparison.blocks import ComparableRuns, load_blocks
from arogya_bench.comparison.folds import FOLD_COLUMNS, fold_summary
from arogya_bench.comparison.tables import (
    ALPHA,
    MEASUREMENT_COLUMNS,
    ComparisonTables,
    compare_block,
)
from arogya_bench.errors import TrackingError
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.store_urls import sqlite_path
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.runs import get_run
from arogya_bench.tracking.store import absolute_uri, check_folder, default_uri, open_store
from arogya_bench.tracking.tags import KIND

RESAMPLES = 10_000
TABLES = ("verdict", "leaderboard", "pairwise", "robustness", "missing")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What MLflow knows about many evaluations, as tables.

    Attributes:
        about: Metric, methods, family size, runs read: what a reader needs to trust the rest.
        leaderboard: One row per model and dataset, best first, with 95 % intervals.
        pairwise: One row per pair of models: paired difference, interval, Holm-adjusted p.
        robustness: One row per model and condition: value, paired change to clean, score.
        verdict: One row per dataset: who is ahead, or why nobody is.
        missing: Cells without a finished run; they are in no other table.
    """

    about: Mapping[str, Any]
    verdict: pd.DataFrame
    leaderboard: pd.DataFrame
    pairwise: pd.DataFrame
    robustness: pd.DataFrame
    missing: pd.DataFrame

    @property
    def folds(self) -> pd.DataFrame:
        """Mean and spread of the deciding metric over the folds of one dataset, if there are any.

        See ``folds.fold_summary`` for the columns, and for what the spread is not.
        """
        rows = fold_summary(self.about["datasets"], _records(self.leaderboard))
        return pd.DataFrame(rows, columns=list(FOLD_COLUMNS))

    def to_json(self, path: Path | str | None = None) -> str:
        """Write everything as JSON; undefined numbers are null.

        Returns:
            The text, the same for the same runs, wherever and whenever it is made.
        """
        tables = {name: _records(getattr(self, name)) for name in TABLES}
        text = json.dumps({"about": dict(self.about), **tables}, indent=1, allow_nan=False)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_csv(self, folder: Path | str) -> None:
        """Write one CSV file per table."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            getattr(self, name).to_csv(place / f"{name}.csv", index=False)
        if not self.folds.empty:
            self.folds.to_csv(place / "folds.csv", index=False)

    def to_html(self, path: Path | str) -> None:
        """Write one page that needs no network."""
        from arogya_bench.report.page import render_html

        Path(path).write_text(render_html(self), encoding="utf-8")

    def to_pdf(self, path: Path | str) -> None:
        """Write the page for print; needs the extra ``report``."""
        from arogya_bench.report.document import render_pdf

        Path(path).write_bytes(render_pdf(self))


def compare(
    experiment: str,
    *,
    tracking_uri: str | None = None,
    where: str | None = None,
    metric: str = "f1_macro",
) -> Comparison:
    """Compare the models of an MLflow experiment, from MLflow alone.

    Args:
        experiment: Its name.
        tracking_uri: The store; default: ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` here.
        where: A filter in MLflow's language, added to ours.
        metric: The metric that decides, where the task of a dataset has it; elsewhere the
            headline of that task does, such as mAP50_95 for boxes. One of another package is
            computed anew from the stored predictions, by the version that is installed.

    Raises:
        ConfigError: If there is no such metric, or its package is not installed.
        TrackingError: If the store cannot be read or holds nothing to compare.
    """
    store = open_store(tracking_uri, experiment, create=False)
    found = load_blocks(store, where=where, resamples=RESAMPLES, requested_metric=metric)
    parts = [compare_block(block, metric) for block in found]
    tables = {
        name: pd.DataFrame(
            [row for part in parts for row in getattr(part, name)], columns=_columns(name, parts)
        )
        for name in TABLES
    }
    return Comparison(about=_about(found, experiment, metric, tables), **tables)


def from_json(text: str) -> Comparison:
    """Read back what ``Comparison.to_json`` wrote.

    Raises:
        TrackingError: If a version that kept less wrote it.
    """
    stored = json.loads(text)
    if any("metric" not in each for each in stored["about"]["datasets"]):
        raise TrackingError(
            "This comparison was kept by an earlier version, which noted less.",
            fix="make it anew from the same runs: arogya-bench compare EXPERIMENT",
        )
    tables = {name: pd.DataFrame(stored[name]) for name in TABLES}
    return Comparison(about=stored["about"], **tables)


def load_predictions(run_id: str, *, tracking_uri: str | None = None) -> pd.DataFrame:
    """Read every case of one evaluation, or of the validation split of one fit.

    Raises:
        TrackingError: If there is no such run, or it holds no predictions.
    """
    uri = absolute_uri(tracking_uri or default_uri())
    database = sqlite_path(uri)
    if database is not None:
        check_folder(database, create=False)
    run = get_run(uri, run_id)
    kind = run.tags.get(KIND)
    file = "predictions_validation.parquet" if kind == "fit" else "predictions.parquet"
    with fetch_artifact(run, file, uri=uri) as path:
        return pd.read_parquet(path)


def _columns(name: str, parts: Sequence[ComparisonTables]) -> list[str] | None:
    """The columns of the one table that is hoped to be empty; the others tell their own."""
    if name == "missing" and not any(part.missing for part in parts):
        return ["dataset", "model", "condition", "seed", "status", "cause", "message"]
    return None


def _about(
    blocks: Sequence[ComparableRuns],
    experiment: str,
    metric: str,
    tables: Mapping[str, pd.DataFrame],
) -> dict[str, object]:
    runs = sorted(run.run_id for block in blocks for run in block.runs.values())
    evidence = {
        "runs": runs,
        "missing": _records(tables["missing"]),
        "measured": _records(
            tables["leaderboard"].reindex(columns=["model", *MEASUREMENT_COLUMNS])
        ),
    }
    versions = {block.task.name: block.task.version for block in blocks}
    added = {each.name: each.spec.version for block in blocks for each in block.task.plugin_metrics}
    datasets = [_describe_dataset(block, metric) for block in blocks]
    return {
        "experiment": experiment,
        "metric": _join_unique(datasets, "metric"),
        "direction": _join_unique(datasets, "direction"),
        "confidence": 0.95,
        "alpha": ALPHA,
        "correction": "Holm, over all pairs of one dataset",
        "interval": "bootstrap of groups (patients), stratified by class where cases have one, "
        "BCa where it exists",
        "resamples": RESAMPLES,
        "metrics_version": versions | added,
        "evaluations": len(runs),
        "datasets": datasets,
        "key": digest_of({**evidence, "metric": metric, "version": versions | added}),
    }


def _describe_dataset(block: ComparableRuns, requested_metric: str) -> dict[str, object]:
    """What a reader must know of one dataset: its task, what decides, and whether it has groups."""
    metric = block.primary_metric(requested_metric)
    return {
        "dataset": block.dataset,
        "task": block.task.name,
        "metric": metric,
        "direction": block.task.metrics[metric].best,
        "summary": block.task.metrics[metric].summary,
        "shown": [name for name in block.task.secondary_metrics if name != metric],
        "grouped": block.grouped,
        "cautions": list(block.caveats),
        "name": block.name,
        "digest": block.digest,
        "split": block.split,
        "split_digest": block.split_digest,
    }


def _join_unique(datasets: Sequence[Mapping[str, object]], key: str) -> str:
    return ", ".join(dict.fromkeys(str(each[key]) for each in datasets))


def _records(table: pd.DataFrame) -> list[dict[str, object]]:
    rows = table.astype(object).to_dict(orient="records")
    return [{str(key): _to_json_value(value) for key, value in row.items()} for row in rows]


def _to_json_value(value: object) -> object:
    """A value that JSON knows; what is undefined is null."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
