"""The deciding metric of a row on a part of the cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.metrics.classification import metrics_for
from arogya_bench.metrics.tally import sum_by_group
from arogya_bench.scoring.classification import check_predictions
from arogya_bench.statistics.subgroup_columns import SubgroupColumn, build_subgroup_column
from arogya_bench.types import Predictions

MIN_GROUPS = 10  # of a part for which metrics are computed
MIN_LARGE_PARTS = 2  # with so many groups each
MAX_PARTS = 12  # of a column that is taken without being named
MAX_UNEXPLAINED = 0.05  # share of the minority classes that a column that repeats the classes leaves open


@dataclass(frozen=True, kw_only=True)
class DividingColumn:
    """A metadata column that divides the cases.

    Attributes:
        parts: Its values.
        large_parts: Positions of the parts with ten groups or more.
    """

    column: SubgroupColumn
    large_parts: tuple[int, ...]

    @property
    def name(self) -> str:
        """Of the column."""
        return self.column.name

    @property
    def parts(self) -> tuple[str, ...]:
        """The values of the column."""
        return self.column.values

    def cases_of(self, part: int) -> NDArray[np.bool_]:
        """Shape (n,), whether a case belongs to a part."""
        belongs: NDArray[np.bool_] = self.column.codes == part
        return belongs


def dividing_columns(study: Study) -> list[DividingColumn]:
    """The columns of the subgroups with two large parts or more.

    Empty where a part has no value of the deciding metric: for detectors, and for metrics of other packages.
    """
    if study.task.name != "classification" or study.metric not in metrics_for(len(study.cases.class_names)):
        return []
    found = [
        DividingColumn(column=column, large_parts=_large_parts(column, study)) for column in subgroup_columns(study)
    ]
    return [column for column in found if len(column.large_parts) >= MIN_LARGE_PARTS]


def subgroup_columns(study: Study) -> list[SubgroupColumn]:
    """The named columns that are there, else those that divide the cases into few large parts."""
    if study.task.name != "classification":
        return []
    metadata: Mapping[str, Sequence[str | float]] = study.cases.predictions.metadata
    named = study.options.subgroups
    columns = [
        build_subgroup_column({name: values}, study.cases.cases)
        for name, values in metadata.items()
        if named is None or name in named
    ]
    return [column for column in columns if named is not None or _divides(column, study)]


def _divides(column: SubgroupColumn, study: Study) -> bool:
    parts = len(column.values)
    if not MIN_LARGE_PARTS <= parts <= MAX_PARTS:
        return False
    return len(_large_parts(column, study)) >= MIN_LARGE_PARTS and not _repeats_classes(column, study)


def _large_parts(column: SubgroupColumn, study: Study) -> tuple[int, ...]:
    """Positions of the parts with ten groups or more."""
    pairs = np.unique(column.codes * study.cases.groups + study.cases.group_of)
    groups = np.bincount(pairs // study.cases.groups, minlength=len(column.values))
    return tuple(map(int, np.flatnonzero(groups >= MIN_GROUPS)))


def _repeats_classes(column: SubgroupColumn, study: Study) -> bool:
    """Whether a column says little else than the class: its parts then differ by their class, and by nothing else."""
    targets, classes = study.task.strata(study.cases.predictions), len(study.cases.class_names)
    if targets is None:
        return False
    by_part = np.bincount(column.codes * classes + targets, minlength=len(column.values) * classes)
    unexplained = targets.size - by_part.reshape(-1, classes).max(axis=1).sum()
    in_all = targets.size - np.bincount(targets).max()
    return bool(unexplained <= MAX_UNEXPLAINED * in_all)


def score_part(row: ScoredRow, study: Study, part: NDArray[np.bool_]) -> float:
    """The deciding metric on some cases, averaged over the seeds; NaN where it is undefined."""
    compute = metrics_for(len(study.cases.class_names))[study.metric]
    values = []
    for seed in row.row.predictions:
        if isinstance(seed, Predictions):
            cases = check_predictions(seed, part)
            values.append(float(compute(sum_by_group(cases, true_classes_only=True).total())))
    return float(np.mean(values))
