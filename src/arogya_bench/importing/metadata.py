"""The columns of a table that have no other role: metadata of the cases."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from arogya_bench.datasets.csv_tables import MISSING, NA_VALUES, NUMBER_PATTERN
from arogya_bench.importing.classes import ClassColumns
from arogya_bench.importing.table_files import UNNAMED, SourceTable, Texts
from arogya_bench.scoring.label_table import FIXED_COLUMNS, PROBABILITY_PREFIX
from arogya_bench.types import ANSWER_COLUMNS


def read_metadata(
    table: SourceTable, roles: Mapping[str, str], classes: ClassColumns
) -> dict[str, NDArray[np.object_]]:
    """Every other column: numbers if all its cells are, else text."""
    left_out = reserved_columns(table, roles, classes)
    other = [column for column in _other_columns(table, roles, classes) if column not in left_out]
    return {column: _metadata_column(table.texts(column)) for column in other}


def reserved_columns(table: SourceTable, roles: Mapping[str, str], classes: ClassColumns) -> list[str]:
    """The columns without a role whose names stored predictions use for what another column of the table holds."""
    reserved = (*FIXED_COLUMNS, *(f"{PROBABILITY_PREFIX}{name}" for name in classes.names))
    return [column for column in _other_columns(table, roles, classes) if column in reserved]


def _other_columns(table: SourceTable, roles: Mapping[str, str], classes: ClassColumns) -> list[str]:
    taken = {column for role, column in roles.items() if role != "score"}
    used = {*taken, *classes.probabilities.values(), classes.score, UNNAMED, *ANSWER_COLUMNS}
    return [column for column in table.columns if column not in used]


def _metadata_column(texts: Texts) -> NDArray[np.object_]:
    if all(map(NUMBER_PATTERN.fullmatch, texts)):
        return np.array([float(text) for text in texts], dtype=object)
    return np.array([MISSING if text.lower() in NA_VALUES else text for text in texts], dtype=object)
