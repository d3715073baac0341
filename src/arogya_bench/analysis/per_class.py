"""The table of classes: how each model does on each class against the rest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from arogya_bench.analysis.mean_intervals import mean_intervals
from arogya_bench.analysis.rate_intervals import GroupedRate, interval_notes, rate_intervals
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow, bounds, interval_columns
from arogya_bench.metrics.group_weights import leave_one_group_out
from arogya_bench.metrics.per_class import FEW_POSITIVES, f1s
from arogya_bench.metrics.tally import GroupSums, SufficientStatistics, sum_by_group
from arogya_bench.runtime.console import plural
from arogya_bench.scoring.classification import check_predictions
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.seed_variance import seed_scores
from arogya_bench.types import Floats, Predictions

INTERVALS = ("sensitivity", "specificity", "precision", "f1", "auroc")
PER_CLASS_COLUMNS = (
    "dataset", "model", "class", "cases", "groups", "predicted", *(end for name in INTERVALS for end in bounds(name)),
    "seeds", "note",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _ClassSums:
    """The sums of each group for one row, one entry per seed."""

    row: ScoredRow
    seeds: tuple[GroupSums, ...]


def per_class_rows(study: Study) -> list[TableRow]:
    """Score each class of each row against the rest; classes in the order of the dataset, rows as on the leaderboard.

    Several seeds are averaged. Sensitivity, which is recall, specificity and precision have Wilson's interval where
    every case is a group of its own, otherwise that of resampled groups; F1 and AUROC have one by Student's t over
    groups. Detectors have no such table.
    """
    if study.task.name != "classification":
        return []
    sums = [_sum_row(row, study) for row in study.rows]
    found = {name: _rate_intervals(name, sums, study) for name in ("sensitivity", "specificity", "precision")}
    found |= {name: _score_intervals(name, sums, study) for name in ("f1", "auroc")}
    classes = len(study.cases.class_names)
    return [
        {
            **_describe(study, one, k),
            **{
                column: value
                for name in INTERVALS
                for column, value in interval_columns(name, found[name][position * classes + k]).items()
            },
            "seeds": len(one.seeds),
            "note": _note(study, one, k, [found[name][position * classes + k] for name in INTERVALS]),
        }
        for position, one in enumerate(sums)
        for k in range(classes)
    ]


def _sum_row(row: ScoredRow, study: Study) -> _ClassSums:
    seeds = [seed for seed in row.row.predictions if isinstance(seed, Predictions)]
    return _ClassSums(row=row, seeds=tuple(_sum_seed(seed, study) for seed in seeds))


def _sum_seed(predictions: Predictions, study: Study) -> GroupSums:
    cases = check_predictions(predictions)
    return sum_by_group(cases, group_of=study.cases.group_of)


def _describe(study: Study, sums: _ClassSums, k: int) -> TableRow:
    totals = [seed.total() for seed in sums.seeds]
    per_class = study.cases.groups_per_class
    return {
        "dataset": study.dataset,
        "model": sums.row.name,
        "class": study.cases.class_names[k],
        "cases": int(totals[0].support[k]),
        "groups": None if per_class is None else int(per_class[k]),
        "predicted": float(np.mean([total.predicted_counts[k] for total in totals])),
    }


def _rate_intervals(name: str, sums: Sequence[_ClassSums], study: Study) -> list[Interval | None]:
    """One interval per row and class, from one pass over the resamples."""
    rates = [rate for one in sums for rate in _rates(name, one, len(study.cases.class_names))]
    drawn = study.secondary_resampling
    return rate_intervals(rates, drawn.of_all_groups if name == "precision" else drawn.within_classes)


def _rates(name: str, sums: _ClassSums, classes: int) -> Iterator[GroupedRate]:
    """By class, the cases that count and those that they are a share of."""
    counts = [seed.class_counts.by_group.toarray().reshape(4, classes, -1) for seed in sums.seeds]
    hits, support, predicted, unanswered = np.stack(counts, axis=1)  # each (S, K, groups)
    repeats = sums.row.row.repeats
    for k in range(classes):
        if name == "sensitivity":
            yield GroupedRate(hits=hits[:, k], cases=support[:, k], repeats=repeats)
        elif name == "precision":
            yield GroupedRate(hits=hits[:, k], cases=predicted[:, k], repeats=repeats)
        else:
            negatives = support.sum(axis=1) - support[:, k]
            silent = unanswered.sum(axis=1) - unanswered[:, k]  # a negative without an answer is not called negative
            yield GroupedRate(hits=negatives - silent - predicted[:, k] + hits[:, k], cases=negatives, repeats=repeats)


def _score_intervals(name: str, sums: Sequence[_ClassSums], study: Study) -> list[Interval | None]:
    """One interval per row and class; rows are taken together, since they share the spread between seeds."""
    by_row = [_score_seeds(name, one) for one in sums]
    by_class = [
        mean_intervals(
            [
                seed_scores(estimates[:, k], others[:, :, k], one.row.row.repeats)
                for one, (estimates, others) in zip(sums, by_row, strict=True)
            ],
            cases=study.cases.cases,
            low=0.0,
            high=1.0,
        )
        for k in range(len(study.cases.class_names))
    ]
    return [of_class[position] for position in range(len(sums)) for of_class in by_class]


def _score_seeds(name: str, sums: _ClassSums) -> tuple[Floats, Floats]:
    """The values of each seed, shape (S, K), and without each group, shape (S, groups, K)."""

    def values(tally: SufficientStatistics) -> Floats:
        return f1s(tally) if name == "f1" else tally.auroc

    estimates = np.array([values(seed.total()) for seed in sums.seeds])
    others = [np.concatenate([values(tally) for tally in _without_each_group(seed)]) for seed in sums.seeds]
    return estimates, np.array(others)


def _without_each_group(sums: GroupSums) -> Iterator[SufficientStatistics]:
    """As ``leave_one_group_out``, in larger batches, since counts of classes alone are read."""
    for weights in leave_one_group_out(sums.groups, 4 * sums.n_classes):
        yield SufficientStatistics(group_sums=sums, weights=weights)


def _note(study: Study, sums: _ClassSums, k: int, intervals: Sequence[Interval | None]) -> str:
    support = int(sums.seeds[0].total().support[k])
    silent = max(seed.cases.unanswered for seed in sums.seeds)
    few = "no test case" if not support else f"only {plural(support, 'case')}" if support < FEW_POSITIVES else ""
    notes = interval_notes(intervals, study.secondary_resampling.within_classes)
    answers = f"{plural(silent, 'case')} without an answer count as wrong" if silent else ""
    return join_notes(few, answers, *notes)
