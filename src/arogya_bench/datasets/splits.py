"""Divides a dataset into train, validation and test, and writes the division down."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from arogya_bench.datasets.split_checks import PARTS, check_cases, check_parts
from arogya_bench.datasets.split_files import read_split_file
from arogya_bench.datasets.split_methods import (
    Parts,
    has_official_split,
    limit_cases,
    split_by_date,
    split_by_group,
    split_kfold,
    use_official_split,
)
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.types import Case, Dataset, Subset

METHODS = ("auto", "official", "group", "image_level", "temporal", "kfold", "file")


@dataclass(frozen=True, kw_only=True)
class SplitPolicy:
    """How a dataset is divided.

    Attributes:
        method: ``official`` as the source fixes it; ``group`` by patient, stratified by class;
            ``auto``: official where the source fixes at least what is tested, else group;
            ``temporal``: the newest are tested; ``kfold``: one fold is tested; ``file``: as a
            file of an earlier run says; ``image_level``: patients may straddle, and every report says
            so.
        train: Share of the cases; so ``validation`` and ``test``, and they sum to 1. Where the
            method fixes what is tested, the first two divide the rest in their proportion.
        seed: Of the assignment, apart from the seed of the fits.
        date: Metadata column of ``temporal``.
        folds: Of ``kfold``, 2 or more.
        fold: Which one is tested, from 0.
        repeat: Which repetition of the division into folds, from 0.
        file: Of ``file``: a ``split.csv`` that a run left.
    """

    method: str = "auto"
    train: float = 0.8
    validation: float = 0.1
    test: float = 0.1
    seed: int = 42
    date: str | None = None
    folds: int = 5
    fold: int = 0
    repeat: int = 0
    file: str | None = None

    def __post_init__(self) -> None:
        """Refuse a typo before a dataset is drawn or read, which may take a minute."""
        _check_method(self)
        _check_shares(self.fractions)
        _check_numbers(self)

    @property
    def fractions(self) -> tuple[float, float, float]:
        """Shares of train, validation and test."""
        return self.train, self.validation, self.test


@dataclass(frozen=True, kw_only=True)
class DatasetSplit:
    """A dataset in three parts.

    Attributes:
        name: Says how it was made, such as ``official`` or ``group-80-10-10-s42``.
        digest: 32 hexadecimal characters of the assignment of cases to parts.
    """

    train: Subset
    validation: Subset
    test: Subset
    name: str
    digest: str

    @property
    def parts(self) -> dict[str, Subset]:
        """The three by their names."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def is_image_level(self) -> bool:
        """Whether patients may lie in several parts because that was asked for by name."""
        return self.name.startswith("image_level-")

    @property
    def has_requested_fractions(self) -> bool:
        """Whether the sizes of the parts follow from shares that were asked for."""
        return self.name.startswith(("group-", "image_level-")) and "-limit" not in self.name


def split(
    dataset: Dataset, policy: SplitPolicy | None = None, *, limit: int | None = None
) -> DatasetSplit:
    """Divide a dataset and refuse what cannot carry a training and an honest test.

    Args:
        dataset: What to divide; the order of its cases does not matter.
        policy: How; by default the official split, else by group.
        limit: Keep at most so many cases of each part, the classes in turn; the prevalence in
            such a sample is not that of the dataset.

    Raises:
        ConfigError: If an argument does not fit the dataset.
        DatasetError: If the cases or the parts will not do.
    """
    made = make_split(dataset, policy or SplitPolicy(), limit=limit)
    check_split(made)
    return made


def make_split(dataset: Dataset, policy: SplitPolicy, *, limit: int | None = None) -> DatasetSplit:
    """Divide a dataset; what is wrong with the parts is for ``check_split`` or the gate to say.

    Raises:
        ConfigError: If an argument does not fit the dataset.
        DatasetError: If the cases cannot be divided at all.
    """
    check_cases(dataset, limit)
    name, parts = _assign_parts(dataset, policy)
    if limit is not None:
        name = f"{name}-limit{limit}"
        parts = {part: limit_cases(cases, limit) for part, cases in parts.items()}
    return _build_split(dataset, parts, name)


def check_split(dataset_split: DatasetSplit, *, allow_group_overlap: bool = False) -> None:
    """Refuse a split that shares groups between parts, lacks a class to learn, or tests nothing.

    Args:
        dataset_split: As divided.
        allow_group_overlap: Whether groups may lie in several parts, because somebody said so.

    Raises:
        DatasetError: With what is wrong.
    """
    check_parts(
        dataset_split.test.dataset,
        dataset_split.parts,
        allow_group_overlap=allow_group_overlap or dataset_split.is_image_level,
    )


