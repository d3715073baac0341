"""What imported cells are evaluated on: a dataset that is known, or the file as a dataset of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np

from arogya_bench.datasets.splits import DatasetSplit
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.importing.cells import ImportedCell
from arogya_bench.importing.rows import ImportedRows
from arogya_bench.runtime.digests import digest_of
from arogya_bench.scoring.task import AnyPredictions, case_columns
from arogya_bench.types import BoxPredictions, Predictions, Subset

OWN_SPLIT = "imported"  # name of the split of a file without a known dataset


@dataclass(frozen=True, kw_only=True)
class EvaluatedOn:
    """The dataset and the split of imported cells, as the tags of their runs name them.

    Attributes:
        grouped: Whether groups, such as patients, are known.
        ordered: Whether somebody named the classes in their order.
    """

    name: str
    digest: str
    split: str
    split_digest: str
    task: str
    grouped: bool
    source: str
    licence: str
    ordered: bool = False


def own_dataset(name: str, tested: AnyPredictions, *, grouped: bool, source: str) -> EvaluatedOn:
    """The test cases of a file as a dataset: two files with equal cases, groups, labels and classes are one dataset.

    Args:
        name: Of the dataset.
        tested: The test cases of one cell, sorted by id.
        grouped: Whether the file names groups.
        source: Where the cases come from, for the record.
    """
    if not name:
        raise ConfigError(
            "The cases have no dataset.",
            fix="name it with --dataset NAME; or give dataset=… overrides, if arogya-bench reads its images.",
        )
    facts = {"classes": tested.classes, "cases": tested.case_ids, "groups": tested.group_ids, "truth": _truth(tested)}
    return EvaluatedOn(
        name=name,
        digest=digest_of(facts),
        split=OWN_SPLIT,
        split_digest=digest_of({"test": tested.case_ids}),
        task=tested.task,
        grouped=grouped,
        source=source,
        licence="unknown",
    )


def known_dataset(split: DatasetSplit) -> EvaluatedOn:
    """A dataset that arogya-bench reads, and its split."""
    dataset = split.test.dataset
    return EvaluatedOn(
        name=dataset.name,
        digest=dataset.digest,
        split=split.name,
        split_digest=split.digest,
        task=dataset.task,
        grouped=dataset.grouped,
        source=dataset.source,
        licence=dataset.licence,
        ordered=dataset.ordinal,
    )


def tie_rows(rows: ImportedRows, split: DatasetSplit) -> ImportedRows:
    """Give rows the case ids of a dataset where the file adds the suffix of the image or its folder."""
    known = {case.case_id for part in (split.test, split.validation, split.train) for case in part.cases}
    if set(rows.case_ids) <= known:
        return rows
    ids = set(rows.case_ids)
    for names in (
        {name: str(PurePath(name).with_suffix("")) for name in ids},
        {name: PurePath(name).stem for name in ids},
    ):
        if set(names.values()) <= known:
            tied = np.array([names[name] for name in rows.case_ids], dtype=object)
            note = "The case ids are those of the dataset without the suffixes and folders of the file."
            return replace(rows, case_ids=tied, notes=(*rows.notes, note))
    return rows


def tie_cell(cell: ImportedCell, rows: ImportedRows, split: DatasetSplit) -> ImportedCell:
    """Check a cell against the cases of its part of the split, and take groups, truth and metadata from there.

    Raises:
        DatasetError: If its cases are not exactly those, or a label is another one.
    """
    cases: Subset = split.parts[cell.part]
    predictions = cell.predictions
    known = tuple(case.case_id for case in cases.cases)
    if predictions.case_ids != known:
        raise _foreign_cases(cell, rows, cases)
    if not isinstance(predictions, Predictions):
        raise TypeError("boxes are tied by their annotations")
    _check_truth(cell, predictions, rows, cases)
    columns = case_columns(cases)
    metadata = {**predictions.metadata, **columns["metadata"]}
    return replace(cell, predictions=replace(predictions, targets=cases.targets, **{**columns, "metadata": metadata}))


def _foreign_cases(cell: ImportedCell, rows: ImportedRows, cases: Subset) -> DatasetError:
    ours, theirs = {case.case_id for case in cases.cases}, set(cell.predictions.case_ids)
    foreign, missing = sorted(theirs - ours), sorted(ours - theirs)
    where = ""
    if foreign:
        row = int(np.flatnonzero((rows.case_ids == foreign[0]) & (rows.parts == cell.part))[0])
        where = f"{foreign[0]!r} in {rows.source.where(row)} is none of them"
    else:
        where = f"{missing[0]!r} has no row"
    part_words = f"the {len(ours)} {cell.part} cases of {cases.dataset.name}"
    return DatasetError(
        f"The cases of {cell.words} are not {part_words}: {len(foreign)} are foreign, {len(missing)} are missing; "
        f"{where}.",
        fix="import exactly these cases, which split.csv of any run on the dataset lists; or give the overrides of the "
        "split that the predictions were made on, such as split.method=file split.file=split.csv.",
    )


def _check_truth(cell: ImportedCell, predictions: Predictions, rows: ImportedRows, cases: Subset) -> None:
    """Labels in the file must be those of the dataset; a file without labels takes them from there."""
    differing = np.flatnonzero((predictions.targets >= 0) & (predictions.targets != cases.targets))
    if differing.size:
        case_id = predictions.case_ids[differing[0]]
        row = int(np.flatnonzero((rows.case_ids == case_id) & (rows.parts == cell.part))[0])
        stated, known = (predictions.classes[codes[differing[0]]] for codes in (predictions.targets, cases.targets))
        raise DatasetError(
            f"The case {case_id!r} has the label {stated!r} in {rows.source.where(row)}, and {known!r} in "
            f"{cases.dataset.name}; so {differing.size} of {len(cases)} cases.",
            fix="correct the labels, or import the file as a dataset of its own, with --dataset NAME.",
        )


def _truth(predictions: AnyPredictions) -> Sequence[object]:
    if isinstance(predictions, BoxPredictions):
        return [
            [[box.left, box.top, box.width, box.height, box.label, box.crowd] for box in boxes]
            for boxes in predictions.truth
        ]
    labels: list[int] = predictions.targets.tolist()
    return labels


def class_counts(predictions: AnyPredictions) -> Mapping[str, int]:
    """Number of cases of each class; of boxes, of each class."""
    if isinstance(predictions, BoxPredictions):
        labels = [box.label for boxes in predictions.truth for box in boxes]
    else:
        labels = predictions.targets.tolist()
    counts = np.bincount(np.array(labels, dtype=np.int64), minlength=len(predictions.classes))
    return dict(zip(predictions.classes, counts.tolist(), strict=True))
