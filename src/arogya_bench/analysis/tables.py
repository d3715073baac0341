"""The tables that are computed from a study alone: one more table is one more entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from arogya_bench.analysis.agreement import AGREEMENT_COLUMNS, agreement_rows
from arogya_bench.analysis.calibration import (
    CALIBRATION_COLUMNS,
    RELIABILITY_COLUMNS,
    calibration_rows,
    reliability_rows,
)
from arogya_bench.analysis.confusion import CONFUSION_COLUMNS, confusion_rows
from arogya_bench.analysis.curves import PRECISION_RECALL_COLUMNS, ROC_COLUMNS, precision_recall_rows, roc_rows
from arogya_bench.analysis.degradation import DEGRADATION_COLUMNS, degradation_rows
from arogya_bench.analysis.ensembles import ENSEMBLE_COLUMNS, ensemble_rows
from arogya_bench.analysis.errors import ERROR_COLUMNS, MISSED_BY_ALL_COLUMNS, error_rows, missed_by_all_rows
from arogya_bench.analysis.froc import FROC_COLUMNS, froc_rows
from arogya_bench.analysis.net_benefit import NET_BENEFIT_COLUMNS, net_benefit_rows
from arogya_bench.analysis.operating_points import OPERATING_COLUMNS, operating_point_rows
from arogya_bench.analysis.overall_test import OVERALL_TEST_COLUMNS, overall_test_rows
from arogya_bench.analysis.per_class import PER_CLASS_COLUMNS, per_class_rows
from arogya_bench.analysis.planning import PLANNING_COLUMNS, planning_rows
from arogya_bench.analysis.rank_stability import RANK_STABILITY_COLUMNS, rank_stability_rows
from arogya_bench.analysis.ranks import RANK_COLUMNS, rank_rows
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.subgroups import SUBGROUP_COLUMNS, SUBGROUP_GAP_COLUMNS, subgroup_gap_rows, subgroup_rows
from arogya_bench.analysis.table_rows import TableRow


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """A table of a comparison.

    Attributes:
        columns: The columns that it always has, in their order; the first is ``dataset``.
        rows: Computes its rows.
        after_limits: Whether it is about the models that may be recommended, so that the limits come first.
    """

    columns: tuple[str, ...]
    rows: Callable[[Study], list[TableRow]]
    after_limits: bool = False


def analyse(study: Study, *, after_limits: bool) -> dict[str, list[TableRow]]:
    """Compute the tables that do or do not depend on the limits, by name."""
    return {name: analysis.rows(study) for name, analysis in ANALYSES.items() if analysis.after_limits == after_limits}


ANALYSES: Mapping[str, Analysis] = {
    "ranks": Analysis(columns=RANK_COLUMNS, rows=rank_rows, after_limits=True),
    "rank_stability": Analysis(columns=RANK_STABILITY_COLUMNS, rows=rank_stability_rows, after_limits=True),
    "agreement": Analysis(columns=AGREEMENT_COLUMNS, rows=agreement_rows),
    "per_class": Analysis(columns=PER_CLASS_COLUMNS, rows=per_class_rows),
    "confusion": Analysis(columns=CONFUSION_COLUMNS, rows=confusion_rows),
    "roc": Analysis(columns=ROC_COLUMNS, rows=roc_rows),
    "precision_recall": Analysis(columns=PRECISION_RECALL_COLUMNS, rows=precision_recall_rows),
    "calibration": Analysis(columns=CALIBRATION_COLUMNS, rows=calibration_rows),
    "reliability": Analysis(columns=RELIABILITY_COLUMNS, rows=reliability_rows),
    "operating_points": Analysis(columns=OPERATING_COLUMNS, rows=operating_point_rows),
    "net_benefit": Analysis(columns=NET_BENEFIT_COLUMNS, rows=net_benefit_rows),
    "subgroups": Analysis(columns=SUBGROUP_COLUMNS, rows=subgroup_rows),
    "subgroup_gaps": Analysis(columns=SUBGROUP_GAP_COLUMNS, rows=subgroup_gap_rows),
    "degradation": Analysis(columns=DEGRADATION_COLUMNS, rows=degradation_rows),
    "errors": Analysis(columns=ERROR_COLUMNS, rows=error_rows),
    "missed_by_all": Analysis(columns=MISSED_BY_ALL_COLUMNS, rows=missed_by_all_rows, after_limits=True),
    "froc": Analysis(columns=FROC_COLUMNS, rows=froc_rows),
    "ensembles": Analysis(columns=ENSEMBLE_COLUMNS, rows=ensemble_rows, after_limits=True),
    "overall_tests": Analysis(columns=OVERALL_TEST_COLUMNS, rows=overall_test_rows),
    "planning": Analysis(columns=PLANNING_COLUMNS, rows=planning_rows),
}
