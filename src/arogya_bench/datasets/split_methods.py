"""The ways to divide cases into parts: as the source says, by group, by date, in folds."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from datetime import UTC, datetime

import numpy as np

from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.errors import ConfigError, DatasetError, did_you_mean
from arogya_bench.types import Case, Dataset, Floats

NO_CLASS = -1  # of an image without boxes

Parts = dict[str, list[Case]]


def has_official_split(dataset: Dataset) -> bool:
    """Whether the source fixes all three parts, or what is tested and nothing of validation."""
    stated = {case.split for case in dataset.cases}
    return stated in ({*PARTS}, {"train", "test"}, {"test", None})


def use_official_split(
    dataset: Dataset, shares: Sequence[float], rng: np.random.Generator
) -> Parts:
    """Take the parts as the source fixes them; one that fixes no validation has it made by group.

    Args:
        dataset: Whose cases state their split.
        shares: Of train and validation, where validation must be made.
        rng: Draws the groups then.

    Raises:
        DatasetError: If a case states something else.
    """
    stated = {case.split for case in dataset.cases}
    if not has_official_split(dataset):
        raise _no_official_split_error(dataset, stated)
    parts: Parts = {part: [] for part in PARTS}
    for case in dataset.cases:
        parts[case.split or "train"].append(case)
    if "validation" in stated:
        return parts
    made = split_by_group(dataset, parts["train"], shares[:2], rng)
    return {"train": made[0], "validation": made[1], "test": parts["test"]}


def split_by_group(
    dataset: Dataset,
    cases: Iterable[Case],
    shares: Sequence[float],
    rng: np.random.Generator,
    key: Callable[[Case], str] = lambda case: case.group_id,
) -> list[list[Case]]:
    """Divide cases so that no group straddles and classes keep their proportions.

    Args:
        dataset: Theirs.
        cases: In any order; it does not matter.
        shares: Of the parts; they are brought to sum to 1.
        rng: Draws the order of groups of equal size.
        key: What must stay together.

    Returns:
        One list of cases for each share.
    """
    members: defaultdict[str, list[Case]] = defaultdict(list)
    for case in cases:
        members[key(case)].append(case)
    shuffled = rng.permutation(sorted(members)).tolist()
    order = sorted(shuffled, key=lambda group: -len(members[group]))
    counts = np.zeros((len(order), len(dataset.classes) + 1))  # the last: cases without a class
    for row, group in enumerate(order):
        for case in members[group]:
            counts[row, list(case.present_classes) or [NO_CLASS]] += 1
    parts: list[list[Case]] = [[] for _ in shares]
    wanted = np.asarray(shares) / np.sum(shares)
    for group, home in zip(order, assign_groups(counts, wanted), strict=True):
        parts[home].extend(members[group])
    return parts


def split_kfold(
    dataset: Dataset, shares: Sequence[float], folds: int, fold: int, seeds: Sequence[int]
) -> Parts:
    """Test on one fold of several, by group; over all folds every case is tested once.

    Args:
        dataset: To be divided.
        shares: Of train and validation, within what is not tested.
        folds: How many.
        fold: Which one is tested, counted from 0.
        seeds: Of the assignment to folds; the same for all folds.
    """
    parts = split_by_group(
        dataset, dataset.cases, [1.0] * folds, np.random.default_rng(list(seeds))
    )
    rest = [case for place, own in enumerate(parts) if place != fold for case in own]
    rng = np.random.default_rng([*seeds, fold + 1])
    train, validation = split_by_group(dataset, rest, shares[:2], rng)
    return {"train": train, "validation": validation, "test": parts[fold]}


def split_by_date(dataset: Dataset, shares: Sequence[float], column: str) -> Parts:
    """Train on what is old and test on what is new.

    A group counts as its latest case, so that nothing in train is later than the border; groups
    of one date stay together.

    Args:
        dataset: Whose metadata hold dates.
        shares: Of train, validation and test.
        column: Of the metadata: ISO 8601 dates, or whole numbers such as years; not both.

    Raises:
        ConfigError: If there is no such column.
        DatasetError: If a case has no date.
    """
    latest: dict[str, float] = {}
    for case, moment in zip(dataset.cases, _parse_dates(dataset, column), strict=True):
        latest[case.group_id] = max(moment, latest.get(case.group_id, moment))
    ordered = sorted(dataset.cases, key=lambda case: latest[case.group_id])
    borders = np.cumsum(np.asarray(shares) / np.sum(shares)) * len(ordered)
    parts: Parts = {part: [] for part in PARTS}
    home, before = 0, None
    for place, case in enumerate(ordered):
        date = latest[case.group_id]
        if date != before:
            home = max(home, int(np.searchsorted(borders, place + 0.5)))
        parts[PARTS[min(home, 2)]].append(case)
        before = date
    return parts


def assign_groups(counts: Floats, fractions: Floats) -> list[int]:
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
        change = np.round((group * (group - 2 * missing) / wanted).sum(axis=1), 9)
        # Where parts would do equally well, the one that lacks most as a whole.
        lacking = np.round(missing.sum(axis=1) / wanted.sum(axis=1), 9)
        home = int(np.lexsort((-lacking, change))[0])
        missing[home] -= group
        homes.append(home)
    return homes


def limit_cases(cases: Iterable[Case], limit: int) -> list[Case]:
    """Take at most so many cases, the classes in turn, whatever the order they come in."""
    by_class: defaultdict[int, list[Case]] = defaultdict(list)
    for case in sorted(cases, key=_case_hash):
        by_class[case.present_classes[-1] if case.present_classes else NO_CLASS].append(case)
    turns = [
        (turn, _case_hash(case), case) for own in by_class.values() for turn, case in enumerate(own)
    ]
    turns.sort(key=lambda entry: entry[:2])
    return [case for _, _, case in turns[:limit]]


def _case_hash(case: Case) -> str:
    return hashlib.sha256(case.case_id.encode()).hexdigest()


def _no_official_split_error(dataset: Dataset, stated: Set[str | None]) -> DatasetError:
    names = sorted(str(name) for name in stated - {None})
    said = f"{', '.join(names) or 'nothing'}{' for some cases' if names and None in stated else ''}"
    return DatasetError(
        f"The source of {dataset.name} does not fix an official split: it states {said}, and not "
        f"{', '.join(PARTS)} (validation may be left to us).",
        fix="divide by group instead: split.method=group",
    )


def _parse_dates(dataset: Dataset, column: str) -> list[float]:
    """The date of every case as a number; all are written in one way, else they have no order."""
    metadata = dataset.cases[0].metadata
    if column not in metadata:
        raise ConfigError(
            f"{dataset.name} has no column {column!r}.{did_you_mean(column, metadata)}",
            fix=f"set split.date to one of: {', '.join(metadata) or 'none; it has no columns'}",
        )
    values = [case.metadata[column] for case in dataset.cases]
    read = _parse_number if all(map(_is_integer, values)) else _parse_date
    moments = []
    for case, value in zip(dataset.cases, values, strict=True):
        try:
            moments.append(read(value))
        except ValueError as error:
            raise _invalid_date_error(case, column) from error
    return moments


def _is_integer(value: str | float) -> bool:
    # 20210304 is a day in ISO 8601, and has the right order as a number, too.
    return value.strip().isdigit() if isinstance(value, str) else float(value).is_integer()


def _parse_number(value: str | float) -> float:
    return float(value)


def _parse_date(value: str | float) -> float:
    if not isinstance(value, str) or len(value.strip()) < len("20210304"):
        raise ValueError(value)
    stated = datetime.fromisoformat(value.strip())
    return (stated if stated.tzinfo else stated.replace(tzinfo=UTC)).timestamp()


def _invalid_date_error(case: Case, column: str) -> DatasetError:
    return DatasetError(
        f"Case {case.case_id} has {case.metadata[column]!r} in {column}, which is no date as the "
        "others are.",
        fix="write all dates as 2021-03-04, or all as whole numbers such as years, or leave the "
        "case out of the source",
    )
