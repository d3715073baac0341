"""Summarise a dataset: properties, counts per class and part, metadata columns."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from arogya_bench.datasets.positive_class import positive_class_note
from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.datasets.splits import DatasetSplit
from arogya_bench.types import Case, Dataset

ALL = "all"  # the part with every case
NO_BOX_ROW = "(no box)"
STRAY_LABEL_ROW = "(label outside the classes)"
MAX_COMMON_VALUES = 12  # values listed per column
NO_LABEL = -1  # of cases without a class


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """Size of one class in one part.

    Attributes:
        cases: Number of cases; for detection, of images that show the class.
        groups: Number of groups of these cases.
        boxes: Number of boxes; None for datasets without boxes.
    """

    cases: int
    groups: int
    boxes: int | None = None


@dataclass(frozen=True, kw_only=True)
class MetadataColumn:
    """Summary of one metadata column.

    Attributes:
        missing: Number of cases without a value.
        distinct: Number of different values, missing ones excluded.
        low: Minimum of a numeric column; None for text, as are ``middle``, the median, and ``high``.
        common: Counts of the most frequent values, at most twelve; empty for numbers.
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
    """Summary of a dataset; see ``Dataset`` for the fields that it shares.

    Attributes:
        split: Name of the split, such as ``official``; empty without one.
        split_digest: Digest of the split; empty without one.
        parts: ``all`` and the parts of the split.
        totals: Counts by part.
        classes: Counts by class and part; None for segmentation, as no mask is opened.
        unclassed: Counts by part of the cases without a class (no box, or a label outside the classes); None for
            segmentation.
        stray_labels: Number of cases by label outside the classes.
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
        """Serialise all fields as a JSON object."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)


def describe(dataset: Dataset, split: DatasetSplit | None = None) -> DatasetDescription:
    """Summarise a dataset, and the parts of its split if given, without opening an image."""
    parts: dict[str, Sequence[Case]] = {ALL: dataset.cases}
    if split is not None:
        parts |= {part: getattr(split, part).cases for part in PARTS}
    counts = _count_by_label(dataset, parts)
    columns = dict.fromkeys(name for case in dataset.cases for name in case.metadata)
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
        notes=(*dataset.notes, *filter(None, [positive_class_note(dataset)])),
        split=split.name if split else "",
        split_digest=split.digest if split else "",
        parts=tuple(parts),
        totals={part: _count_cases(cases, boxed=_has_boxes(dataset)) for part, cases in parts.items()},
        classes={name: counts.get(label) for label, name in enumerate(dataset.classes)},
        unclassed=counts.get(NO_LABEL),
        metadata=tuple(_summarise_column(name, dataset.cases) for name in columns),
        stray_labels=dict(Counter(dataset.stray_labels.values()).most_common()),
    )


def _count_by_label(dataset: Dataset, parts: Mapping[str, Sequence[Case]]) -> dict[int, dict[str, ClassCount]]:
    """Counts by label and part; empty for segmentation, as masks would have to be opened."""
    if dataset.task == "segmentation":
        return {}
    members = {part: _group_by_label(cases) for part, cases in parts.items()}
    boxed = _has_boxes(dataset)
    return {
        label: {part: _count_cases(cases[label], label, boxed=boxed) for part, cases in members.items()}
        for label in (*range(len(dataset.classes)), NO_LABEL)
    }


def _group_by_label(cases: Iterable[Case]) -> defaultdict[int, list[Case]]:
    by_label: defaultdict[int, list[Case]] = defaultdict(list)
    for case in cases:
        for label in case.present_classes or (NO_LABEL,):
            by_label[label].append(case)
    return by_label


def _has_boxes(dataset: Dataset) -> bool:
    return any(case.boxes is not None for case in dataset.cases)


def _count_cases(cases: Sequence[Case], label: int | None = None, *, boxed: bool) -> ClassCount:
    """Count cases and their boxes, only boxes of one label if it is given."""
    boxes = sum(label in (None, box.label) for case in cases for box in case.boxes or ())
    return ClassCount(cases=len(cases), groups=len({case.group_id for case in cases}), boxes=boxes if boxed else None)


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
    return MetadataColumn(name=name, missing=missing, distinct=distinct, common=dict(ordered[:MAX_COMMON_VALUES]))


def _is_missing(value: str | float) -> bool:
    return not value.strip() if isinstance(value, str) else not math.isfinite(value)
