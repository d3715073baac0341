"""What every check is given: the cases with their parts, and the facts of their images."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.datasets.splits import DatasetSplit
from arogya_bench.gate.image_facts import ImageFacts
from arogya_bench.types import Case, Dataset


class CaseInSplit(NamedTuple):
    """A case, the part of the split that it is in, and what is known of its image."""

    case: Case
    part: str
    facts: ImageFacts


@dataclass(frozen=True, kw_only=True)
class GateInput:
    """A divided dataset, looked at.

    Attributes:
        facts: Case id to facts, of every case of the split.
        fractions: Shares that were asked for; None where nobody asked.
    """

    dataset: Dataset
    split: DatasetSplit
    facts: Mapping[str, ImageFacts]
    fractions: tuple[float, float, float] | None

    @cached_property
    def cases(self) -> tuple[CaseInSplit, ...]:
        """Every case of every part, train first."""
        parts = (self.split.train, self.split.validation, self.split.test)
        return tuple(
            CaseInSplit(case, part, self.facts[case.case_id])
            for part, own in zip(PARTS, parts, strict=True)
            for case in own.cases
        )

    def cases_in(self, part: str) -> tuple[CaseInSplit, ...]:
        """The cases of one part."""
        return tuple(each for each in self.cases if each.part == part)
