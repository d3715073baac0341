"""The table of agreement: on which cases models are right and wrong together."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from arogya_bench.analysis.correct_answers import correct_shares
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.types import Floats

ALL = "all models"
AGREEMENT_COLUMNS = (
    "dataset", "a", "b", "cases", "both_correct", "both_wrong", "only_a_correct", "only_b_correct", "error_kappa",
    "note",
)  # fmt: skip


def agreement_rows(study: Study) -> list[TableRow]:
    """One row per pair, in the order of the leaderboard, and a last one of all models together.

    Returns:
        Shares of the cases, averaged over the seeds of both rows, each with each; ``error_kappa``: Cohen's kappa
        between the errors of two models, 0 if they err independently and 1 if they err on the same cases. The last row
        has the shares of cases that all models get right and that all get wrong. Empty for tasks whose cases are not
        right or wrong.
    """
    rows = study.judgement.compared
    columns = [column for row in rows if (column := correct_shares(row)) is not None]
    if len(columns) < len(rows) or len(rows) < 2:
        return []
    pairs = [_pair_row(study, rows[i], rows[j], columns[i], columns[j]) for i, j in combinations(range(len(rows)), 2)]
    return [*pairs, _row_of_all(study, columns)]


def _pair_row(study: Study, a: ScoredRow, b: ScoredRow, right_a: Floats, right_b: Floats) -> TableRow:
    both, neither = float((right_a * right_b).mean()), float(((1 - right_a) * (1 - right_b)).mean())
    return {
        **dict.fromkeys(AGREEMENT_COLUMNS),
        "dataset": study.dataset,
        "a": a.name,
        "b": b.name,
        "cases": study.cases.cases,
        "both_correct": both,
        "both_wrong": neither,
        "only_a_correct": float(right_a.mean()) - both,
        "only_b_correct": float(right_b.mean()) - both,
        "error_kappa": _kappa(float(right_a.mean()), float(right_b.mean()), both + neither),
        "note": "",
    }


def _kappa(right_a: float, right_b: float, agreed: float) -> float | None:
    """Agreement beyond that of independent errors; None where no other agreement is possible."""
    by_chance = right_a * right_b + (1 - right_a) * (1 - right_b)
    return (agreed - by_chance) / (1 - by_chance) if by_chance < 1 else None


def _row_of_all(study: Study, columns: Sequence[Floats]) -> TableRow:
    table = np.array(columns).T
    return {
        **dict.fromkeys(AGREEMENT_COLUMNS),
        "dataset": study.dataset,
        "a": ALL,
        "b": ALL,
        "cases": study.cases.cases,
        "both_correct": float(table.prod(axis=1).mean()),
        "both_wrong": float((1 - table).prod(axis=1).mean()),
        "note": "",
    }
