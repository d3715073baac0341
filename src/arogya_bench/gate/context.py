"""The input of every check: the divided cases and the facts of their images."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from arogya_bench.datasets.splits import DatasetSplit
from arogya_bench.gate.image_facts import ImageFacts
from arogya_bench.types import Case, Dataset


class CaseInSplit(NamedTuple):
    """A case, its part of the split, and the facts of its image."""

    case: Case
    part: str
    facts: ImageFacts


@dataclass(frozen=True, kw_only=True)
class GateInput:
    """A divided dataset with the facts of its images.

    Attributes:
        facts: Image facts by case id, for every case of the split.
        fractions: Requested shares of train, validation and test; None without a request.
    """

    dataset: Dataset
    split: DatasetSplit
    facts: Mapping[str, ImageFacts]
    fractions: tuple[float, float, float] | None

    @cached_property
    def cases(self) -> tuple[CaseInSplit, ...]:
        """All cases: train, then validation, then test."""
        return tuple(
            CaseInSplit(case, part, self.facts[case.case_id])
            for part, dataset in self.split.parts.items()
            for case in dataset.cases
        )

    def cases_in(self, part: str) -> tuple[CaseInSplit, ...]:
        """Return the cases of one part."""
        return tuple(case for case in self.cases if case.part == part)
