"""The tables of a comparison: computed from MLflow, written as JSON and CSV, read from JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pandas as pd

from arogya_bench.analysis.literature import LiteratureValue
from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.comparison.about import ComparisonRequest, describe_comparison
from arogya_bench.comparison.between_datasets import across_blocks, literature_of_blocks
from arogya_bench.comparison.costs import PriceChoice
from arogya_bench.comparison.folds import fold_summary
from arogya_bench.comparison.limits import check_limits
from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.metric_check import check_positive_class, check_two_class_metric
from arogya_bench.comparison.pair_test_check import check_pair_tests
from arogya_bench.comparison.recorded_request import describe_request
from arogya_bench.comparison.recorded_runs import RunJournal
from arogya_bench.comparison.requirements import Requirements
from arogya_bench.comparison.selection import Selection
from arogya_bench.comparison.table_frames import (
    ADDED_TABLES,
    ANALYSIS_TABLES,
    TABLES,
    to_flat_table,
    to_records,
    to_table,
)
from arogya_bench.comparison.tables import BlockTables, compare_block
from arogya_bench.comparison.thumbnails import case_picture_rows
from arogya_bench.errors import TrackingError
from arogya_bench.runtime.csv_text import to_csv_text
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
        limits: One row per model and limit: its bounds, whether they keep the limit, and what would decide.
        folds: One row per model of a cross-validation: mean and spread of the deciding metric over folds.
        fold_pairs: One row per pair of such models: its mean difference over folds, by the corrected resampled t-test.
        variants: One row per variant of a model: its hyperparameters, its score on the validation split, and whether
            it was chosen by that score.
        not_compared: One row per model that stands apart from others on the same dataset, and why.
        models: One row per model: what it is, how it was trained, licence, size, and whether it beats guessing.
        splits: One row per part of the split and class: its cases and patients.
        runs: One row per evaluation that the comparison rests on, with the digest of its prediction table.
        ranks: One row per model: interval of its rank, probability of being the best, group of ties, optimism.
        rank_stability: One row per source of variation: how far the ranking stays the same over resamples, seeds,
            parts of the data, conditions and methods.
        agreement: One row per pair of models, and one of all: the shares of cases that they get right together.
        per_class: One row per model and class against the rest: sensitivity, which is recall, specificity, precision,
            F1, AUROC.
        confusion: One row per model, true and predicted class: the clean test cases, and their share of the class.
        roc: Some points of the ROC curve of each model and class against the rest.
        precision_recall: Some points of the precision of each model and class at each recall.
        calibration: One row per model: calibration errors, slope, intercept, and bias in the large.
        reliability: One row per model and bin of the probability: what is observed, with its interval.
        operating_points: One row per model, positive class and decision: by default, and at two thresholds that were
            locked on validation; PPV and NPV at a stated prevalence.
        net_benefit: One row per model and threshold probability: net benefit, and its advantage over acting on all
            cases and on none.
        subgroups: One row per model, part of a metadata column and metric: value, and difference to the other cases.
        subgroup_gaps: One row per model, metadata column and metric: the distance between best and worst part.
        degradation: One row per model and augmentation, and one for all: area under the curve, critical severity, worst
            condition, calibration under shift, rank by robustness.
        errors: The most confident mistakes of each model, by case.
        missed_by_all: The cases that every model which may be recommended misses.
        froc: One row per detector and rate of false positives per image: the share of the lesions that it finds.
        ensembles: One row per pair and triple of models and rule of combining: what they would score together.
        overall_tests: One row per dataset with three models or more: whether they are right equally often.
        planning: One row per pair of models: which difference these cases can show, and how many the margin needs.
        across_datasets: One row per model: its mean rank over the datasets, for each metric that decides on several.
        literature: One row per number of a publication, with its source and caveat; not compared with the others.
        thumbnails: One row per picture of a case that a report shows, as a data URI; empty unless the data allow it.
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
    limits: pd.DataFrame
    folds: pd.DataFrame
    fold_pairs: pd.DataFrame
    variants: pd.DataFrame
    not_compared: pd.DataFrame
    models: pd.DataFrame
    runs: pd.DataFrame
    splits: pd.DataFrame
    ranks: pd.DataFrame
    rank_stability: pd.DataFrame
    agreement: pd.DataFrame
    per_class: pd.DataFrame
    confusion: pd.DataFrame
    roc: pd.DataFrame
    precision_recall: pd.DataFrame
    calibration: pd.DataFrame
    reliability: pd.DataFrame
    operating_points: pd.DataFrame
    net_benefit: pd.DataFrame
    subgroups: pd.DataFrame
    subgroup_gaps: pd.DataFrame
    degradation: pd.DataFrame
    errors: pd.DataFrame
    missed_by_all: pd.DataFrame
    froc: pd.DataFrame
    ensembles: pd.DataFrame
    overall_tests: pd.DataFrame
    planning: pd.DataFrame
    across_datasets: pd.DataFrame
    literature: pd.DataFrame
    thumbnails: pd.DataFrame

    @classmethod
    def from_store(
        cls,
        store: Store,
        *,
        metric: str,
        selection: Selection | None = None,
        prices: PriceChoice | None = None,
        options: AnalysisOptions | None = None,
        requirements: Requirements | None = None,
        literature: Sequence[LiteratureValue] = (),
    ) -> Self:
        """Compare the models of one or several experiments of a store.

        Args:
            store: The store; its experiment is read if the selection names none.
            selection: Which evaluations; None takes all of the experiment.
            metric: The primary metric; datasets whose task lacks it use the default of their task.
            prices: Of machines, energy and APIs; None for no costs.
            options: Of the analyses; None takes the defaults.
            requirements: The limits that a model must be shown to meet; None for none.
            literature: Numbers of publications, to be shown beside ours.

        Raises:
            ConfigError: If the metric is unknown, or defined for two classes only and a dataset has more; if a limit
                is on something unknown; if the chosen test of pairs does not fit a dataset; if a number of a
                publication is of an unknown metric, or beyond its range.
            PriceError: If the user named the price list, and it has no machine with what was used.
            TrackingError: If there is no evaluation. Where none has finished, the tables say so.
        """
        selection, options = selection or Selection(), options or AnalysisOptions()
        journal = RunJournal(store.on_read)
        store = replace(store, on_read=journal)
        loaded = load_evaluations(store, selection=selection, resamples=RESAMPLES, requested_metric=metric)
        check_two_class_metric(loaded.blocks, metric)
        requirements = requirements or Requirements()
        check_limits(loaded.blocks, requirements, metric)
        check_positive_class(loaded.blocks, options.positive_class)
        check_pair_tests(loaded.blocks, metric, options)
        published = literature_of_blocks(literature, loaded.blocks)
        compared = [
            compare_block(block, metric, prices=prices, options=options, requirements=requirements)
            for block in loaded.blocks
        ]
        rows = {name: [row for block in compared for row in _rows_of(block, name)] for name in TABLES}
        rows["not_compared"] = list(loaded.not_compared)
        rows["missing"] += [
            {"dataset": failed.dataset, **cell} for failed in loaded.without_result for cell in failed.missing
        ]
        rows |= {"across_datasets": across_blocks(loaded.blocks, compared), "literature": published}
        rows["thumbnails"] = case_picture_rows(loaded.blocks, compared)
        tables = {name: to_table(name, rows[name]) for name in TABLES}
        request = ComparisonRequest(
            experiments=selection.experiments or (store.experiment,),
            metric=metric,
            selection=selection,
            resamples=RESAMPLES,
            options=options,
            requirements=requirements,
        )
        about = describe_comparison(request, loaded, tables, compared=compared, prices=prices)
        about["request"] = describe_request(request, prices=prices, literature=literature, runs=journal.recorded())
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
        rows = {name: [] for name in ADDED_TABLES} | {name: stored[name] for name in TABLES if name in stored}
        if "folds" not in stored:
            rows["folds"] = fold_summary(about["datasets"], rows["leaderboard"])
        return cls(about=about, **{name: to_table(name, rows[name]) for name in TABLES})

    def to_json(self, path: Path | str | None = None) -> str:
        """Write ``about`` and all tables as JSON, identical for identical runs; undefined numbers are null."""
        tables = {name: to_records(getattr(self, name)) for name in TABLES}
        text = json.dumps({"about": dict(self.about), **tables}, indent=1, allow_nan=False)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_csv(self, folder: Path | str) -> None:
        """Write one CSV file per table, headers also without rows.

        The items of a list have spaces between them. Texts that a spreadsheet would take for a formula begin with an
        apostrophe.
        """
        directory = Path(folder)
        directory.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            text = to_csv_text(to_flat_table(getattr(self, name)))
            (directory / f"{name}.csv").write_text(text, encoding="utf-8", newline="")


def _rows_of(block: BlockTables, name: str) -> list[TableRow]:
    """The rows of a table of one dataset."""
    if name in ANALYSIS_TABLES:
        return block.analyses.get(name, [])
    rows: list[TableRow] = getattr(block, name, [])
    return rows
