"""Condition and split of the rows of a table."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.datasets.csv_tables import NUMBER_PATTERN
from arogya_bench.datasets.split_checks import SPLIT_NAMES
from arogya_bench.errors import DatasetError
from arogya_bench.importing.table_files import SourceTable, Texts

PART_NAMES: Mapping[str, str] = {
    **SPLIT_NAMES, "dev": "validation", "holdout": "test", "hold-out": "test",
}  # fmt: skip
TEST_ROWS_FIX = "write `test` into the column of the split, or remove the column."
SEVERITY_FIX = "write a number such as 0.25, or leave the cell empty where the condition has no severity."


@dataclass(frozen=True, kw_only=True)
class RowConditions:
    """The condition of each row.

    Attributes:
        names: ``clean``, or the augmentation, with its severity where there is one.
        severities: NaN where a condition has none.
    """

    names: Texts
    augmentations: Texts
    severities: NDArray[np.float64]


def read_conditions(table: SourceTable, roles: Mapping[str, str]) -> RowConditions:
    """The condition of each row; all are clean without a column of conditions."""
    severities = np.full(len(table.rows), np.nan)
    if "condition" not in roles:
        if "severity" in roles:
            raise DatasetError(
                f"The column {roles['severity']!r} has no condition beside it.",
                fix="name the column of the conditions with --condition-column.",
            )
        clean = constant(table, CLEAN)
        return RowConditions(names=clean, augmentations=clean, severities=severities)
    texts = table.texts(roles["condition"])
    parsed = {text: _parse_condition(text, split_name="severity" not in roles) for text in set(texts)}
    augmentations = np.array([parsed[text][0] for text in texts], dtype=object)
    severities = np.array([parsed[text][1] for text in texts])
    if "severity" in roles:
        severities = np.where(augmentations == CLEAN, np.nan, table.numbers(roles["severity"], fix=SEVERITY_FIX))
    named = [
        name if np.isnan(severity) else f"{name}_{severity:g}"
        for name, severity in zip(augmentations, severities, strict=True)
    ]
    return RowConditions(names=np.array(named, dtype=object), augmentations=augmentations, severities=severities)


def _parse_condition(text: str, *, split_name: bool) -> tuple[str, float]:
    """The augmentation and the severity that a name holds, such as ``gaussian_noise_0.1``."""
    if not text or text.lower() == CLEAN:
        return CLEAN, np.nan
    stem, _, severity = text.rpartition("_")
    if split_name and stem and NUMBER_PATTERN.fullmatch(severity):
        return stem, float(severity)
    return text, np.nan


def read_parts(table: SourceTable, roles: Mapping[str, str]) -> Texts:
    """The part of the split of each row; all are ``test`` without a column of splits."""
    if "split" not in roles:
        return constant(table, "test")
    texts = table.texts(roles["split"])
    parts = {text: PART_NAMES.get(text.lower()) for text in set(texts)}
    unknown = [row for row, text in enumerate(texts) if parts[text] is None]
    if unknown:
        raise DatasetError(
            f"The split is {texts[unknown[0]]!r} in {table.where(unknown[0])} (column {roles['split']!r}).",
            fix=f"write one of {', '.join(PART_NAMES)}; or name the right column with --split-column.",
        )
    return np.array([parts[text] for text in texts], dtype=object)


def constant(table: SourceTable, value: str) -> Texts:
    """The same value for every row."""
    return np.full(len(table.rows), value, dtype=object)
