"""The full list of pairs of copies behind the findings, of which a finding names five."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import pandas as pd

from arogya_bench.gate.context import CaseInSplit

COPIES_FILE = "copies.csv"
COPY_COLUMNS = (
    *("code", "bits", "first", "first_class", "first_split", "first_group"),
    *("second", "second_class", "second_split", "second_group"),
)


@dataclass(frozen=True, kw_only=True)
class CopyPair:
    """Two cases that show the same image, or almost the same.

    Attributes:
        bits: Differing bits of the perceptual hashes; 0 for equal pixels and for hashes that do not differ.
        first_class: Empty for a case without a class; so ``second_class``.
    """

    bits: int
    first: str
    first_class: str
    first_split: str
    first_group: str
    second: str
    second_class: str
    second_split: str
    second_group: str


def pair_of(first: CaseInSplit, second: CaseInSplit, classes: Sequence[str], *, bits: int = 0) -> CopyPair:
    """Describe a pair of cases."""
    return CopyPair(
        bits=bits,
        first=first.name,
        first_class=_class_of(first, classes),
        first_split=first.part,
        first_group=first.case.group_id,
        second=second.name,
        second_class=_class_of(second, classes),
        second_split=second.part,
        second_group=second.case.group_id,
    )


def pairs_of_sets(sets: Iterable[Sequence[CaseInSplit]], classes: Sequence[str]) -> tuple[CopyPair, ...]:
    """Pair the first case of each set of equal images with each other one."""
    return tuple(pair_of(cases[0], other, classes) for cases in sets for other in cases[1:])


def copies_table(pairs_by_code: Iterable[tuple[str, Sequence[CopyPair]]]) -> pd.DataFrame:
    """Return one row per pair and code."""
    rows = [{"code": code, **asdict(pair)} for code, pairs in pairs_by_code for pair in pairs]
    return pd.DataFrame(rows, columns=list(COPY_COLUMNS))


def _class_of(case: CaseInSplit, classes: Sequence[str]) -> str:
    target = case.case.target
    return "" if target is None or not 0 <= target < len(classes) else classes[target]
