"""The table of net benefit: whether acting on a model is better than acting on every case, or on none."""

from collections.abc import Sequence

import numpy as np

from arogya_bench.analysis.mean_intervals import mean_intervals
from arogya_bench.analysis.positive_class import PositiveClass, positive_classes, states_probabilities
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow, bounds, interval_columns
from arogya_bench.metrics.binary_counts import confusion_masks
from arogya_bench.metrics.decision import NetBenefit, decision_curve, net_benefit_from_counts
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.seed_variance import SeedScores, seed_scores
from arogya_bench.types import Predictions

NET_BENEFIT_COLUMNS = (
    "dataset", "model", "positive_class", "threshold_probability", *bounds("net_benefit"), "treat_all", "treat_none",
    *bounds("advantage"), "prevalence", "prevalence_of", "seeds", "note",
)  # fmt: skip


def net_benefit_rows(study: Study) -> list[TableRow]:
    """Compute the net benefit of each row at each threshold probability, in the order of the leaderboard.

    The prevalence is the stated one, else that of the test cases, and fixed: the interval is over groups of the same
    class frequencies, and over seeds. ``advantage`` is the net benefit over the better of acting on all and on none.
    Empty for detectors, and where a class that the user named is not there.
    """
    if study.task.name != "classification":
        return []
    rows: list[TableRow] = []
    for positive in positive_classes(study.cases.class_names, study.options):
        flags = positive.flags(_labelled(study.rows[0])[0])
        stated = study.options.prevalence
        prevalence = float(flags.mean()) if stated is None else stated
        if flags.any() and not flags.all():
            rows += _class_rows(study, positive, prevalence)
    order = {row.name: position for position, row in enumerate(study.rows)}
    return sorted(rows, key=lambda row: order[str(row["model"])])


def _class_rows(study: Study, positive: PositiveClass, prevalence: float) -> list[TableRow]:
    stating = [row for row in study.rows if states_probabilities(row)]
    curves = [
        [_curve(seed, positive, study.options.threshold_probabilities, prevalence) for seed in _labelled(row)]
        for row in stating
    ]
    rows = []
    for i, pt in enumerate(study.options.threshold_probabilities):
        scores = [_benefit_scores(study, row, positive, pt, prevalence) for row in stating]
        intervals = mean_intervals(scores, cases=study.cases.cases, high=prevalence)
        for row, seeds, found in zip(stating, curves, intervals, strict=True):
            points = [curve[i] for curve in seeds]
            rows.append(_row(study, row, positive, points, found))
    return rows


def _labelled(row: ScoredRow) -> list[Predictions]:
    return [seed for seed in row.row.predictions if isinstance(seed, Predictions)]


def _curve(
    seed: Predictions, positive: PositiveClass, probabilities: Sequence[float], prevalence: float
) -> tuple[NetBenefit, ...]:
    return decision_curve(
        positive.flags(seed), positive.scores(seed), threshold_probabilities=probabilities, prevalence=prevalence
    )


def _benefit_scores(study: Study, row: ScoredRow, positive: PositiveClass, pt: float, prevalence: float) -> SeedScores:
    """The net benefit of each seed, and without each group."""
    estimates, others = [], []
    for seed in _labelled(row):
        masks = confusion_masks(positive.flags(seed), positive.scores(seed), pt)
        by_group = np.array([np.bincount(study.cases.group_of, mask) for mask in masks])
        total = by_group.sum(axis=1)
        estimates.append(float(net_benefit_from_counts(total, pt, prevalence=prevalence)))
        others.append(net_benefit_from_counts(total[:, None] - by_group, pt, prevalence=prevalence))
    return seed_scores(estimates, others, row.row.repeats)


def _row(
    study: Study, row: ScoredRow, positive: PositiveClass, points: Sequence[NetBenefit], found: Interval | None
) -> TableRow:
    first, columns = points[0], interval_columns("net_benefit", found)
    better = max(first.treat_all, first.treat_none)
    shifted = [None if end is None else float(str(end)) - better for end in columns.values()]
    return {
        "dataset": study.dataset,
        "model": row.name,
        "positive_class": positive.name,
        "threshold_probability": first.threshold_probability,
        **columns,
        "treat_all": first.treat_all,
        "treat_none": first.treat_none,
        **dict(zip(bounds("advantage"), shifted, strict=True)),
        "prevalence": first.prevalence,
        "prevalence_of": "test cases" if study.options.prevalence is None else "stated",
        "seeds": len(points),
        "note": join_notes(first.note, found.note if found else ""),
    }
