"""How much a score varies over the folds of one dataset, where a study was run on several."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

FOLD_NAME_PATTERN = re.compile(r"kfold-(?P<folds>\d+)-f(?P<fold>\d+)-r(?P<repeat>\d+)-(?P<rest>.+)")
FOLD_COLUMNS = (
    "dataset", "model", "metric", "splits", "expected", "mean", "sd", "lowest", "highest",
)  # fmt: skip


def fold_summary(
    datasets: Sequence[Mapping[str, Any]], leaderboard: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Mean and spread of the deciding metric over folds, one row per model.

    The spread is no standard error: folds share most of what they learn from, so that it says how
    much a score varies, and not how well the mean is known [Nadeau and Bengio 2003].

    Args:
        datasets: What a comparison says of each dataset as it was divided.
        leaderboard: Its rows.

    Returns:
        Rows with ``FOLD_COLUMNS``; ``dataset`` is that of the first fold, ``expected`` how many splits
        there would be if every fold of every repetition that was begun had finished. ``sd`` is
        that of a sample, None for one split.
    """
    models = Counter(row["dataset"] for row in leaderboard)
    studies: defaultdict[tuple[str, ...], dict[tuple[str, str], str]] = defaultdict(dict)
    for each in sorted(datasets, key=lambda each: models[each["dataset"]]):
        if found := FOLD_NAME_PATTERN.fullmatch(str(each.get("split", ""))):
            key = (str(each["name"]), str(each["digest"]), str(each["metric"]), found["folds"])
            # One fold divided in two ways, as by two versions: the one with more models counts.
            place = (found["repeat"], found["fold"])
            studies[*key, found["rest"]][place] = str(each["dataset"])
    return [
        row
        for (_, _, metric, folds, _), members in sorted(studies.items())
        for row in _summary_rows(members, int(folds), metric, leaderboard)
    ]


def _summary_rows(
    members: Mapping[tuple[str, str], str],
    folds: int,
    metric: str,
    leaderboard: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    names = set(members.values())
    values: defaultdict[str, list[float]] = defaultdict(list)
    for row in leaderboard:
        if row["dataset"] in names and row[metric] is not None and row[metric] == row[metric]:
            values[str(row["model"])].append(float(row[metric]))
    rows = [
        {
            "dataset": members[min(members)],
            "model": model,
            "metric": metric,
            "splits": len(own),
            "expected": folds * len({repeat for repeat, _ in members}),
            "mean": fmean(own),
            "sd": stdev(own) if len(own) > 1 else None,
            "lowest": min(own),
            "highest": max(own),
        }
        for model, own in values.items()
    ]
    return sorted(rows, key=lambda row: -row["mean"])
