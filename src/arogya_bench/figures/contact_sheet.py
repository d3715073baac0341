"""A picture of what is in a dataset: some images of every class, as they are."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO

import numpy as np

from arogya_bench.datasets.description import NO_BOX_ROW, STRAY_LABEL_ROW
from arogya_bench.errors import DatasetError
from arogya_bench.figures.contact_page import Row, page
from arogya_bench.types import Case, Dataset

MAX_MASKS_PER_CLASS = 20  # at most so many for each class are opened in search of it


def draw_contact_sheet(dataset: Dataset, *, per_class: int = 6, rng: np.random.Generator) -> bytes:
    """Draw images of every class, one row each.

    Images keep their proportions; small ones are enlarged without smoothing. Boxes and the
    outlines of masks are drawn where there are any. An image that cannot be read leaves a marked
    gap and is named. The images are drawn at random, from as many groups as possible.

    Args:
        dataset: Of any task.
        per_class: At most so many images of each class, 1 or more.
        rng: Draws the images.

    Returns:
        A PNG.

    Raises:
        ValueError: If ``per_class`` is below 1.
    """
    if per_class < 1:
        raise ValueError(f"per_class={per_class}, but a sheet shows 1 image of a class or more")
    order = _shuffle_by_group(dataset.cases, rng)
    rows = (
        _mask_class_rows(dataset, order)
        if dataset.task == "segmentation"
        else _class_rows(dataset, order)
    )
    stored = BytesIO()
    page(dataset, list(_prefer_unshown_images(rows, per_class)), per_class).save(stored, "PNG")
    return stored.getvalue()


def _shuffle_by_group(cases: Sequence[Case], rng: np.random.Generator) -> list[Case]:
    """At random, but the first of every group before the second of any."""
    seen: Counter[str] = Counter()
    turns = []
    for place in rng.permutation(len(cases)):
        case = cases[place]
        turns.append((seen[case.group_id], case))
        seen[case.group_id] += 1
    return [case for _, case in sorted(turns, key=lambda each: each[0])]


def _class_rows(dataset: Dataset, order: Sequence[Case]) -> Iterator[Row]:
    """A row for every class, and one for what has none."""
    members: defaultdict[int | None, list[Case]] = defaultdict(list)
    for case in order:
        for label in case.present_classes or (None,):
            members[label].append(case)
    for label, name in enumerate(dataset.classes):
        yield _build_row(dataset, name, label, members[label])
    if members[None]:
        name = NO_BOX_ROW if dataset.task == "detection" else STRAY_LABEL_ROW
        yield _build_row(dataset, name, None, members[None])


def _prefer_unshown_images(rows: Iterable[Row], per_class: int) -> Iterator[Row]:
    """Images that no row above shows come first; one of many boxes belongs to many rows."""
    shown: Counter[str] = Counter()
    for row in rows:
        cases = tuple(sorted(row.cases, key=lambda case: shown[case.case_id]))
        shown.update(case.case_id for case in cases[:per_class])
        yield replace(row, cases=cases)


def _build_row(dataset: Dataset, name: str, label: int | None, cases: Sequence[Case]) -> Row:
    counts = [_format_count(len(cases), "image")]
    if dataset.grouped:
        counts.append(_format_count(len({case.group_id for case in cases}), "group"))
    if dataset.task == "detection" and label is not None:
        boxes = sum(box.label == label for case in cases for box in case.boxes or ())
        counts.append(_format_count(boxes, "box", "boxes"))
    return Row(name=name, counts=tuple(counts), label=label, cases=tuple(cases))


def _mask_class_rows(dataset: Dataset, order: Sequence[Case]) -> Iterator[Row]:
    """A row for every class but the background, of images whose masks hold it."""
    members: defaultdict[int, list[Case]] = defaultdict(list)
    closed = list[Case]()
    looked = order[: MAX_MASKS_PER_CLASS * len(dataset.classes)]
    for case in looked:
        try:
            labels = np.unique(dataset.read_mask(case)).tolist() if dataset.read_mask else []
        except DatasetError:  # shown in a row of its own
            closed.append(case)
            continue
        for label in labels:
            members[label].append(case)
    masks = _format_count(len(looked), "mask")
    for label, name in enumerate(dataset.classes[1:], start=1):
        own = tuple(members[label])
        yield Row(name=name, counts=(f"in {len(own):,} of {masks}",), label=label, cases=own)
    if closed:
        counts = (f"{len(closed):,} of {masks}",)
        yield Row(name="(mask unreadable)", counts=counts, label=None, cases=tuple(closed))


def _format_count(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
