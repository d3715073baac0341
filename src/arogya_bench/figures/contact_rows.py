"""Which images a contact sheet shows: a row of cases for every class of a dataset."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from arogya_bench.datasets.description import NO_BOX_ROW, STRAY_LABEL_ROW
from arogya_bench.errors import DatasetError
from arogya_bench.types import Case, Dataset

MAX_MASKS_PER_CLASS = 20  # masks opened for each class to find images that show it
NO_CLASS_ROWS = {"classification": STRAY_LABEL_ROW, "detection": NO_BOX_ROW, "segmentation": "(mask unreadable)"}


@dataclass(frozen=True, kw_only=True)
class SheetRow:
    """Images of one class.

    Attributes:
        counts: How many images, groups, boxes or masks there are, one line each.
        label: Index of the class; None for images that belong to none.
        cases: Those to be shown, in order.
    """

    name: str
    counts: tuple[str, ...]
    label: int | None
    cases: tuple[Case, ...]


def select_rows(dataset: Dataset, per_class: int, rng: np.random.Generator) -> list[SheetRow]:
    """Select at most ``per_class`` images of every class at random, from as many groups as possible.

    Images that no row above shows come first; an image of many boxes belongs to many rows.
    """
    shown: Counter[str] = Counter()
    rows = []
    for row in _class_rows(dataset, _shuffle_by_group(dataset.cases, rng)):
        cases = tuple(sorted(row.cases, key=lambda case: shown[case.case_id]))[:per_class]
        shown.update(case.case_id for case in cases)
        rows.append(replace(row, cases=cases))
    return rows


def _shuffle_by_group(cases: Sequence[Case], rng: np.random.Generator) -> list[Case]:
    """Shuffle the cases, with the first of every group before the second of any."""
    seen: Counter[str] = Counter()
    ranked = []
    for index in rng.permutation(len(cases)):
        case = cases[index]
        ranked.append((seen[case.group_id], case))
        seen[case.group_id] += 1
    return [case for _, case in sorted(ranked, key=lambda pair: pair[0])]


def _class_rows(dataset: Dataset, cases: Sequence[Case]) -> Iterator[SheetRow]:
    """A row for every class but the background, and one for images without a class."""
    segmentation = dataset.task == "segmentation"
    if segmentation:
        cases = cases[: MAX_MASKS_PER_CLASS * len(dataset.classes)]
    members: defaultdict[int | None, list[Case]] = defaultdict(list)
    for case in cases:
        for label in _mask_classes(dataset, case) if segmentation else case.present_classes or (None,):
            members[label].append(case)
    names: dict[int | None, str] = dict(enumerate(dataset.classes))
    if segmentation:
        del names[0]
    if members[None]:
        names[None] = NO_CLASS_ROWS[dataset.task]
    for label, name in names.items():
        counts: tuple[str, ...]
        if segmentation:
            counts = (f"in {len(members[label]):,} of {format_count(len(cases), 'mask')}",)
        else:
            counts = tuple(_count_images(dataset, label, members[label]))
        yield SheetRow(name=name, counts=counts, label=label, cases=tuple(members[label]))


def _mask_classes(dataset: Dataset, case: Case) -> Sequence[int | None]:
    try:
        return np.unique(dataset.read_mask(case)).tolist() if dataset.read_mask else ()
    except DatasetError:  # shown in a row of its own
        return (None,)


def _count_images(dataset: Dataset, label: int | None, cases: Sequence[Case]) -> Iterator[str]:
    yield format_count(len(cases), "image")
    if dataset.grouped:
        yield format_count(len({case.group_id for case in cases}), "group")
    if dataset.task == "detection" and label is not None:
        boxes = sum(box.label == label for case in cases for box in case.boxes or ())
        yield format_count(boxes, "box", "boxes")


def format_count(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun: ``1 box``, ``2,000 boxes``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
