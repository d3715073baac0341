"""What an MLflow model returned, in one of two forms: a table with named columns, or an array."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from arogya_bench.errors import ModelError
from arogya_bench.types import Floats

# Columns with names; or rows without names, shape (n, columns), or one value per image, shape (n,).
AnswerTable: TypeAlias = pd.DataFrame | NDArray[Any]


def to_table(output: Any) -> AnswerTable:
    """Bring an output of ``predict`` into one of the two forms."""
    if isinstance(output, Mapping):
        return _from_mapping(output)
    if _is_list_of(output, Mapping):
        return to_table(pd.DataFrame(list(output)))
    if _is_list_of(output, list) and all(_is_list_of(row, Mapping) for row in output):
        return _from_ranked_lists(output)
    if isinstance(output, pd.DataFrame) and output.shape[1] == 0:
        raise not_numeric_error("a table without columns")
    if isinstance(output, pd.DataFrame) and output.shape[1] > 1:
        return _with_text_names(output)
    if isinstance(output, pd.DataFrame) and output.shape[1] == 1:
        return _lone_column(str(output.columns[0]), _to_array(output))
    if isinstance(output, pd.Series) and isinstance(output.name, str):
        return _lone_column(output.name, _to_array(output))
    return _to_array(output)


def _lone_column(name: str, values: NDArray[Any]) -> AnswerTable:
    """Keep the name of one value per image, which may say what it is; a number from 0 says nothing."""
    return values if values.ndim != 1 or name == "0" else pd.DataFrame({name: values})


def to_floats(values: Any) -> Floats:
    """Convert a table of numbers."""
    if np.iscomplexobj(values):
        raise not_numeric_error("complex numbers")
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise not_numeric_error(describe_value(np.asarray(values).flat[0])) from error


def describe_value(value: Any) -> str:
    """Say what a model returned by an example, or by its type where an example is no text."""
    value = _plain(value)
    if isinstance(value, str | bool | int | float | list | None):
        return f"values such as {value!r}"
    return f"values of the type {type(value).__name__}"


def _plain(value: Any) -> Any:
    """A value without the types of NumPy in and around it."""
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def without_numbers(table: pd.DataFrame) -> AnswerTable:
    """Take columns that are only numbered from 0, in any order, for what they are: columns without names."""
    numbers = [str(number) for number in range(table.shape[1])]
    return np.asarray(table[numbers].to_numpy()) if sorted(table.columns) == sorted(numbers) else table


def is_text(values: Sequence[Any]) -> bool:
    """Whether all values are text."""
    return all(isinstance(value, str) for value in values)


def not_numeric_error(content: str) -> ModelError:
    """Build the error for an output that is no table of numbers."""
    return ModelError(
        f"The model returned {content}, not a table of numbers.",
        fix="log a model that returns an array or a DataFrame of probabilities.",
    )


def _with_text_names(output: pd.DataFrame) -> pd.DataFrame:
    names = [str(name) for name in output.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ModelError(
            f"The model returned several columns called {twice[0]!r}.", fix="log a model that names each column once."
        )
    return output.set_axis(names, axis=1)


def _from_mapping(output: Mapping[Any, Any]) -> AnswerTable:
    if len(output) == 1:
        ((name, values),) = output.items()
        table = to_table(values)
        return table if isinstance(table, pd.DataFrame) else _lone_column(str(name), table)
    columns = {str(name): np.asarray(values) for name, values in output.items()}
    columns = {name: column[:, 0] if column.shape[1:] == (1,) else column for name, column in columns.items()}
    if {column.ndim for column in columns.values()} == {1} and len({len(column) for column in columns.values()}) == 1:
        return pd.DataFrame(columns)
    raise ModelError(
        f"The model returned {len(output)} outputs: {', '.join(map(str, output))}.",
        fix="log a model that returns only probabilities.",
    )


def _from_ranked_lists(output: Sequence[Sequence[Mapping[str, Any]]]) -> AnswerTable:
    """Read lists of a label and its score for each image, as pipelines of transformers return them.

    They hold every class, or the best ones only; of these, the first says the class.
    """
    if not all(row and all({"label", "score"} <= set(entry) for entry in row) for row in output):
        raise not_numeric_error("lists of mappings without label and score")
    table = pd.DataFrame([{str(entry["label"]): entry["score"] for entry in row} for row in output])
    if len(output[0]) > 1 and not table.isna().to_numpy().any():
        return table
    best = [max(row, key=lambda entry: float(entry["score"])) for row in output]
    return pd.DataFrame({"label": [entry["label"] for entry in best], "score": [entry["score"] for entry in best]})


def _to_array(values: Any) -> NDArray[Any]:
    """Convert to an array of rows, or of values if there is one per image."""
    if isinstance(values, pd.DataFrame):
        values = values.iloc[:, 0]
    if isinstance(values, pd.Series):
        values = series_values(values)
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise not_numeric_error(type(values).__name__) from error
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else np.atleast_1d(array)


def series_values(values: pd.Series) -> Any:
    """The values of a column for an array, where text with gaps must not make the gaps text."""
    gaps = values.isna().any() and not pd.api.types.is_numeric_dtype(values)
    return values.to_numpy(dtype=object) if gaps else values.tolist()


def _is_list_of(output: Any, kind: type) -> bool:
    return isinstance(output, list) and bool(output) and all(isinstance(entry, kind) for entry in output)
