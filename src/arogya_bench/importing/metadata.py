"""The columns of a table that have no other role: metadata of the cases."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from arogya_bench.datasets.csv_tables import MISSING, NUMBER_PATTERN, is_missing
from arogya_bench.datasets.reserved_columns import free_names, reserved_for_classes
from arogya_bench.importing.classes import ClassColumns
from arogya_bench.importing.table_files import UNNAMED, SourceTable, Texts
from arogya_bench.types import ANSWER_COLUMNS


def read_metadata(
    table: SourceTable, roles: Mapping[str, str], classes: ClassColumns
) -> dict[str, NDArray[np.object_]]:
    """Every other column: numbers if all its cells are, else text."""
    renamed = renamed_columns(table, roles, classes)
    other = _other_columns(table, roles, classes)
    return {renamed.get(column, column): _metadata_column(table.texts(column)) for column in other}


def renamed_columns(table: SourceTable, roles: Mapping[str, str], classes: ClassColumns) -> dict[str, str]:
    """The columns without a role whose names stored predictions use for something else, and their other names."""
    return free_names(_other_columns(table, roles, classes), reserved_for_classes(classes.names))


def _other_columns(table: SourceTable, roles: Mapping[str, str], classes: ClassColumns) -> list[str]:
    taken = {column for role, column in roles.items() if role != "score"}
    used = {*taken, *classes.probabilities.values(), classes.score, UNNAMED, *ANSWER_COLUMNS}
    return [column for column in table.columns if column not in used]


def _metadata_column(texts: Texts) -> NDArray[np.object_]:
    if all(map(NUMBER_PATTERN.fullmatch, texts)):
        return np.array([float(text) for text in texts], dtype=object)
    return np.array([MISSING if is_missing(text) else text for text in texts], dtype=object)
