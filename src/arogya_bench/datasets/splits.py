"""Split a dataset into train, validation and test."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from pathlib import Path

import numpy as np

from arogya_bench.datasets.split_checks import PARTS, check_cases, check_parts
from arogya_bench.datasets.split_dates import split_at_borders, split_by_date
from arogya_bench.datasets.split_files import read_split_file
from arogya_bench.datasets.split_methods import (
    Parts,
    has_official_split,
    limit_cases,
    split_by_group,
    split_kfold,
    use_official_split,
)
from arogya_bench.datasets.split_notes import split_notes
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.types import Case, Dataset, Subset

METHODS = ("auto", "official", "group", "image_level", "temporal", "kfold", "file")
METHODS_WITH_SHARES = ("auto", "group", "image_level")  # whose parts have the configured fractions


@dataclass(frozen=True, kw_only=True)
class SplitPolicy:
    """Options of a split.

    Attributes:
        method: ``official``: the split of the source. ``group``: by patient, stratified by class. ``auto``: official if
            the source defines at least a test part, else group. ``temporal``: test on the newest cases. ``kfold``: test
            on one fold. ``file``: the split of an earlier run. ``image_level``: a patient may be in several parts,
            which every report states.
        train: Fraction of the training cases. If the method defines the test part, ``train`` and ``validation`` divide
            the other cases in proportion.
        validation: Fraction of the validation cases.
        test: Fraction of the test cases; the three sum to 1. With 1, every case is tested, whatever part the source
            gives it: the external validation of a finished model.
        seed: Seed of the split, independent of the seed of the training.
        date: Metadata column with dates, for ``temporal``.
        borders: First dates of validation and test, or of test alone, for ``temporal``; without them ``train``,
            ``validation`` and ``test`` are shares of the cases.
        folds: Number of folds, for ``kfold``; at least 2.
        fold: Index of the test fold, from 0.
        repeat: Index of the repetition of the division into folds, from 0.
        file: Path of a ``split.csv`` written by a run, for ``file``.
    """

    method: str = "auto"
    train: float = 0.8
    validation: float = 0.1
    test: float = 0.1
    seed: int = 42
    date: str | None = None
    borders: tuple[str, ...] = ()
    folds: int = 5
    fold: int = 0
    repeat: int = 0
    file: str | None = None

    def __post_init__(self) -> None:
        """Validate the options early: loading the dataset may take minutes."""
        object.__setattr__(self, "borders", tuple(map(str, self.borders)))
        _check_method(self)
        _check_shares(self)
        _check_numbers(self)

    @property
    def fractions(self) -> tuple[float, float, float]:
        """Fractions of train, validation and test."""
        return (0.0, 0.0, 1.0) if self.tests_all else (self.train, self.validation, self.test)

    @property
    def tests_all(self) -> bool:
        """Whether every case is a test case."""
        return self.test == 1


@dataclass(frozen=True, kw_only=True)
class DatasetSplit:
    """A dataset split into three parts.

    Attributes:
        name: Method and its options, such as ``official`` or ``group-80-10-10-s42``.
        digest: Digest of the assignment of cases to parts, 32 hexadecimal characters.
        notes: How the parts that the source states were completed or set aside; the dataset has them, too.
    """

    train: Subset
    validation: Subset
    test: Subset
    name: str
    digest: str
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, Subset]:
        """The parts by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def is_image_level(self) -> bool:
        """Whether a patient may be in several parts."""
        return self.name.startswith("image_level-")

    @property
    def has_requested_fractions(self) -> bool:
        """Whether the sizes of the parts follow from the configured fractions."""
        return self.name.startswith(("group-", "image_level-")) and "-limit" not in self.name


def split(dataset: Dataset, policy: SplitPolicy | None = None, *, limit: int | None = None) -> DatasetSplit:
    """Split a dataset, by default by its official split, else by group, and check the parts.

    Args:
        dataset: Dataset to split; the order of its cases does not matter.
        policy: Options of the split.
        limit: Maximum number of cases per part, balanced over classes; the class proportions are then not those of the
            dataset.
    """
    dataset_split = make_split(dataset, policy or SplitPolicy(), limit=limit)
    check_split(dataset_split)
    return dataset_split


def make_split(dataset: Dataset, policy: SplitPolicy, *, limit: int | None = None) -> DatasetSplit:
    """Split a dataset without checking the parts, which ``check_split`` or the gate does.

    What was done with parts that the source states incompletely is added to the notes of the dataset.
    """
    check_cases(dataset, limit)
    name, parts = _assign_parts(dataset, policy)
    notes = split_notes(dataset, policy.method, parts, tests_all=policy.tests_all)
    dataset = replace(dataset, notes=(*dataset.notes, *notes))
    if limit is not None:
        name = f"{name}-limit{limit}"
        parts = {part: limit_cases(cases, limit) for part, cases in parts.items()}
    return _build_split(dataset, parts, name, notes)


def check_split(dataset_split: DatasetSplit, *, allow_group_overlap: bool = False) -> None:
    """Check that parts share no group, every class can be learned, and there is a test part."""
    check_parts(
        dataset_split.test.dataset,
        dataset_split.parts,
        allow_group_overlap=allow_group_overlap or dataset_split.is_image_level,
    )


def exclude_cases(dataset_split: DatasetSplit, unusable: Collection[str]) -> DatasetSplit:
    """Remove cases by their ids from a split; unknown ids are ignored."""
    dataset = dataset_split.test.dataset
    kept = tuple(case for case in dataset.cases if case.case_id not in unusable)
    parts = {
        part: [case for case in subset.cases if case.case_id not in unusable]
        for part, subset in dataset_split.parts.items()
    }
    return _build_split(replace(dataset, cases=kept), parts, dataset_split.name, dataset_split.notes)