def exclude_cases(dataset_split: DatasetSplit, unusable: Collection[str]) -> DatasetSplit:
    """The same split without some cases.

    Args:
        dataset_split: As divided.
        unusable: Ids of cases; those that it does not hold do not matter.
    """
    dataset = dataset_split.test.dataset
    kept = tuple(case for case in dataset.cases if case.case_id not in unusable)
    parts = {
        part: [case for case in own.cases if case.case_id not in unusable]
        for part, own in dataset_split.parts.items()
    }
    return _build_split(replace(dataset, cases=kept), parts, dataset_split.name)


def with_dataset(dataset_split: DatasetSplit, dataset: Dataset) -> DatasetSplit:
    """The same split of the same cases, whose images another copy of the dataset reads."""
    train, validation, test = (
        replace(own, dataset=dataset) for own in dataset_split.parts.values()
    )
    return replace(dataset_split, train=train, validation=validation, test=test)


def _assign_parts(dataset: Dataset, policy: SplitPolicy) -> tuple[str, Parts]:
    method = policy.method
    if method == "auto":
        method = "official" if has_official_split(dataset) else "group"
    percent = "-".join(f"{100 * share:.6g}" for share in policy.fractions)
    seeded = f"{percent}-s{policy.seed}"
    rng = np.random.default_rng(policy.seed)
    match method:
        case "official":
            complete = "validation" in {case.split for case in dataset.cases}
            name = "official" if complete else f"official-test-{seeded}"
            return name, use_official_split(dataset, policy.fractions, rng)
        case "temporal":
            column = str(policy.date)
            return f"temporal-{column}-{percent}", split_by_date(dataset, policy.fractions, column)
        case "kfold":
            seeds = (policy.seed, policy.repeat)
            name = f"kfold-{policy.folds}-f{policy.fold}-r{policy.repeat}-s{policy.seed}"
            return name, split_kfold(dataset, policy.fractions, policy.folds, policy.fold, seeds)
        case "file":
            return "file", read_split_file(dataset, Path(str(policy.file)))
    together = _case_id if method == "image_level" else _group_id
    made = split_by_group(dataset, dataset.cases, policy.fractions, rng, together)
    return f"{method}-{seeded}", dict(zip(PARTS, made, strict=True))


def _case_id(case: Case) -> str:
    return case.case_id


def _group_id(case: Case) -> str:
    return case.group_id


def _check_method(policy: SplitPolicy) -> None:
    if policy.method not in METHODS:
        raise ConfigError(
            f"Unknown split method {policy.method!r}.{did_you_mean(policy.method, METHODS)}",
            fix=f"use one of {', '.join(METHODS)}",
        )
    needs = {"temporal": ("date", policy.date), "file": ("file", policy.file)}
    key, value = needs.get(policy.method, ("", "given"))
    if not value:
        raise ConfigError(
            f"split.method={policy.method} needs split.{key}.",
            fix="name the metadata column that holds dates: split.date=acquired"
            if key == "date"
            else "name the file: split.file=split.csv",
        )


def _check_shares(shares: Sequence[float]) -> None:
    if not all(share > 0 for share in shares) or abs(sum(shares) - 1) > 1e-6:
        raise ConfigError(
            f"The split fractions {list(shares)} are not three positive shares that sum to 1.",
            fix="give the shares of train, validation and test, such as [0.8, 0.1, 0.1]",
        )


def _check_numbers(policy: SplitPolicy) -> None:
    if policy.seed < 0 or policy.repeat < 0:
        key = "seed" if policy.seed < 0 else "repeat"
        raise ConfigError(
            f"split.{key}={getattr(policy, key)} is negative.", fix="use 0 or a positive number"
        )
    if policy.folds < 2 or not 0 <= policy.fold < policy.folds:
        raise ConfigError(
            f"split.fold={policy.fold} is not one of split.folds={policy.folds}.",
            fix="give 2 or more folds, and a fold from 0 to one less: 'split.fold=range(0,5)'",
        )


def _build_split(dataset: Dataset, parts: Mapping[str, Sequence[Case]], name: str) -> DatasetSplit:
    subsets = {
        part: Subset(
            dataset=dataset, cases=tuple(sorted(parts[part], key=lambda case: case.case_id))
        )
        for part in PARTS
    }
    return DatasetSplit(**subsets, name=name, digest=_digest(subsets))


def _digest(subsets: Mapping[str, Subset]) -> str:
    lines = [f"{case.case_id}\t{part}" for part, own in subsets.items() for case in own.cases]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]
