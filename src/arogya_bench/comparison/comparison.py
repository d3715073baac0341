"""The tables of a comparison: computed from MLflow, written as JSON and CSV, read from JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd

from arogya_bench.comparison.about import ComparisonRequest, describe_comparison
from arogya_bench.comparison.costs import PriceChoice
from arogya_bench.comparison.folds import FOLD_COLUMNS, fold_summary
from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.metric_check import check_two_class_metric
from arogya_bench.comparison.table_frames import MEASURED_TABLES, TABLES, to_records, to_table
from arogya_bench.comparison.tables import DEFAULT_MARGIN, compare_block
from arogya_bench.errors import TrackingError
from arogya_bench.tracking.store import Store

RESAMPLES = 10_000
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
        measurements: One row per model: latency, throughput, memory, use and energy, with the grade of the environment.
        throughput: One row per model and batch size.
        latency_pairs: One row per pair of interleaved models: the ratio of their latencies, paired by round.
        cost: One row per model and per API of the price list, two for a measured model that has both: cost per 1,000
            images and its assumption, and what the training has cost.
        pareto: One row per model: whether another is better both by the metric and by latency, or by cost.
        recommendations: One sentence per row, with the numbers that it rests on.
        api: One row per model behind an API: when and of which version it was asked, how its answers ended, how long
            they took and what they cost.
        api_outcomes: One row per model behind an API and condition, clean images included: the share of the cases that
            were answered and that ended in each other way, and the accuracy with and without the latter.
    """

    about: Mapping[str, Any]
    verdict: pd.DataFrame
    leaderboard: pd.DataFrame
    pairwise: pd.DataFrame
    robustness: pd.DataFrame
    missing: pd.DataFrame
    measurements: pd.DataFrame
    throughput: pd.DataFrame
    latency_pairs: pd.DataFrame
    cost: pd.DataFrame
    pareto: pd.DataFrame
    recommendations: pd.DataFrame
    api: pd.DataFrame
    api_outcomes: pd.DataFrame

    @classmethod
    def from_store(
        cls,
        store: Store,
        *,
        where: str | None,
        metric: str,
        prices: PriceChoice | None = None,
        margin: float = DEFAULT_MARGIN,
    ) -> Self:
        """Compare the models of an experiment.

        Args:
            store: The store and its experiment.
            where: An MLflow search filter that selects evaluations.
            metric: The primary metric; datasets whose task lacks it use the default of their task.
            prices: Of machines, energy and APIs; None for no costs.
            margin: Loss of the primary metric that a recommendation accepts for a lower cost.

        Raises:
            ConfigError: If the metric is unknown, or defined for two classes only and a dataset has more.
            PriceError: If the user named the price list, and it has no machine with what was used.
            TrackingError: If no evaluation is finished.
        """
        where = (where or "").strip()
        loaded = load_evaluations(store, where=where, resamples=RESAMPLES, requested_metric=metric)
        check_two_class_metric(loaded.blocks, metric)
        compared = [compare_block(block, metric, prices=prices, margin=margin) for block in loaded.blocks]
        rows = {name: [row for block in compared for row in getattr(block, name)] for name in TABLES}
        rows["missing"] += [
            {"dataset": failed.dataset, **cell} for failed in loaded.without_result for cell in failed.missing
        ]
        tables = {name: to_table(name, rows[name]) for name in TABLES}
        measured = [tables.measured for tables in compared]
        request = ComparisonRequest(
            experiment=store.experiment, metric=metric, where=where, resamples=RESAMPLES, margin=margin
        )
        about = describe_comparison(request, loaded, tables, measured=measured, prices=prices)
        return cls(about=about, **tables)

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
        rows = {name: [] for name in MEASURED_TABLES} | {name: stored[name] for name in TABLES if name in stored}
        return cls(about=about, **{name: to_table(name, rows[name]) for name in TABLES})

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
