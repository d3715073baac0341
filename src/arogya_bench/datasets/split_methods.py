"""Split methods: official, by group, k-fold."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.errors import DatasetError
from arogya_bench.types import Case, Dataset, Floats

NO_CLASS = -1  # class index of an image without boxes

Parts = dict[str, list[Case]]


def has_official_split(dataset: Dataset) -> bool:
    """Whether the source says which cases are tested; the other parts may be missing."""
    return any(case.split == "test" for case in dataset.cases)


def use_official_split(dataset: Dataset, shares: Sequence[float], rng: np.random.Generator) -> Parts:
    """Use the split of the source: cases without a part are trained on, and what is missing is drawn from train.

    A source that states test cases only, or test and validation cases, leaves the other parts empty: what it tests is
    never trained on.
    """
    stated = {case.split for case in dataset.cases}
    if not has_official_split(dataset):
        names = sorted(str(name) for name in stated - {None})
        some = " for some cases" if names and None in stated else ""
        raise DatasetError(
            f"The source of {dataset.name} has no official split: it states {', '.join(names) or 'nothing'}{some} "
            f"instead of {', '.join(PARTS)} (test may not be missing).",
            fix="split by group instead: split.method=group; or name the cases to test on `test` in the source",
        )
    parts: Parts = {part: [] for part in PARTS}
    for case in dataset.cases:
        parts[case.split or "train"].append(case)
    if "validation" in stated or not parts["train"]:
        return parts
    train, validation = split_by_group(dataset, parts["train"], shares[:2], rng)
    return {"train": train, "validation": validation, "test": parts["test"]}


def split_by_group(
    dataset: Dataset,
    cases: Iterable[Case],
    shares: Sequence[float],
    rng: np.random.Generator,
    key: Callable[[Case], str] = lambda case: case.group_id,
) -> list[list[Case]]:
    """Split cases into parts that share no group and have similar class proportions.

    Args:
        dataset: Dataset of the cases.
        cases: Cases; their order does not matter.
        shares: Relative sizes of the parts.
        rng: Random generator for the order of groups of equal size.
        key: Returns the group of a case.
    """
    members: defaultdict[str, list[Case]] = defaultdict(list)
    for case in cases:
        members[key(case)].append(case)
    shuffled = rng.permutation(sorted(members)).tolist()
    order = sorted(shuffled, key=lambda group: -len(members[group]))
    counts = np.zeros((len(order), len(dataset.classes) + 1))  # last column: no class
    for row, group in enumerate(order):
        for case in members[group]:
            counts[row, list(case.present_classes) or [NO_CLASS]] += 1
    parts: list[list[Case]] = [[] for _ in shares]
    wanted = np.asarray(shares) / np.sum(shares)
    for group, part in zip(order, assign_groups(counts, wanted), strict=True):
        parts[part].extend(members[group])
    return parts


def split_kfold(dataset: Dataset, shares: Sequence[float], folds: int, fold: int, seeds: Sequence[int]) -> Parts:
    """Use one of several folds, divided by group, as the test part.

    Args:
        dataset: Dataset to split.
        shares: Relative sizes of train and validation within the other folds.
        folds: Number of folds.
        fold: Index of the test fold, from 0.
        seeds: Seeds of the assignment to folds; the same for all folds.
    """
    parts = split_by_group(dataset, dataset.cases, [1.0] * folds, np.random.default_rng(list(seeds)))
    others = [case for index, cases in enumerate(parts) if index != fold for case in cases]
    rng = np.random.default_rng([*seeds, fold + 1])
    train, validation = split_by_group(dataset, others, shares[:2], rng)
    return {"train": train, "validation": validation, "test": parts[fold]}


def assign_groups(counts: Floats, fractions: Floats) -> list[int]:
    """Assign each group in turn to the part where it reduces the deviation most.

    The deviation is the chi-squared distance from the desired class counts. It is relative, so that large groups spread
    over all parts instead of filling train.

    Args:
        counts: Class counts of the groups, shape (groups, classes).
        fractions: Desired fractions of the parts, shape (parts,).
    """
    # Every part should get one case of a rare class before any part gets a second.
    wanted = np.maximum(np.outer(fractions, counts.sum(axis=0)), 1.0)
    missing = wanted.copy()
    parts = []
    for group in counts:
        change = np.round((group * (group - 2 * missing) / wanted).sum(axis=1), 9)
        # Ties go to the part that is furthest from its desired size.
        lacking = np.round(missing.sum(axis=1) / wanted.sum(axis=1), 9)
        part = int(np.lexsort((-lacking, change))[0])
        missing[part] -= group
        parts.append(part)
    return parts


def limit_cases(cases: Iterable[Case], limit: int) -> list[Case]:
    """Take at most ``limit`` cases, balanced over classes and independent of their order."""
    by_class: defaultdict[int, list[Case]] = defaultdict(list)
    for case in sorted(cases, key=_case_hash):
        by_class[case.present_classes[-1] if case.present_classes else NO_CLASS].append(case)
    ranked = [(rank, _case_hash(case), case) for members in by_class.values() for rank, case in enumerate(members)]
    ranked.sort(key=lambda entry: entry[:2])
    return [case for _, _, case in ranked[:limit]]


def _case_hash(case: Case) -> str:
    return hashlib.sha256(case.case_id.encode()).hexdigest()