def with_dataset(dataset_split: DatasetSplit, dataset: Dataset) -> DatasetSplit:
    """The same split, with images read by another copy of the dataset."""
    train, validation, test = (replace(subset, dataset=dataset) for subset in dataset_split.parts.values())
    return replace(dataset_split, train=train, validation=validation, test=test)


def _assign_parts(dataset: Dataset, policy: SplitPolicy) -> tuple[str, Parts]:
    method = policy.method
    if policy.tests_all:
        return "all-test", {"train": [], "validation": [], "test": list(dataset.cases)}
    if method == "auto":
        method = "official" if has_official_split(dataset) else "group"
    percent = "-".join(f"{100 * share:.6g}" for share in policy.fractions)
    seeded = f"{percent}-s{policy.seed}"
    rng = np.random.default_rng(policy.seed)
    match method:
        case "official":
            complete = {case.split for case in dataset.cases} == {"test"}
            complete |= "validation" in {case.split for case in dataset.cases}
            name = "official" if complete else f"official-test-{seeded}"
            return name, use_official_split(dataset, policy.fractions, rng)
        case "temporal":
            column = str(policy.date)
            if policy.borders:
                name = f"temporal-{column}-from-{'-and-'.join(policy.borders)}"
                return name, split_at_borders(dataset, policy.fractions, column, policy.borders)
            return f"temporal-{column}-{percent}", split_by_date(dataset, policy.fractions, column)
        case "kfold":
            seeds = (policy.seed, policy.repeat)
            name = f"kfold-{policy.folds}-f{policy.fold}-r{policy.repeat}-s{policy.seed}"
            return name, split_kfold(dataset, policy.fractions, policy.folds, policy.fold, seeds)
        case "file":
            return "file", read_split_file(dataset, Path(str(policy.file)))
    key = attrgetter("case_id" if method == "image_level" else "group_id")
    parts = split_by_group(dataset, dataset.cases, policy.fractions, rng, key)
    return f"{method}-{seeded}", dict(zip(PARTS, parts, strict=True))


def _check_method(policy: SplitPolicy) -> None:
    if policy.method not in METHODS:
        raise ConfigError(
            f"Unknown split method {policy.method!r}.{did_you_mean(policy.method, METHODS)}",
            fix=f"use one of {', '.join(METHODS)}",
        )
    if policy.method == "temporal" and not policy.date:
        raise ConfigError(
            "split.method=temporal needs split.date.",
            fix="name the metadata column that holds dates: split.date=acquired",
        )
    if policy.borders and policy.method != "temporal":
        raise ConfigError(
            f"split.borders is for split.method=temporal, and the method is {policy.method}.",
            fix="add split.method=temporal, and split.date=COLUMN for the metadata column with dates",
        )
    if len(policy.borders) > 2:
        raise ConfigError(
            f"split.borders has {len(policy.borders)} dates.",
            fix="name the first dates of validation and test, or that of test alone: split.borders=[2022,2023]",
        )
    if policy.method == "file" and not policy.file:
        raise ConfigError("split.method=file needs split.file.", fix="name the file: split.file=split.csv")


def _check_shares(policy: SplitPolicy) -> None:
    if policy.tests_all:
        _check_all_tested(policy)
        return
    shares = policy.fractions
    if not all(share > 0 for share in shares) or abs(sum(shares) - 1) > 1e-6:
        raise ConfigError(
            f"The split fractions {list(shares)} are not three positive shares that sum to 1.",
            fix="give the fractions of train, validation and test, such as split.train=0.8 split.validation=0.1 "
            "split.test=0.1; or split.test=1 alone to test a finished model on every case",
        )


def _check_all_tested(policy: SplitPolicy) -> None:
    """``split.test=1`` alone is enough; beside it only shares of 0 and the methods that have shares make sense."""
    defaults = {field.name: field.default for field in fields(SplitPolicy)}
    for key in ("train", "validation"):
        if getattr(policy, key) not in (defaults[key], 0):
            raise ConfigError(
                f"split.test=1 makes every case a test case, and split.{key}={getattr(policy, key):g} wants some.",
                fix=f"leave out split.{key}, or give three shares that sum to 1",
            )
    if policy.method not in METHODS_WITH_SHARES:
        raise ConfigError(
            f"split.test=1 makes every case a test case, which split.method={policy.method} does not.",
            fix="leave out one of the two",
        )


def _check_numbers(policy: SplitPolicy) -> None:
    if policy.seed < 0 or policy.repeat < 0:
        key = "seed" if policy.seed < 0 else "repeat"
        raise ConfigError(f"split.{key}={getattr(policy, key)} is negative.", fix="use 0 or a positive number")
    if policy.folds < 2 or not 0 <= policy.fold < policy.folds:
        raise ConfigError(
            f"split.fold={policy.fold} is not one of split.folds={policy.folds}.",
            fix="use at least 2 folds, and a fold from 0 to folds - 1: 'split.fold=range(0,5)'",
        )


def _build_split(
    dataset: Dataset, parts: Mapping[str, Sequence[Case]], name: str, notes: tuple[str, ...]
) -> DatasetSplit:
    subsets = {
        part: Subset(dataset=dataset, cases=tuple(sorted(parts[part], key=lambda case: case.case_id))) for part in PARTS
    }
    return DatasetSplit(**subsets, name=name, digest=_digest(subsets), notes=notes)


def _digest(subsets: Mapping[str, Subset]) -> str:
    lines = [f"{case.case_id}\t{part}" for part, subset in subsets.items() for case in subset.cases]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]
