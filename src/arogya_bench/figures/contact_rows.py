"""Which images a contact sheet shows: a row of cases for every class of a dataset."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from arogya_bench.datasets.description import NO_BOX_ROW, STRAY_LABEL_ROW
from arogya_bench.errors import DatasetError
from arogya_bench.types import Case, Dataset

MAX_MASKS_PER_CLASS = 20  # masks opened for each class to find images that show it


@dataclass(frozen=True, kw_only=True)
class SheetRow:
    """Images of one class.

    Attributes:
        name: Of the class.
        counts: How many images, groups, boxes or masks there are, one line each.
        label: Index of the class; None for images that belong to none.
        cases: Those to be shown, in order.
    """

    name: str
    counts: tuple[str, ...]
    label: int | None
    cases: tuple[Case, ...]


def select_rows(dataset: Dataset, per_class: int, rng: np.random.Generator) -> list[SheetRow]:
    """Select images of every class at random, from as many groups as possible.

    Args:
        dataset: Of any task.
        per_class: At most so many images in a row.
        rng: Shuffles the cases.
    """
    order = _shuffle_by_group(dataset.cases, rng)
    segmentation = dataset.task == "segmentation"
    rows = _mask_class_rows(dataset, order) if segmentation else _class_rows(dataset, order)
    return list(_prefer_unshown_images(rows, per_class))


def _shuffle_by_group(cases: Sequence[Case], rng: np.random.Generator) -> list[Case]:
    """Shuffle the cases, with the first of every group before the second of any."""
    seen: Counter[str] = Counter()
    ranked = []
    for index in rng.permutation(len(cases)):
        case = cases[index]
        ranked.append((seen[case.group_id], case))
        seen[case.group_id] += 1
    return [case for _, case in sorted(ranked, key=lambda pair: pair[0])]


def _class_rows(dataset: Dataset, order: Sequence[Case]) -> Iterator[SheetRow]:
    """A row for every class, and one for images without a class."""
    members: defaultdict[int | None, list[Case]] = defaultdict(list)
    for case in order:
        for label in case.present_classes or (None,):
            members[label].append(case)
    for label, name in enumerate(dataset.classes):
        yield _build_row(dataset, name, label, members[label])
    if members[None]:
        name = NO_BOX_ROW if dataset.task == "detection" else STRAY_LABEL_ROW
        yield _build_row(dataset, name, None, members[None])


def _build_row(dataset: Dataset, name: str, label: int | None, cases: Sequence[Case]) -> SheetRow:
    counts = [_format_count(len(cases), "image")]
    if dataset.grouped:
        counts.append(_format_count(len({case.group_id for case in cases}), "group"))
    if dataset.task == "detection" and label is not None:
        boxes = sum(box.label == label for case in cases for box in case.boxes or ())
        counts.append(_format_count(boxes, "box", "boxes"))
    return SheetRow(name=name, counts=tuple(counts), label=label, cases=tuple(cases))


def _mask_class_rows(dataset: Dataset, order: Sequence[Case]) -> Iterator[SheetRow]:
    """A row for every class but the background, of images whose masks contain it."""
    members: defaultdict[int, list[Case]] = defaultdict(list)
    unreadable = list[Case]()
    opened = order[: MAX_MASKS_PER_CLASS * len(dataset.classes)]
    for case in opened:
        try:
            labels = np.unique(dataset.read_mask(case)).tolist() if dataset.read_mask else []
        except DatasetError:  # shown in a row of its own
            unreadable.append(case)
            continue
        for label in labels:
            members[label].append(case)
    masks = _format_count(len(opened), "mask")
    for label, name in enumerate(dataset.classes[1:], start=1):
        cases = tuple(members[label])
        yield SheetRow(name=name, counts=(f"in {len(cases):,} of {masks}",), label=label, cases=cases)
    if unreadable:
        counts = (f"{len(unreadable):,} of {masks}",)
        yield SheetRow(name="(mask unreadable)", counts=counts, label=None, cases=tuple(unreadable))


def _prefer_unshown_images(rows: Iterable[SheetRow], per_class: int) -> Iterator[SheetRow]:
    """Take images first that no row above shows; an image of many boxes belongs to many rows."""
    shown: Counter[str] = Counter()
    for row in rows:
        cases = tuple(sorted(row.cases, key=lambda case: shown[case.case_id]))[:per_class]
        shown.update(case.case_id for case in cases)
        yield replace(row, cases=cases)


def _format_count(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
