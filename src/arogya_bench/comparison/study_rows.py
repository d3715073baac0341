"""The rows of a dataset, read from their runs and scored."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from arogya_bench.analysis.scored_rows import EvaluatedRow, ScoredRow, SharedCases, score_rows, single_resample
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.logged_intervals import logged_intervals
from arogya_bench.scoring.scores import Resampling
from arogya_bench.statistics.intervals import Interval

CellKey = tuple[str, str]  # digest of a row, name of a condition


@dataclass(frozen=True, kw_only=True)
class RowScorer:
    """Scores the rows of a block.

    Only the metrics that decide are computed on resamples. The intervals of the others were logged from the same
    resamples; those that were not are computed, too.
    """

    block: ComparableRuns
    cases: SharedCases
    resampling: Resampling

    def score(
        self, cells: Mapping[CellKey, EvaluatedRow], names: Sequence[str], *, deciding: Collection[str]
    ) -> list[ScoredRow]:
        """Score the rows of cells by the metrics of a list that the task has; their order is kept."""
        task, rows = self.block.task, list(cells.values())
        known = [name for name in dict.fromkeys(names) if name in task.metrics]
        others = [name for name in known if name not in deciding]
        scored = score_rows(rows, task, others, single_resample(self.cases.predictions))
        scored = [
            replace(row, intervals=self._logged_intervals(cell, row, others))
            for cell, row in zip(cells, scored, strict=True)
        ]
        drawn = [name for name in known if name in deciding or any(_lacks_interval(row, name) for row in scored)]
        resampled = score_rows(rows, task, drawn, self.resampling)
        return [_join(row, more, known) for row, more in zip(scored, resampled, strict=True)]

    def _logged_intervals(self, cell: CellKey, row: ScoredRow, names: Sequence[str]) -> Mapping[str, Interval]:
        if len(row.by_seed) > 1:
            return {}
        run = self.block.runs[(*cell, row.row.seeds[0])]
        return logged_intervals(run, row, names, self.cases, self.resampling)


def _lacks_interval(row: ScoredRow, metric: str) -> bool:
    """Whether the interval of a metric needs resamples: several seeds have one without."""
    return len(row.by_seed) == 1 and metric not in row.intervals


def _join(row: ScoredRow, more: ScoredRow, names: Sequence[str]) -> ScoredRow:
    joined = row.with_metrics(more)
    return replace(joined, by_seed=tuple({name: seed[name] for name in names} for seed in joined.by_seed))
