"""A study: the rows of one dataset, judged on clean images, and what else was evaluated of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from arogya_bench.analysis.conditions import StoredCondition
from arogya_bench.analysis.judgement import Judgement
from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.analysis.scored_rows import EvaluatedRow, ScoredRow, SharedCases
from arogya_bench.scoring.scores import Resampling
from arogya_bench.scoring.task import AnyPredictions, Task

SECONDARY_RESAMPLES = 2_000  # of tables that decide nothing
SECONDARY_CELLS = 2**25  # resamples times groups; large studies take fewer resamples
MIN_SECONDARY_RESAMPLES = 200


@dataclass(frozen=True, kw_only=True)
class DegradedRows:
    """The rows that were evaluated under one condition and on clean images.

    Attributes:
        rows: Under the condition, with the deciding metric and, for labels, ``ece``.
        clean: The same rows and seeds on clean images, in the same order.
        notes: By row name, what must be known of its seeds.
    """

    condition: StoredCondition
    rows: tuple[ScoredRow, ...]
    clean: tuple[ScoredRow, ...]
    notes: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Study:
    """What the analyses of one dataset read.

    Attributes:
        dataset: Display name.
        grouped: Whether the dataset names patients.
        judgement: Of the rows on clean images.
        resampling: Which groups are drawn; the same for all rows.
        evaluated: By row name, the predictions of every seed on clean images, also of seeds with equal outputs, of
            which the judgement keeps one.
        degraded: One entry per condition, without clean images.
        validation: By row name, the predictions of the validation split, one per seed; a row without any is absent.
        tried: Variants of the rows that were not chosen on validation.
    """

    dataset: str
    grouped: bool
    judgement: Judgement
    resampling: Resampling
    evaluated: Mapping[str, EvaluatedRow]
    degraded: tuple[DegradedRows, ...] = ()
    validation: Mapping[str, tuple[AnyPredictions, ...]] = field(default_factory=dict)
    options: AnalysisOptions = field(default_factory=AnalysisOptions)
    tried: tuple[ScoredRow, ...] = ()

    @property
    def metric(self) -> str:
        """The deciding metric."""
        return self.judgement.metric

    @property
    def cases(self) -> SharedCases:
        """The test cases."""
        return self.judgement.cases

    @property
    def task(self) -> Task[Any]:
        """With the metrics of other packages."""
        return self.judgement.cases.task

    @property
    def rows(self) -> tuple[ScoredRow, ...]:
        """Best first; those for which the metric is undefined last."""
        return self.judgement.rows

    @property
    def unit(self) -> str:
        """What the groups are."""
        return "patient" if self.grouped else "case"

    @cached_property
    def computed(self) -> dict[str, Any]:
        """Intermediate results that several tables read, by name."""
        return {}

    @cached_property
    def secondary_resampling(self) -> Resampling:
        """The first of the resamples, for tables that decide nothing."""
        most = max(MIN_SECONDARY_RESAMPLES, SECONDARY_CELLS // self.cases.groups)
        return replace(self.resampling, resamples=min(self.resampling.resamples, SECONDARY_RESAMPLES, most))
