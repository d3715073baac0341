"""Errors for outputs of a model that are not about the classes of a dataset, with what helps."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from arogya_bench.errors import ModelError
from arogya_bench.models.class_names import match_labels
from arogya_bench.models.probability_rows import common_sum
from arogya_bench.models.pyfunc_tables import describe_value, not_numeric_error
from arogya_bench.runtime.class_names import class_list, class_setting
from arogya_bench.runtime.console import plural
from arogya_bench.types import Floats

DECIMAL = re.compile(r"-?\d*\.\d+(e-?\d+)?", re.IGNORECASE)
PER_CENT = 100
# Names of columns that are sorted by probability, each image in an order of its own.
RANKED = re.compile(
    r"(top|rank|best|nth|place)[\W_]*\d|\d(st|nd|rd|th)(?![a-z])|^(first|second|third)\b", re.IGNORECASE
)


def class_mismatch_error(names: Iterable[str], classes: Sequence[str]) -> ModelError:
    """Build the error for a model whose classes are not those of the dataset."""
    listed = list(names)
    told = ""
    if len(listed) == len(classes):
        told = (
            "; or, if only the names differ, write its names and, in the same order, what the dataset calls them: "
            f"{class_list('model.class_names', listed)} {class_list('model.classes', classes)}"
        )
    return ModelError(
        f"The model has the classes {listed}; the dataset has {list(classes)}.",
        fix=f"evaluate it on a dataset with its classes{told}.",
    )


def missing_class_order_error(classes: Sequence[str]) -> ModelError:
    """Build the error for a model whose class order is unknown."""
    return ModelError(
        "The order of the classes in the output of the model is unknown.",
        fix=f"set {class_list('model.classes', classes)} in the order of the model, or log it with "
        'named output columns or with metadata={"classes": [...]}.',
    )


def unknown_columns_error(table: pd.DataFrame, classes: Sequence[str]) -> ModelError:
    """Say that columns are not those of the classes; only shares and logits may be classes under other names."""
    names = list(table.columns)
    if len(names) == len(classes) and _may_be_classes(table):
        return class_mismatch_error(names, classes)
    return ModelError(
        f"The model returned the columns {', '.join(names)}, which are not one column for each of the classes "
        f"{', '.join(classes)}.",
        fix="log a model that returns a DataFrame with a column of probabilities for each class, named like the "
        "class; or the name of a class and its probability, in columns called label and score.",
    )


def unknown_labels_error(names: Sequence[str], classes: Sequence[str], own_names: Mapping[str, str]) -> ModelError:
    """Build the error for labels that name no class of the dataset."""
    foreign = [name for name in names if match_labels([name], classes, own_names) is None]
    if foreign and all(map(DECIMAL.fullmatch, foreign)):
        return ModelError(
            f"The model returned numbers as text, such as {foreign[0]!r}.",
            fix="log a model that returns them as floats.",
        )
    return ModelError(
        f"The model returned the classes {foreign}; the dataset has {list(classes)}.",
        fix="evaluate it on a dataset with its classes; or, if only the names differ, write its names in "
        f"model.class_names and, in the same order, what the dataset calls them: "
        f"{class_list('model.classes', classes)}.",
    )


def one_value_error(values: NDArray[Any], classes: Sequence[str]) -> ModelError:
    """Build the error for one number per image, of which nobody said what it is."""
    if values.dtype.kind != "f":
        return not_numeric_error(describe_value(values.tolist()[0]))
    example = class_setting("model.score_of", classes[-1]) if classes else ""
    of_two = f"say which class it is the probability of, such as {example}; or "
    return ModelError(
        f"The model returned one value per image, such as {values.tolist()[0]!r}.",
        fix=(of_two if len(classes) == 2 else "")
        + "log a model that returns one probability per class, or class names.",
    )


def foreign_score_error(classes: Sequence[str], name: str, column: str, score: float) -> ModelError:
    """Build the error for a score that is not the probability of the class that stands beside it."""
    if 0 <= score < 0.5:
        likely = classes[1 - classes.index(name)]
        return ModelError(
            f"The model named {name!r} with {column}={score:.4g}: below 0.5, this is not the probability of the "
            "class that it named.",
            fix=f"say which class the column {column!r} is the probability of, such as model.score_of={likely}.",
        )
    return ModelError(
        f"The model named {name!r} with {column}={score:.4g}, which is no probability.",
        fix="log a model that returns probabilities from 0 to 1.",
    )


def contradicted_score_error(column: str, named: str, stated: str) -> ModelError:
    """Build the error for a column whose name says another class than the config."""
    return ModelError(
        f"The model returned the column {column!r}, which names {named!r}, and model.score_of is {stated!r}.",
        fix=f"leave model.score_of out; if the column does hold the probability of {stated!r}, log the model with "
        "another name for it.",
    )


def score_range_error(column: str, scores: Floats) -> ModelError:
    """Build the error for scores that are no probabilities; ``column`` names where they stand."""
    worst = float(scores[np.abs(scores - 0.5).argmax()])
    per_cent = bool((scores >= 0).all() and (scores <= PER_CENT).all() and (scores > 1).any())
    return ModelError(
        f"The model returned {worst:.4g} {column}, which is no probability.",
        fix="log a model that returns probabilities from 0 to 1: divide by 100 if these are per cent."
        if per_cent
        else "set model.softmax=true if it is a logit; else log a model that returns probabilities from 0 to 1.",
    )


def unnamed_images_error(labels: NDArray[Any]) -> ModelError:
    """Build the error for a model that named no class for some images."""
    missing = int(pd.isna(labels).sum())
    return ModelError(
        f"The model named no class for {missing} of {plural(len(labels), 'image')}.",
        fix="log a model that names a class for every image.",
    )


def _may_be_classes(table: pd.DataFrame) -> bool:
    if not all(map(pd.api.types.is_float_dtype, table.dtypes)):
        return False
    if any(map(RANKED.search, table.columns)):
        return False
    values = table.to_numpy(np.float64)
    return common_sum(values) is not None or bool((values < 0).any())
