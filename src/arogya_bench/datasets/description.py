"""Says what is in a dataset: its card, its counts per class and part, its columns."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from arogya_bench.datasets.description_table import ALL, render
from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.datasets.splits import DatasetSplit
from arogya_bench.types import Case, Dataset

MAX_COMMON_VALUES = 12  # values of a column that are counted one by one
NO_LABEL = -1  # the label of no box


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """How much there is of one class in one part.

    Attributes:
        cases: Of the class; of boxes, images that show it.
        groups: To which they belong.
        boxes: Of the class; None where the source names no boxes.
    """

    cases: int
    groups: int
    boxes: int | None = None


@dataclass(frozen=True, kw_only=True)
class MetadataColumn:
    """One column of the metadata: a range of numbers, or how often each value occurs.

    Attributes:
        missing: Cases without a value.
        distinct: Different values, the missing one aside.
        low: The least number; None for a column of texts. So ``middle`` (the median) and ``high``.
        common: The most frequent values with their counts, at most twelve; empty for numbers.
    """

    name: str
    missing: int
    distinct: int
    low: float | None = None
    middle: float | None = None
    high: float | None = None
    common: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class DatasetDescription:
    """A dataset in numbers; the fields that are those of the dataset are explained there.

    Attributes:
        split: How it is divided, such as ``official``; empty if it is not.
        split_digest: Of that division; empty if it is not divided.
        parts: ``all``, and those of the split.
        totals: Part to all cases in it.
        classes: Class to part to count; None where classes lie in masks, which are not opened.
        unclassed: Part to cases of no class: images without a box, or with a label outside the
            classes; None for masks.
        stray_labels: Label outside the classes to the number of its cases.
    """

    name: str
    task: str
    licence: str
    source: str
    citation: str
    version: str
    digest: str
    grouped: bool
    ordinal: bool
    overlaps: tuple[str, ...]
    notes: tuple[str, ...]
    split: str
    split_digest: str
    parts: tuple[str, ...]
    totals: Mapping[str, ClassCount]
    classes: Mapping[str, Mapping[str, ClassCount] | None]
    unclassed: Mapping[str, ClassCount] | None
    metadata: tuple[MetadataColumn, ...]
    stray_labels: Mapping[str, int]

    def to_json(self) -> str:
        """All fields by their names, as one object."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    def to_text(self, width: int = 100) -> str:
        """For a terminal.

        Args:
            width: In columns.
        """
        return render(self, width)


def describe(dataset: Dataset, split: DatasetSplit | None = None) -> DatasetDescription:
    """Count what a dataset holds; no image is opened.

    Args:
        dataset: Any.
        split: A division of it, to count its parts too.
    """
    parts: dict[str, Sequence[Case]] = {ALL: dataset.cases}
    if split is not None:
        parts |= {part: getattr(split, part).cases for part in PARTS}
    counts = _count_by_label(dataset, parts)
    return DatasetDescription(
        name=dataset.name,
        task=dataset.task,
        licence=dataset.licence,
        source=dataset.source,
        citation=dataset.citation,
        version=dataset.version,
        digest=dataset.digest,
        grouped=dataset.grouped,
        ordinal=dataset.ordinal,
        overlaps=dataset.overlaps,
        notes=dataset.notes,
        split=split.name if split else "",
        split_digest=split.digest if split else "",
        parts=tuple(parts),
        totals={
            part: _count_cases(cases, boxed=_has_boxes(dataset)) for part, cases in parts.items()
        },
        classes={name: counts.get(label) for label, name in enumerate(dataset.classes)},
        unclassed=counts.get(NO_LABEL),
        metadata=tuple(
            _summarise_column(name, dataset.cases) for name in _metadata_names(dataset.cases)
        ),
        stray_labels=dict(Counter(dataset.stray_labels.values()).most_common()),
    )


def _count_by_label(
    dataset: Dataset, parts: Mapping[str, Sequence[Case]]
) -> dict[int, dict[str, ClassCount]]:
    """Label to part to count; nothing for masks, since they would have to be opened."""
    if dataset.task == "segmentation":
        return {}
    members = {part: _group_by_label(cases) for part, cases in parts.items()}
    boxed = _has_boxes(dataset)
    return {
        label: {part: _count_cases(own[label], label, boxed=boxed) for part, own in members.items()}
        for label in (*range(len(dataset.classes)), NO_LABEL)
    }


def _group_by_label(cases: Iterable[Case]) -> defaultdict[int, list[Case]]:
    found: defaultdict[int, list[Case]] = defaultdict(list)
    for case in cases:
        for label in case.present_classes or (NO_LABEL,):
            found[label].append(case)
    return found


def _has_boxes(dataset: Dataset) -> bool:
    return any(case.boxes is not None for case in dataset.cases)


def _count_cases(cases: Sequence[Case], label: int | None = None, *, boxed: bool) -> ClassCount:
    """Count cases, and of their boxes those with a label, or all of them."""
    boxes = sum(label in (None, box.label) for case in cases for box in case.boxes or ())
    return ClassCount(
        cases=len(cases),
        groups=len({case.group_id for case in cases}),
        boxes=boxes if boxed else None,
    )


def _metadata_names(cases: Iterable[Case]) -> list[str]:
    return list(dict.fromkeys(name for case in cases for name in case.metadata))


def _summarise_column(name: str, cases: Sequence[Case]) -> MetadataColumn:
    values = [case.metadata.get(name, "") for case in cases]
    known = [value for value in values if not _is_missing(value)]
    counts = Counter(map(str, known))
    missing, distinct = len(values) - len(known), len(counts)
    numbers = [float(value) for value in known if not isinstance(value, str)]
    if numbers and len(numbers) == len(known):
        return MetadataColumn(
            name=name,
            missing=missing,
            distinct=distinct,
            low=min(numbers),
            middle=median(numbers),
            high=max(numbers),
            common={},
        )
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return MetadataColumn(
        name=name, missing=missing, distinct=distinct, common=dict(ordered[:MAX_COMMON_VALUES])
    )


def _is_missing(value: str | float) -> bool:
    return not value.strip() if isinstance(value, str) else not math.isfinite(value)
