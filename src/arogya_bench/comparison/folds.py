"""The table of folds of comparisons that earlier versions stored, which compared each fold by itself."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from arogya_bench.comparison.pooled_folds import FOLD_NAME_PATTERN

FOLD_COLUMNS = (
    "dataset", "model", "metric", "splits", "expected", "mean", "sd", "lowest", "highest",
)  # fmt: skip


def fold_summary(
    datasets: Sequence[Mapping[str, Any]], leaderboard: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Compute mean and spread of the primary metric over folds, one row per model.

    The standard deviation describes how much a score varies between folds. It is not a standard
    error, because the training data of folds overlap [Nadeau and Bengio 2003].

    Returns:
        Rows with ``FOLD_COLUMNS``. ``dataset`` is the first fold; ``expected`` is the number of
        splits if all folds of all started repetitions had finished; ``sd`` is the sample standard
        deviation, None for a single split.
    """
    model_counts = Counter(row["dataset"] for row in leaderboard)
    studies: defaultdict[tuple[str, ...], dict[tuple[str, str], str]] = defaultdict(dict)
    for dataset in sorted(datasets, key=lambda dataset: model_counts[dataset["dataset"]]):
        if match := FOLD_NAME_PATTERN.fullmatch(str(dataset.get("split", ""))):
            study = (str(dataset["name"]), str(dataset["digest"]), str(dataset["metric"]))
            # Two versions may split one fold differently: the split with more models replaces the other.
            fold = (match["repeat"], match["fold"])
            studies[*study, match["folds"], match["settings"]][fold] = str(dataset["dataset"])
    return [
        row
        for (_, _, metric, folds, _), fold_datasets in sorted(studies.items())
        for row in _summary_rows(fold_datasets, int(folds), metric, leaderboard)
    ]


def _summary_rows(
    fold_datasets: Mapping[tuple[str, str], str], folds: int, metric: str, leaderboard: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    datasets = set(fold_datasets.values())
    values_by_model: defaultdict[str, list[float]] = defaultdict(list)
    for row in leaderboard:
        value = row[metric]
        if row["dataset"] in datasets and value is not None and value == value:
            values_by_model[str(row["model"])].append(float(value))
    rows = [
        {
            "dataset": fold_datasets[min(fold_datasets)],
            "model": model,
            "metric": metric,
            "splits": len(values),
            "expected": folds * len({repeat for repeat, _ in fold_datasets}),
            "mean": fmean(values),
            "sd": stdev(values) if len(values) > 1 else None,
            "lowest": min(values),
            "highest": max(values),
        }
        for model, values in values_by_model.items()
    ]
    return sorted(rows, key=lambda row: -row["mean"])
