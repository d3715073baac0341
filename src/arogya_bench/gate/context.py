"""The input of every check: the divided cases and the facts of their images."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import NamedTuple

from arogya_bench.datasets.splits import DatasetSplit
from arogya_bench.gate.image_facts import ImageFacts
from arogya_bench.images.discovery import image_stem
from arogya_bench.types import Case, Dataset


class CaseInSplit(NamedTuple):
    """A case, its part of the split, the facts of its image, and its name in findings."""

    case: Case
    part: str
    facts: ImageFacts
    name: str


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
            CaseInSplit(case, part, self.facts[case.case_id], self.name_of(case.case_id))
            for part, dataset in self.split.parts.items()
            for case in dataset.cases
        )

    def name_of(self, case_id: str) -> str:
        """The id of a case with the suffix of its file, so that the file is easily found."""
        file = self.dataset.files.get(case_id)
        stem = image_stem(file.name) if file else ""
        return f"{case_id}{file.name[len(stem) :]}" if file and stem == PurePosixPath(case_id).name else case_id

    def cases_in(self, part: str) -> tuple[CaseInSplit, ...]:
        """Return the cases of one part."""
        return tuple(case for case in self.cases if case.part == part)
