"""The rows of a table as cells: one model, seed and condition each, all on the same cases."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.errors import DatasetError
from arogya_bench.importing.conditions import TEST_ROWS_FIX
from arogya_bench.importing.rows import ImportedRows
from arogya_bench.importing.severity_levels import severity_levels
from arogya_bench.importing.table_files import Texts
from arogya_bench.scoring.task import AnyPredictions
from arogya_bench.types import Labels, Predictions

MAX_NAMED = 3  # examples in a message


@dataclass(frozen=True, kw_only=True)
class ImportedCell:
    """The predictions of one model and seed under one condition, on the test or the validation split.

    Attributes:
        seeded: Whether the seed is known: another one then gives another model.
        severity: None where the condition has none.
        level: Position of the severity among those of its augmentation, from 1 (mild); 0 without a severity.
    """

    model: str
    seed: str
    seeded: bool
    condition: str
    augmentation: str
    severity: float | None
    level: int
    part: str
    predictions: AnyPredictions

    @property
    def words(self) -> str:
        """Model, seed and condition, for messages."""
        return ", ".join([self.model, *([f"seed {self.seed}"] if self.seeded else []), self.condition])


class _Place(NamedTuple):
    part: str
    model: str
    seed: str
    condition: str


def build_cells(rows: ImportedRows) -> list[ImportedCell]:
    """Divide the rows into cells whose cases are sorted, and check that all cells hold the same ones.

    Raises:
        DatasetError: If a cell holds a case twice, if cells hold different cases, or a case has two labels or groups.
    """
    members = {place: _sorted_cases(rows, positions) for place, positions in _places(rows).items()}
    levels = severity_levels(rows.augmentations, rows.severities)
    for part in dict.fromkeys(rows.parts):
        _check_same_cases(rows, {place: positions for place, positions in members.items() if place.part == part})
    return [
        ImportedCell(
            model=place.model,
            seed=place.seed,
            seeded=rows.seeded,
            condition=place.condition,
            augmentation=str(rows.augmentations[positions[0]]),
            severity=None if np.isnan(rows.severities[positions[0]]) else float(rows.severities[positions[0]]),
            level=levels.get(place.condition, 0),
            part=place.part,
            predictions=_predictions(rows, positions),
        )
        for place, positions in members.items()
    ]


def _sorted_cases(rows: ImportedRows, positions: Labels) -> Labels:
    """The rows of one cell in the order of their cases, each of which must be there once."""
    ids = rows.case_ids[positions]
    ordered = positions[np.argsort(ids, kind="stable")]
    ids = rows.case_ids[ordered]
    doubled = np.flatnonzero(ids[1:] == ids[:-1])
    if doubled.size:
        first, second = sorted(ordered[doubled[0] : doubled[0] + 2])
        raise DatasetError(
            f"The case {rows.case_ids[second]!r} of {_cell_words(rows, second)} is in {rows.source.where(second)}, "
            f"and already in {rows.source.place} {rows.source.lines[first]}.",
            fix="keep one of the two rows; or give them different models, seeds or conditions, each in a column.",
        )
    return ordered


def _places(rows: ImportedRows) -> dict[_Place, Labels]:
    """The rows of each cell, in the order of the file."""
    columns = [pd.factorize(column) for column in (rows.parts, rows.models, rows.seeds, rows.conditions)]
    codes, inverse = np.unique(np.stack([codes for codes, _ in columns], axis=1), axis=0, return_inverse=True)
    cell_of = inverse.ravel()
    parts = np.split(np.argsort(cell_of, kind="stable"), np.bincount(cell_of).cumsum()[:-1])
    names = [_Place(*(str(known[code]) for code, (_, known) in zip(row, columns, strict=True))) for row in codes]
    return dict(sorted(zip(names, parts, strict=True), key=lambda item: int(item[1][0])))


def _check_same_cases(rows: ImportedRows, members: Mapping[_Place, Labels]) -> None:
    """Every cell must hold the cases of the first one, with their labels and groups."""
    (_, first), *others = members.items()
    ids = rows.case_ids[first]
    for _, positions in others:
        if not np.array_equal(rows.case_ids[positions], ids):
            raise _different_cases(rows, first, positions)
        _check_equal(rows, rows.targets, first, positions, "label")
        if rows.group_ids is not None:
            _check_equal(rows, rows.group_ids, first, positions, "group")


def _different_cases(rows: ImportedRows, first: Labels, other: Labels) -> DatasetError:
    ours, theirs = set(rows.case_ids[first]), set(rows.case_ids[other])
    missing, foreign = sorted(ours - theirs), sorted(theirs - ours)
    name, holder, lacking = (missing[0], first, other) if missing else (foreign[0], other, first)
    row = int(holder[np.flatnonzero(rows.case_ids[holder] == name)[0]])
    return DatasetError(
        f"{_cell_words(rows, int(other[0]))} covers other cases than {_cell_words(rows, int(first[0]))}: "
        f"{len(missing)} are missing, {len(foreign)} are added. {_cell_words(rows, int(lacking[0]))} has no row for "
        f"the case {name!r} of {rows.source.where(row)}.",
        fix="give every model, seed and condition a row for every case; where there was no answer, leave the "
        "probabilities empty, and the case counts as wrong.",
    )


def _check_equal(rows: ImportedRows, values: Labels | Texts, first: Labels, other: Labels, what: str) -> None:
    differing = np.flatnonzero(values[first] != values[other])
    if differing.size:
        one, two = (int(positions[differing[0]]) for positions in (first, other))
        shown = [rows.classes[values[row]] if what == "label" else values[row] for row in (one, two)]
        raise DatasetError(
            f"The case {rows.case_ids[two]!r} has the {what} {shown[1]!r} in {rows.source.where(two)}, and "
            f"{shown[0]!r} in {rows.source.place} {rows.source.lines[one]}.",
            fix=f"give a case the same {what} everywhere.",
        )


def _cell_words(rows: ImportedRows, row: int) -> str:
    words = [str(rows.models[row])]
    if len(set(rows.seeds)) > 1:
        words.append(f"seed {rows.seeds[row]}")
    if len(set(rows.conditions)) > 1:
        words.append(str(rows.conditions[row]))
    return ", ".join(words)


def _predictions(rows: ImportedRows, positions: Labels) -> Predictions:
    ids = tuple(rows.case_ids[positions])
    return Predictions(
        classes=rows.classes,
        case_ids=ids,
        group_ids=ids if rows.group_ids is None else tuple(rows.group_ids[positions]),
        targets=rows.targets[positions],
        probabilities=rows.probabilities[positions],
        metadata={name: tuple(values[positions]) for name, values in rows.metadata.items()},
        labels_only=rows.labels_only,
    )


def cells_of_test(cells: Sequence[ImportedCell]) -> list[ImportedCell]:
    """The cells of the test split, of which there must be one."""
    tested = [cell for cell in cells if cell.part == "test"]
    if not tested:
        raise DatasetError("No row belongs to the test split.", fix=TEST_ROWS_FIX)
    return tested


def validation_cells(cells: Sequence[ImportedCell]) -> Iterator[ImportedCell]:
    """The clean cells of the validation split, on which thresholds are chosen."""
    return (cell for cell in cells if cell.part == "validation" and cell.condition == CLEAN)
