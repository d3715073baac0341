"""Check that the cases of a dataset, and the parts of its split, can be used."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.types import Case, Dataset, Subset

PARTS = ("train", "validation", "test")
# What folders, files and table cells of a source call the parts of its split.
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def check_cases(dataset: Dataset, limit: int | None) -> None:
    """Check that the cases can be divided at all.

    There must be enough classes and groups, unique ids and known official parts, and a limit must hold every class.
    """
    counts = _class_counts(dataset, dataset.cases)
    wanted = len(dataset.classes)
    least = 1 if dataset.task == "detection" else 2  # a detector may have a single class
    if dataset.task != "segmentation" and sum(count > 0 for count in counts.values()) < least:
        raise DatasetError(
            f"{dataset.name} has too few classes with cases: {_format_counts(counts)}.",
            fix=f"use a dataset with {least} or more classes that hold cases",
        )
    names = Counter(case.case_id for case in dataset.cases)
    if len(names) < len(dataset.cases):
        raise DatasetError(
            f"{dataset.name} has two cases named {names.most_common(1)[0][0]}.", fix="give every case its own id"
        )
    unknown = [case for case in dataset.cases if case.split not in (*PARTS, None)]
    if unknown:
        raise DatasetError(
            f"Case {unknown[0].case_id} of {dataset.name} has the official split "
            f"{unknown[0].split!r}, not one of {', '.join(PARTS)}.",
            fix="correct the source, or leave the split of such cases empty",
        )
    groups = len({case.group_id for case in dataset.cases})
    if groups < wanted:
        raise DatasetError(
            f"{dataset.name} has {len(dataset.cases)} cases in {groups} groups, fewer than its {wanted} classes.",
            fix="add cases, or leave out classes",
        )
    if limit is not None and limit < wanted:
        raise ConfigError(
            f"limit={limit} cannot hold one case of each of {wanted} classes.",
            fix=f"set limit to {wanted} or more, or to null for all cases",
        )


def check_parts(dataset: Dataset, parts: Mapping[str, Subset], *, allow_group_overlap: bool) -> None:
    """Check that no group is in two parts, every class can be learned, and there is a test part.

    Without training cases nothing is learned, which not every model needs: ``evaluation.needed_parts`` asks the model.
    """
    _check_test_part(dataset, parts)
    if dataset.grouped and not allow_group_overlap:
        _check_group_overlap(dataset, parts)
    for part in ("train", "validation") if len(parts["train"]) else ():
        counts = _class_counts(dataset, parts[part].cases)
        absent = [name for name, count in counts.items() if not count]
        if absent and dataset.task != "segmentation":
            raise DatasetError(
                f"Class {absent[0]!r} of {dataset.name} has no case in {part}: {_format_counts(counts)}; "
                f"in all splits: {_format_counts(_class_counts(dataset, dataset.cases))}.",
                fix="add cases of that class (from at least 3 groups), leave the class out, "
                "or set split.method=group with another seed or other fractions",
            )


def _check_test_part(dataset: Dataset, parts: Mapping[str, Subset]) -> None:
    if not len(parts["test"]):
        raise DatasetError(
            f"The test split of {dataset.name} is empty; "
            f"train holds {len(parts['train'])}, validation {len(parts['validation'])} cases.",
            fix="add cases, or give test a larger share: split.test=0.2 split.train=0.7",
        )


def _check_group_overlap(dataset: Dataset, parts: Mapping[str, Subset]) -> None:
    part_of_group: dict[str, str] = {}
    for part, subset in parts.items():
        for case in subset.cases:
            first_part = part_of_group.setdefault(case.group_id, part)
            if first_part != part:
                raise DatasetError(
                    f"The split of {dataset.name} has cases of group {case.group_id} in both "
                    f"{first_part} and {part}; scores on it would be too optimistic.",
                    fix="divide by group instead: split.method=group",
                )


def _class_counts(dataset: Dataset, cases: Iterable[Case]) -> dict[str, int]:
    targets = np.array([label for case in cases for label in case.present_classes], dtype=np.int64)
    counts = np.bincount(targets, minlength=len(dataset.classes))
    return {name: int(count) for name, count in zip(dataset.classes, counts, strict=True)}


def _format_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
