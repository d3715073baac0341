"""Converting the output of an MLflow model to probabilities in the dataset's class order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from arogya_bench.errors import ModelError
from arogya_bench.types import Floats, Probabilities

SUM_TOLERANCE = 1e-3  # largest deviation from 1 of the sum of a row of probabilities


@dataclass(frozen=True, kw_only=True)
class OutputFormat:
    """How outputs are read, for ``classes`` in the order of the dataset.

    Attributes:
        classes: Of the dataset.
        model_order: Classes in the order of the model, for unnamed columns and class indices; empty if unknown.
        softmax: Whether the outputs are logits.
    """

    classes: tuple[str, ...]
    model_order: tuple[str, ...]
    softmax: bool

    def to_probabilities(self, output: Any, count: int) -> Probabilities:
        """Convert the output for ``count`` images; labels become rows of 0 and 1."""
        values = _single_output(output)
        if _has_named_columns(values):
            table = self._from_named_columns(values)
        else:
            array = _to_array(values)
            table = self._one_hot(array) if array.ndim == 1 else self._reorder(array)
        if table.shape != (count, len(self.classes)):
            raise ModelError(
                f"The model returned shape {table.shape} for {count} images and {len(self.classes)} classes.",
                fix="log a model that returns one row per image and one column per class.",
            )
        if self.softmax and np.isfinite(table).all():
            return np.asarray(softmax(table, axis=1), np.float64)
        return _normalise_probabilities(table)

    def has_labels(self, output: Any) -> bool:
        """Whether an output holds class names or indices instead of probabilities."""
        values = _single_output(output)
        return not _has_named_columns(values) and _to_array(values).ndim == 1

    def class_order(self, output: Any) -> tuple[str, ...]:
        """Order of the classes in an output; empty if it does not matter."""
        values = _single_output(output)
        names = tuple(map(str, values.columns)) if _has_named_columns(values) else ()
        return names if set(names) == set(self.classes) else self.model_order

    def _from_named_columns(self, table: pd.DataFrame) -> Floats:
        names = [str(name) for name in table.columns]
        if set(names) == set(self.classes):
            return _to_floats(table.to_numpy()[:, [names.index(name) for name in self.classes]])
        if self.model_order and len(names) == len(self.model_order):
            return self._reorder(table.to_numpy())
        raise class_mismatch_error(names, self.classes)

    def _reorder(self, table: NDArray[Any]) -> Floats:
        values = _to_floats(table)
        if not self.model_order:
            raise missing_class_order_error(self.classes)
        if values.ndim != 2 or values.shape[1] != len(self.model_order):
            return values
        return values[:, [self.model_order.index(name) for name in self.classes]]

    def _one_hot(self, labels: NDArray[Any]) -> Floats:
        if all(isinstance(label, str) for label in labels):
            names = labels.tolist()
        elif labels.dtype.kind in "iub":
            names = self._names_from_indices(labels)
        else:
            raise ModelError(
                f"The model returned one value per image, such as {labels[0]!r}.",
                fix="log a model that returns one probability per class, or class names.",
            )
        unknown = sorted(set(names) - set(self.classes))
        if unknown:
            raise ModelError(
                f"The model returned the classes {unknown}; the dataset has {list(self.classes)}.",
                fix="evaluate it on a dataset with its classes, or log a model that returns the "
                "class names of this dataset.",
            )
        return np.eye(len(self.classes))[[self.classes.index(name) for name in names]]

    def _names_from_indices(self, labels: NDArray[Any]) -> list[str]:
        if not self.model_order:
            raise missing_class_order_error(self.classes)
        if labels.min() < 0 or labels.max() >= len(self.model_order):
            raise ModelError(
                f"The model returned class indices from {labels.min()} to {labels.max()}; "
                f"there are {len(self.model_order)} classes, counted from 0.",
                fix="log a model that counts classes from 0, or returns class names.",
            )
        return [self.model_order[int(label)] for label in labels]


def choose_output_format(
    outputs: Sequence[Mapping[str, Any]],
    logged_classes: Sequence[str],
    configured_classes: Sequence[str],
    *,
    classes: tuple[str, ...],
    softmax: bool,
) -> OutputFormat:
    """Find the class order of a model in its signature, its metadata and the config, which must agree.

    ``outputs`` are the columns or tensors of the signature; ``classes`` are those of the dataset, in its order.
    """
    columns = [str(column["name"]) for column in outputs if column["type"] != "tensor" and column.get("name")]
    column_names = tuple(columns) if len(columns) > 1 else ()
    sources = {"its signature": column_names, "its metadata": tuple(logged_classes)}
    if configured_classes:  # which may translate other names
        sources = {name: order for name, order in sources.items() if set(order) == set(classes)}
    sources["model.classes"] = tuple(configured_classes)
    stated = {name: order for name, order in sources.items() if order}
    for order in stated.values():
        if set(order) != set(classes) or len(order) != len(classes):
            raise class_mismatch_error(order, classes)
    if len(set(stated.values())) > 1:
        orders = " and ".join(f"{name} has {list(order)}" for name, order in stated.items())
        raise ModelError(
            f"The class order of the model is ambiguous: {orders}.", fix="correct model.classes, or leave it empty."
        )
    order = next(iter(stated.values()), ())
    return OutputFormat(classes=classes, model_order=order, softmax=softmax)


def class_mismatch_error(model_classes: Iterable[str], classes: Sequence[str]) -> ModelError:
    """Build the error for a model whose classes are not those of the dataset."""
    return ModelError(
        f"The model has the classes {list(model_classes)}; the dataset has {list(classes)}.",
        fix="evaluate it on a dataset with its classes; or, if only the names differ, set "
        f"model.classes to those of the dataset in the order of the model: "
        f"model.classes=[{','.join(classes)}].",
    )


def missing_class_order_error(classes: Sequence[str]) -> ModelError:
    """Build the error for a model whose class order is unknown."""
    return ModelError(
        "The order of the classes in the output of the model is unknown.",
        fix=f"set model.classes=[{','.join(classes)}] in the order of the model, or log it with "
        'named output columns or with metadata={"classes": [...]}.',
    )


def _single_output(output: Any) -> Any:
    if not isinstance(output, Mapping):
        return output
    if len(output) != 1:
        raise ModelError(
            f"The model returned {len(output)} outputs: {', '.join(map(str, output))}.",
            fix="log a model that returns only probabilities.",
        )
    return next(iter(output.values()))


def _has_named_columns(values: Any) -> bool:
    return isinstance(values, pd.DataFrame) and values.shape[1] > 1


def _to_array(values: Any) -> NDArray[Any]:
    """Convert to an array of rows, or of labels if there is one value per image."""
    if isinstance(values, pd.DataFrame):
        values = values.iloc[:, 0]
    if isinstance(values, pd.Series):
        values = values.tolist()
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise _not_numeric_error(type(values).__name__) from error
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else np.atleast_1d(array)


def _to_floats(table: NDArray[Any]) -> Floats:
    try:
        return np.asarray(table, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _not_numeric_error(f"values such as {table.flat[0]!r}") from error


def _not_numeric_error(content: str) -> ModelError:
    return ModelError(
        f"The model returned {content}, not a table of numbers.",
        fix="log a model that returns an array or a DataFrame of probabilities.",
    )


def _normalise_probabilities(table: Floats) -> Probabilities:
    sums = table.sum(axis=1)
    if not np.isfinite(table).all():
        raise ModelError(
            "The model returned values that are not finite.",
            fix="fix the model; it receives images as its signature describes.",
        )
    if (table < -SUM_TOLERANCE).any() or (abs(sums - 1) > SUM_TOLERANCE).any():
        worst = int(abs(sums - 1).argmax())
        raise ModelError(
            f"The model returned rows that are not probabilities, such as "
            f"{np.round(table[worst], 4).tolist()}, which sums to {sums[worst]:.4f}.",
            fix="set model.softmax=true if they are logits; else log a model whose rows sum to 1.",
        )
    clipped = table.clip(min=0)
    normalised: Probabilities = clipped / clipped.sum(axis=1, keepdims=True)
    return normalised
