"""How much other training sets change a score: the deciding metric on each fold, and its paired differences."""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from statistics import fmean, stdev

import numpy as np

from arogya_bench.analysis.scored_rows import EvaluatedRow, score_rows, single_resample
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow, bounds, interval_columns
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.pooled_folds import CrossValidation, Fold
from arogya_bench.comparison.pooled_predictions import take_cases
from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.t_tests import corrected_resampled_t
from arogya_bench.tracking.artifacts import find_artifacts

FOLD_PAIR_COLUMNS = ("dataset", "metric", "a", "b", "folds", *bounds("difference"), "p", "note")

FoldScores = Mapping[Fold, float]  # mean over the seeds; a fold on which the metric is undefined is absent


def score_folds(block: ComparableRuns, study: Study) -> dict[str, FoldScores]:
    """The deciding metric of each row on each fold, by display name; empty unless folds were pooled."""
    if block.cross_validation is None:
        return {}
    seeds = dict.fromkeys(seed for row in study.evaluated.values() for seed in row.seeds)
    values: dict[str, defaultdict[Fold, list[float]]] = {row.name: defaultdict(list) for row in study.rows}
    for seed in seeds:
        rows = [row for row in (study.evaluated[row.name] for row in study.rows) if seed in row.seeds]
        for fold, case_ids in block.fold_cases(seed).items():
            parts = [_take_fold(row.select_seeds([seed]), case_ids) for row in rows]
            resampling = single_resample(parts[0].predictions[0])
            for row in score_rows(parts, study.task, [study.metric], resampling):
                values[row.name][fold].append(row.estimate(study.metric))
    return {
        name: {fold: fmean(scores) for fold, scores in folds.items() if np.isfinite(scores).all()}
        for name, folds in values.items()
    }


def fold_rows(block: ComparableRuns, study: Study, scores: Mapping[str, FoldScores]) -> list[TableRow]:
    """Mean and spread of the deciding metric over folds, one row per model, as ``folds.fold_summary`` describes."""
    if block.cross_validation is None:
        return []
    repeats = {repeat for repeat, _ in block.cross_validation.runs}
    rows: list[TableRow] = [
        {
            "dataset": study.dataset,
            "model": name,
            "metric": study.metric,
            "splits": len(values),
            "expected": block.cross_validation.folds * len(repeats),
            "mean": fmean(values.values()),
            "sd": stdev(values.values()) if len(values) > 1 else None,
            "lowest": min(values.values()),
            "highest": max(values.values()),
        }
        for name, values in scores.items()
        if values
    ]
    sign = -1 if study.task.metrics[study.metric].best == "high" else 1
    return sorted(rows, key=lambda row: sign * float(str(row["mean"])))


def fold_pair_rows(block: ComparableRuns, study: Study, scores: Mapping[str, FoldScores]) -> list[TableRow]:
    """Each pair of models over the folds, by the t-test that corrects for overlapping training sets."""
    if block.cross_validation is None:
        return []
    ratio, note = _test_train_ratio(block, block.cross_validation)
    return [
        _pair_row(study, (a.name, b.name), (scores[a.name], scores[b.name]), ratio, note)
        for a, b in combinations(study.rows, 2)
    ]


def _pair_row(
    study: Study, names: tuple[str, str], scores: tuple[FoldScores, FoldScores], ratio: float, note: str
) -> TableRow:
    shared = sorted(scores[0].keys() & scores[1].keys())
    differences = [scores[0][fold] - scores[1][fold] for fold in shared]
    row: TableRow = {"dataset": study.dataset, "metric": study.metric, "a": names[0], "b": names[1]}
    try:
        result = corrected_resampled_t(differences, test_train_ratio=ratio)
    except UndefinedMetric as error:
        absent = dict.fromkeys((*bounds("difference"), "p"))
        return {**row, "folds": len(shared), **absent, "note": str(error).splitlines()[0]}
    return {
        **row,
        "folds": len(shared),
        **interval_columns("difference", result),
        "p": result.p_value,
        "note": join_notes(result.note, note),
    }


def _take_fold(row: EvaluatedRow, case_ids: frozenset[str]) -> EvaluatedRow:
    (predictions,) = row.predictions
    positions = np.flatnonzero([case in case_ids for case in predictions.case_ids])
    return replace(row, predictions=(take_cases(predictions, positions),))


def _test_train_ratio(block: ComparableRuns, validation: CrossValidation) -> tuple[float, str]:
    """Test cases per training case of a fold, from the stored split of one run."""
    run = next(iter(block.all_runs))
    (parts,) = find_artifacts([run], "split.csv", _read_parts, uri=block.store.uri)
    if parts and parts.count("test") and parts.count("train"):
        return parts.count("test") / parts.count("train"), ""
    return 1 / (validation.folds - 1), "the size of the training sets is not stored: all other folds are counted"


def _read_parts(path: Path) -> Sequence[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["split"] for row in csv.DictReader(file)]
