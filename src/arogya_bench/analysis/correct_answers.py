"""How often the rows of a study are right, case by case."""

from typing import cast

import numpy as np

from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.scoring.tasks import correct_cases
from arogya_bench.types import Floats


def correct_shares(row: ScoredRow) -> Floats | None:
    """Shape (n,): the share of the seeds that are right about each case; None if cases are not so scored."""
    columns = [correct_cases(predictions) for predictions in row.row.predictions]
    if any(column is None for column in columns):
        return None
    shares: Floats = np.mean([cast("Floats", column) for column in columns], axis=0)
    return shares


def correct_by_group(study: Study, shares: Floats) -> Floats:
    """Shape (groups,): the mean over the cases of each group."""
    group_of, groups = study.cases.group_of, study.cases.groups
    means: Floats = np.bincount(group_of, shares, minlength=groups) / np.bincount(group_of, minlength=groups)
    return means
