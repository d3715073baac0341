"""The table of confusion: which class is taken for which."""

import numpy as np

from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.metrics.tally import sum_by_group
from arogya_bench.scoring.classification import check_predictions
from arogya_bench.types import Floats, Predictions

CONFUSION_COLUMNS = ("dataset", "model", "true", "predicted", "count", "share", "seeds")
NO_ANSWER = "(no answer)"
MOST_CLASSES = 30  # of a whole matrix; of more classes the cells without cases are left out


def confusion_rows(study: Study) -> list[TableRow]:
    """Count the clean test cases of each row by true and predicted class, in the order of the dataset.

    Several seeds are averaged. ``share`` is of the cases of the true class; None for a class without cases. Cases
    without an answer are a column of their own, where any model has such cases. Detectors have no such table.
    """
    if study.task.name != "classification":
        return []
    counts = [_mean_counts(row) for row in study.rows]
    names = list(study.cases.class_names)
    answers = [*names, NO_ANSWER] if any(of_row[:, -1].any() for of_row in counts) else names
    return [
        {
            "dataset": study.dataset,
            "model": row.name,
            "true": true,
            "predicted": answer,
            "count": float(of_row[i, j]),
            "share": float(of_row[i, j] / of_row[i].sum()) if of_row[i].any() else None,
            "seeds": len(row.row.predictions),
        }
        for row, of_row in zip(study.rows, counts, strict=True)
        for i, true in enumerate(names)
        for j, answer in enumerate(answers)
        if len(names) <= MOST_CLASSES or of_row[i, j]
    ]


def _mean_counts(row: ScoredRow) -> Floats:
    """Shape (K, K + 1), the mean over seeds; the last column counts no answer."""
    seeds = [seed for seed in row.row.predictions if isinstance(seed, Predictions)]
    mean: Floats = np.mean([sum_by_group(check_predictions(seed)).total().confusion for seed in seeds], axis=0)
    return mean
