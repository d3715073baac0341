"""The table of overall tests: whether the rows of a dataset are right equally often, before any two are compared."""

import numpy as np

from arogya_bench.analysis.correct_answers import correct_by_group, correct_shares
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics.rank_tests import cochran_q, friedman
from arogya_bench.types import Floats

OVERALL_TEST_COLUMNS = ("dataset", "metric", "test", "models", "groups", "statistic", "p_value", "note")
MIN_MODELS = 3  # two are compared by their pair


def overall_test_rows(study: Study) -> list[TableRow]:
    """One row with the test of all rows together, by accuracy; none with two rows, or without labels.

    Cochran's Q for one case per group and one seed, else Friedman's test of the ranks within groups.
    """
    shares = [found for row in study.judgement.compared if (found := correct_shares(row)) is not None]
    if len(shares) < MIN_MODELS or len(shares) < len(study.judgement.compared):
        return []
    try:
        result = _test(study, shares)
    except UndefinedMetric:  # a single group
        return []
    return [
        {"dataset": study.dataset, "metric": "accuracy", "models": len(shares), "groups": study.cases.groups, **result}
    ]


def _test(study: Study, shares: list[Floats]) -> TableRow:
    table = np.column_stack([correct_by_group(study, column) for column in shares])
    if study.cases.cases == study.cases.groups and np.isin(table, (0, 1)).all():
        cochran = cochran_q(table)
        return {"test": "Cochran's Q", "statistic": cochran.q, "p_value": cochran.p_value, "note": cochran.note}
    ranks = friedman(table)
    note = ranks.note.replace("row", "group")  # which its rows are here
    return {"test": ranks.method, "statistic": ranks.chi2, "p_value": ranks.p_F, "note": note}
