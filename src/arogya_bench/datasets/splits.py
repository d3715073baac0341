"""Divides cases into train, validation and test: as the source says, or by group."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arogya_bench.errors import ConfigError, DatasetError, nearest
from arogya_bench.types import Case, Dataset, Floats, Subset

SPLITS = ("train", "validation", "test")
METHODS = ("auto", "official", "group")
NO_CLASS = -1  # of an image without boxes


@dataclass(frozen=True, kw_only=True)
class Split:
    """A dataset in three parts that share no group.

    Attributes:
        name: Says how it was made, such as ``official`` or ``group-80-10-10-s42``.
        digest: 32 hexadecimal characters of the assignment of cases to parts.
    """

    train: Subset
    validation: Subset
    test: Subset
    name: str
    digest: str


def split(
    dataset: Dataset,
    *,
    method: str = "auto",
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 42,
    limit: int | None = None,
) -> Split:
    """Divide a dataset; the order of its cases does not matter.

    Args:
        dataset: What to divide.
        method: ``official`` as the source fixes it, ``group`` by patient and stratified by class,
            or ``auto``: official where the source fills all three parts, else group.
        fractions: Shares of train, validation and test; they sum to 1. Used by ``group`` only.
        seed: Of the division by group.
        limit: Keep at most so many cases of each part, the classes in turn; the prevalence in
            such a sample is not that of the dataset.

    Raises:
        ConfigError: If an argument is out of range.
        DatasetError: If the cases cannot carry a training and an honest test.
    """
    check_policy(method, fractions, seed)
    _check_cases(dataset, limit)
    stated = {case.split for case in dataset.cases}
    official = None not in stated and not stated < set(SPLITS)
    if method == "official" or (method == "auto" and official):
        name, parts = "official", _official(dataset)
    else:
        shares = "-".join(f"{100 * share:.6g}" for share in fractions)
        name = f"group-{shares}-s{seed}"
        parts = _by_group(dataset, fractions, np.random.default_rng(seed))
    if limit is not None:
        name = f"{name}-limit{limit}"
        parts = {part: _limited(cases, limit) for part, cases in parts.items()}
    _check_parts(dataset, parts)
    subsets = {part: _subset(dataset, parts[part]) for part in SPLITS}
    return Split(**subsets, name=name, digest=_digest(subsets))


def check_policy(method: str, fractions: Sequence[float], seed: int) -> None:
    """Check what can be checked without cases.

    Raises:
        ConfigError: If an argument of ``split`` is out of range.
    """
    if method not in METHODS:
        raise ConfigError(
            f"Unknown split method {method!r}.{nearest(method, METHODS)}",
            fix=f"use one of {', '.join(METHODS)}",
        )
    positive = len(fractions) == 3 and all(share > 0 for share in fractions)
    if not positive or abs(sum(fractions) - 1) > 1e-6:
        raise ConfigError(
            f"The split fractions {list(fractions)} are not three positive shares that sum to 1.",
            fix="give the shares of train, validation and test, such as [0.8, 0.1, 0.1]",
        )
    if seed < 0:
        raise ConfigError(f"seed={seed} is negative.", fix="use 0 or a positive seed")


def _check_cases(dataset: Dataset, limit: int | None) -> None:
    counts = _counts(dataset, dataset.cases)
    wanted = len(dataset.classes)
    least = 1 if dataset.task == "detection" else 2  # a detector may look for one thing
    if sum(count > 0 for count in counts.values()) < least:
        raise DatasetError(
            f"{dataset.name} has too few classes with cases: {_table(counts)}.",
            fix=f"use a dataset with {least} or more classes that hold cases",
        )
    names = Counter(case.case_id for case in dataset.cases)
    if len(names) < len(dataset.cases):
        raise DatasetError(
            f"{dataset.name} has two cases named {names.most_common(1)[0][0]}.",
            fix="give every case its own id",
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


def _official(dataset: Dataset) -> dict[str, list[Case]]:
    parts: dict[str, list[Case]] = {part: [] for part in SPLITS}
    homes: dict[str, str] = {}
    for case in dataset.cases:
        if case.split not in parts:
            raise DatasetError(
                f"Case {case.case_id} of {dataset.name} has the official split {case.split!r}, "
                f"not one of {', '.join(SPLITS)}.",
                fix="divide by group instead: split.method=group",
            )
        home = homes.setdefault(case.group_id, case.split)
        if dataset.grouped and home != case.split:
            raise DatasetError(
                f"The official split of {dataset.name} has cases of group {case.group_id} in both "
                f"{home} and {case.split}; scores on it would be too good.",
                fix="divide by group instead: split.method=group",
            )
        parts[case.split].append(case)
    return parts


def _by_group(
    dataset: Dataset, fractions: Sequence[float], rng: np.random.Generator
) -> dict[str, list[Case]]:
    members: defaultdict[str, list[Case]] = defaultdict(list)
    for case in dataset.cases:
        members[case.group_id].append(case)
    shuffled = rng.permutation(sorted(members)).tolist()
    order = sorted(shuffled, key=lambda group: -len(members[group]))
    counts = np.zeros((len(order), len(dataset.classes)))
    for row, group in enumerate(order):
        for case in members[group]:
            counts[row, list(case.present)] += 1
    parts: dict[str, list[Case]] = {part: [] for part in SPLITS}
    for group, home in zip(order, _homes(counts, np.asarray(fractions)), strict=True):
        parts[SPLITS[home]].extend(members[group])
    return parts


def _homes(counts: Floats, fractions: Floats) -> list[int]:
    """Choose a part for every group, in order: where the deviation falls most.

    The deviation is that of chi-squared. Relative to what is wanted, large groups spread over all
    parts; in absolute terms train would take all of them.

    Args:
        counts: Shape (groups, classes).
        fractions: Shape (parts,).
    """
    # A rare class wants one case in each part before it wants a second anywhere.
    wanted = np.maximum(np.outer(fractions, counts.sum(axis=0)), 1.0)
    missing = wanted.copy()
    homes = []
    for group in counts:
        change = (group * (group - 2 * missing) / wanted).sum(axis=1)
        home = int(np.argmin(np.round(change, 9)))
        missing[home] -= group
        homes.append(home)
    return homes


def _limited(cases: Iterable[Case], limit: int) -> list[Case]:
    by_class: defaultdict[int, list[Case]] = defaultdict(list)
    for case in sorted(cases, key=_lot):
        by_class[case.present[-1] if case.present else NO_CLASS].append(case)
    turns = [(turn, _lot(case), case) for own in by_class.values() for turn, case in enumerate(own)]
    turns.sort(key=lambda entry: entry[:2])
    return [case for _, _, case in turns[:limit]]


def _lot(case: Case) -> str:
    return hashlib.sha256(case.case_id.encode()).hexdigest()


def _check_parts(dataset: Dataset, parts: Mapping[str, Sequence[Case]]) -> None:
    for part in ("train", "validation"):
        counts = _counts(dataset, parts[part])
        absent = [name for name, count in counts.items() if not count]
        if absent:
            raise DatasetError(
                f"Class {absent[0]!r} of {dataset.name} has no case in {part}: {_table(counts)}; "
                f"in all parts: {_table(_counts(dataset, dataset.cases))}.",
                fix="add cases of that class (from at least 3 groups), leave the class out, "
                "or set split.method=group with another seed or other fractions",
            )
    if not parts["test"]:
        raise DatasetError(
            f"The test part of {dataset.name} is empty; "
            f"train holds {len(parts['train'])}, validation {len(parts['validation'])} cases.",
            fix="add cases, or give test a larger share: split.test=0.2 split.train=0.7",
        )


def _counts(dataset: Dataset, cases: Iterable[Case]) -> dict[str, int]:
    targets = np.array([each for case in cases for each in case.present], dtype=np.int64)
    counts = np.bincount(targets, minlength=len(dataset.classes))
    return {name: int(count) for name, count in zip(dataset.classes, counts, strict=True)}


def _table(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _subset(dataset: Dataset, cases: Iterable[Case]) -> Subset:
    return Subset(dataset=dataset, cases=tuple(sorted(cases, key=lambda case: case.case_id)))


def _digest(subsets: Mapping[str, Subset]) -> str:
    lines = [f"{case.case_id}\t{part}" for part, own in subsets.items() for case in own.cases]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]
