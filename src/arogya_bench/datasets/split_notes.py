"""What was done with cases of a source that states only some parts of its split, in words."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.runtime.console import plural
from arogya_bench.types import Case, Dataset


def split_notes(
    dataset: Dataset, method: str, parts: Mapping[str, Sequence[Case]], *, tests_all: bool
) -> tuple[str, ...]:
    """Describe how the parts that a source states were completed or set aside.

    Args:
        dataset: The dataset before the split.
        method: Of the split, as configured.
        parts: The cases of each part.
        tests_all: Whether every case is tested on purpose.
    """
    stated = Counter(case.split for case in dataset.cases)
    if tests_all:
        return (f"Every one of the {plural(len(dataset.cases), 'case')} is a test case (split.test=1).",)
    if method not in ("auto", "official") or set(stated) == {None}:
        return ()
    if not stated["test"]:
        return (_divided_anew(stated),)
    return tuple(_completed(dataset, stated, parts))


def _divided_anew(stated: Counter[str | None]) -> str:
    return (
        f"The source states {_format_counts(stated)} and no test case: all cases were divided anew by group. Name the "
        "cases to test `test` in the source to keep them apart, or set split.test=1 to test on every case."
    )


def _completed(dataset: Dataset, stated: Counter[str | None], parts: Mapping[str, Sequence[Case]]) -> Iterator[str]:
    if stated[None]:
        yield (
            f"{stated[None]} of {plural(len(dataset.cases), 'case')} have no part in the source, which states "
            f"{_format_counts(stated)}: they are training cases."
        )
    if not parts["train"]:
        rest = "no training case" if parts["validation"] else "neither training nor validation cases"
        yield (
            f"The source states {_format_counts(stated)} and {rest}: only models that fit nothing can be evaluated; "
            "split.method=group divides all cases anew."
        )


def _format_counts(stated: Counter[str | None]) -> str:
    return ", ".join(f"{part} {stated[part]}" for part in PARTS if stated[part])
