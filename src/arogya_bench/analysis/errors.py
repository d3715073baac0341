"""The tables of errors: the most confident mistakes of each row, and the cases that every row misses."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arogya_bench.analysis.positive_class import states_probabilities
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.metrics.outcomes import NO_ANSWER, predicted_classes
from arogya_bench.types import Floats, Labels, Predictions

MAX_MISTAKES = 20  # of each row
SHOWN_MISTAKES = 5  # of these on a page
MAX_MISSED = 50
NO_CLASS = "(no answer)"
ERROR_COLUMNS = (
    "dataset", "model", "position", "case_id", "group_id", "target", "predicted", "confidence", "seeds_wrong", "seeds",
    "other_models", "other_models_wrong",
)  # fmt: skip
MISSED_BY_ALL_COLUMNS = (
    "dataset", "position", "case_id", "group_id", "target", "predicted", "models", "confidence", "total", "share",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Mistakes:
    """The mistakes of one row, arrays of shape (n,).

    Attributes:
        wrong: Number of seeds that miss each case.
        confidence: Of the wrong class, averaged over all seeds: one that is right counts as 0.
        predicted: The wrong class with the most confidence over the seeds; -1 without an answer.
    """

    row: ScoredRow
    wrong: Labels
    confidence: Floats
    predicted: Labels

    @property
    def seeds(self) -> int:
        return len(self.row.row.predictions)

    @property
    def missed(self) -> NDArray[np.bool_]:
        """Whether more than half of the seeds miss a case."""
        missed: NDArray[np.bool_] = 2 * self.wrong > self.seeds
        return missed


def error_rows(study: Study) -> list[TableRow]:
    """List the twenty most confident mistakes of each row, and how many other rows miss the same case.

    A row with several seeds misses a case if more than half of its seeds do. Detectors, and rows that state no
    probabilities, have no such table.
    """
    if study.task.name != "classification":
        return []
    mistakes = [_mistakes(row) for row in study.rows]
    missed_by = np.sum([one.missed for one in mistakes], axis=0)
    confident = [one for one in mistakes if states_probabilities(one.row)]
    return [row for one in confident for row in _worst_rows(study, one, missed_by, len(mistakes) - 1)]


def missed_by_all_rows(study: Study) -> list[TableRow]:
    """List the cases that every row which may be recommended misses, the most confident mistakes first.

    ``total`` is their number, of which at most 50 are listed, and ``share`` their share of all cases. Empty with fewer
    than two such rows.
    """
    if study.task.name != "classification":
        return []
    able = [_mistakes(row) for row in study.rows if row.name not in study.judgement.excluded]
    if len(able) < 2:
        return []
    missed = np.flatnonzero(np.all([one.missed for one in able], axis=0))
    confident = [one.confidence for one in able if states_probabilities(one.row)]
    confidence = np.mean(confident, axis=0) if confident else np.zeros(study.cases.cases)
    chosen = missed[_largest(confidence[missed], MAX_MISSED)]
    return [
        {
            "dataset": study.dataset,
            "position": position,
            **_case(study, int(case)),
            "predicted": ", ".join(dict.fromkeys(_class_name(study, int(one.predicted[case])) for one in able)),
            "models": len(able),
            "confidence": float(confidence[case]) if confident else None,
            "total": missed.size,
            "share": missed.size / study.cases.cases,
        }
        for position, case in enumerate(chosen, start=1)
    ]


def _mistakes(row: ScoredRow) -> _Mistakes:
    seeds = [seed for seed in row.row.predictions if isinstance(seed, Predictions)]
    wrong = np.zeros(seeds[0].targets.size, dtype=np.int64)
    of_class = np.zeros(seeds[0].probabilities.shape)
    for seed in seeds:
        predicted = predicted_classes(seed.probabilities)
        wrong += predicted != seed.targets
        (cases,) = np.nonzero((predicted != seed.targets) & (predicted != NO_ANSWER))
        of_class[cases, predicted[cases]] += seed.probabilities[cases, predicted[cases]]
    total: Floats = of_class.sum(axis=1)
    return _Mistakes(
        row=row,
        wrong=wrong,
        confidence=total / len(seeds),
        predicted=np.where(total > 0, of_class.argmax(axis=1), NO_ANSWER),
    )


def _worst_rows(study: Study, one: _Mistakes, missed_by: Labels, others: int) -> list[TableRow]:
    chosen = _largest(one.confidence, MAX_MISTAKES)
    return [
        {
            "dataset": study.dataset,
            "model": one.row.name,
            "position": position,
            **_case(study, int(case)),
            "predicted": _class_name(study, int(one.predicted[case])),
            "confidence": float(one.confidence[case]),
            "seeds_wrong": int(one.wrong[case]),
            "seeds": one.seeds,
            "other_models": others,
            "other_models_wrong": int(missed_by[case] - one.missed[case]),
        }
        for position, case in enumerate(chosen[one.confidence[chosen] > 0], start=1)
    ]


def _largest(values: Floats, most: int) -> Labels:
    """Positions of the largest values in descending order; of equal ones, the first."""
    if values.size > most:
        limit = np.partition(values, values.size - most)[values.size - most]
        above, level = np.flatnonzero(values > limit), np.flatnonzero(values == limit)
        kept = np.sort(np.concatenate([above, level[: most - above.size]]))
    else:
        kept = np.arange(values.size)
    order: Labels = kept[np.argsort(-values[kept], kind="stable")]
    return order


def _case(study: Study, case: int) -> TableRow:
    predictions = study.cases.predictions
    target = predictions.targets[case] if isinstance(predictions, Predictions) else NO_ANSWER
    return {
        "case_id": predictions.case_ids[case],
        "group_id": predictions.group_ids[case],
        "target": _class_name(study, int(target)),
    }


def _class_name(study: Study, index: int) -> str:
    return NO_CLASS if index == NO_ANSWER else study.cases.class_names[index]
