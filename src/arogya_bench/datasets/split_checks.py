"""Whether cases, and the parts they were divided into, can carry a training and an honest test."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.types import Case, Dataset, Subset

PARTS = ("train", "validation", "test")


def check_cases(dataset: Dataset, limit: int | None) -> None:
    """Refuse cases that no method can divide.

    Raises:
        ConfigError: If ``limit`` cannot hold one case of each class.
        DatasetError: If classes or groups are too few, or an id or split cannot be true.
    """
    counts = _class_counts(dataset, dataset.cases)
    wanted = len(dataset.classes)
    least = 1 if dataset.task == "detection" else 2  # a detector may look for one thing
    if dataset.task != "segmentation" and sum(count > 0 for count in counts.values()) < least:
        raise DatasetError(
            f"{dataset.name} has too few classes with cases: {_format_counts(counts)}.",
            fix=f"use a dataset with {least} or more classes that hold cases",
        )
    names = Counter(case.case_id for case in dataset.cases)
    if len(names) < len(dataset.cases):
        raise DatasetError(
            f"{dataset.name} has two cases named {names.most_common(1)[0][0]}.",
            fix="give every case its own id",
        )
    strange = [case for case in dataset.cases if case.split not in (*PARTS, None)]
    if strange:
        raise DatasetError(
            f"Case {strange[0].case_id} of {dataset.name} has the official split "
            f"{strange[0].split!r}, not one of {', '.join(PARTS)}.",
            fix="correct the source, or leave the split of such cases empty",
        )
    groups = len({case.group_id for case in dataset.cases})
    if groups < wanted:
        raise DatasetError(
            f"{dataset.name} has {len(dataset.cases)} cases in {groups} groups, fewer than its "
            f"{wanted} classes.",
            fix="add cases, or leave out classes",
        )
    if limit is not None and limit < wanted:
        raise ConfigError(
            f"limit={limit} cannot hold one case of each of {wanted} classes.",
            fix=f"set limit to {wanted} or more, or to null for all cases",
        )


def check_parts(
    dataset: Dataset, parts: Mapping[str, Subset], *, allow_group_overlap: bool
) -> None:
    """Refuse parts that share a group, lack a class to learn, or leave nothing to test.

    Args:
        dataset: The divided one.
        parts: ``train``, ``validation`` and ``test``.
        allow_group_overlap: Whether it was asked for that groups may lie in several parts.

    Raises:
        DatasetError: With what is wrong, and counts.
    """
    if dataset.grouped and not allow_group_overlap:
        _check_group_overlap(dataset, parts)
    for part in ("train", "validation"):
        counts = _class_counts(dataset, parts[part].cases)
        absent = [name for name, count in counts.items() if not count]
        if absent and dataset.task != "segmentation":
            raise DatasetError(
                f"Class {absent[0]!r} of {dataset.name} has no case in {part}: {_format_counts(counts)}; "
                f"in all parts: {_format_counts(_class_counts(dataset, dataset.cases))}.",
                fix="add cases of that class (from at least 3 groups), leave the class out, "
                "or set split.method=group with another seed or other fractions",
            )
    if not len(parts["test"]):
        raise DatasetError(
            f"The test part of {dataset.name} is empty; "
            f"train holds {len(parts['train'])}, validation {len(parts['validation'])} cases.",
            fix="add cases, or give test a larger share: split.test=0.2 split.train=0.7",
        )


def _check_group_overlap(dataset: Dataset, parts: Mapping[str, Subset]) -> None:
    homes: dict[str, str] = {}
    for part, own in parts.items():
        for case in own.cases:
            home = homes.setdefault(case.group_id, part)
            if home != part:
                raise DatasetError(
                    f"The split of {dataset.name} has cases of group {case.group_id} in both "
                    f"{home} and {part}; scores on it would be too good.",
                    fix="divide by group instead: split.method=group",
                )


def _class_counts(dataset: Dataset, cases: Iterable[Case]) -> dict[str, int]:
    targets = np.array([each for case in cases for each in case.present_classes], dtype=np.int64)
    counts = np.bincount(targets, minlength=len(dataset.classes))
    return {name: int(count) for name, count in zip(dataset.classes, counts, strict=True)}


def _format_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
