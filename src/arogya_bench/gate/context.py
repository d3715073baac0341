"""What every check is given: the cases with their parts, and the facts of their images."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.datasets.splits import Split
from arogya_bench.gate.image_facts import ImageFacts
from arogya_bench.types import Case, Dataset


class Placed(NamedTuple):
    """A case, the part of the split that it is in, and what is known of its image."""

    case: Case
    part: str
    facts: ImageFacts


@dataclass(frozen=True, kw_only=True)
class Examined:
    """A divided dataset, looked at.

    Attributes:
        facts: Case id to facts, of every case of the split.
        fractions: Shares that were asked for; None where nobody asked.
    """

    dataset: Dataset
    split: Split
    facts: Mapping[str, ImageFacts]
    fractions: tuple[float, float, float] | None

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """Every case of every part, train first."""
        parts = (self.split.train, self.split.validation, self.split.test)
        return tuple(
            Placed(case, part, self.facts[case.case_id])
            for part, own in zip(PARTS, parts, strict=True)
            for case in own.cases
        )

    def in_part(self, part: str) -> tuple[Placed, ...]:
        """The cases of one part."""
        return tuple(each for each in self.placed if each.part == part)
